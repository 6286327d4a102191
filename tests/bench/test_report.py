"""The page of results that were made up: every kind of plot, what it concludes, and what it warns of."""

import html
import re
import tempfile
import unittest
from pathlib import Path

from bench_py import report, results

MACHINE = {
    "processor": "a <processor>",
    "affinity": [0, 1],
    "cpu_level": "avx2",
    "python": "CPython 3.12.0",
    "ungil": "1.0",
    "commit": "abc",
    "versions": {"numpy": "2"},
}


def row(suite, table, size, samples, reference=None, unit="s", **more):
    rivals = [name for name in samples if name != reference] if reference else []
    return results.Row(suite, table, size, unit, reference, rivals, samples, **more)


def speed_ups(threads, rounds=5):
    names = ("pure Python", "ungil")
    samples = {f"{name} · in sequence": [float(threads)] * rounds for name in names}
    return samples | {"pure Python · on threads": [float(threads)] * rounds, "ungil · on threads": [1.0] * rounds}


class Page(unittest.TestCase):
    def page(self, *rows, **more):
        """Its text, without the images' content; the plots are files in self.folder."""
        settings = {"complete": True, "suites": sorted({row.suite for row in rows}), "seconds": 1.0, **more}
        run = results.Results(MACHINE, False, "2026-01-01T00:00:00+00:00", rows=list(rows), **settings)
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        text = report.write(Path("some-result.json"), run, self.folder).read_text("utf-8")
        self.assertEqual(len(re.findall('src="data:image/png;base64,[^"]{1000}', text)), len(run_tables(rows)))
        self.assertEqual(len(list(self.folder.glob("*.png"))), len(run_tables(rows)))
        return re.sub(r'src="data:[^"]*"', "", text)

    def test_speed_ups(self):
        two = self.page(row("gil", "test", 2, speed_ups(2)))
        self.assertIn("speed-up of 2 threads", two)
        self.assertRegex(two, r"2 ×\s*<small>2 s → 1 s")
        several = self.page(*(row("gil", "test", threads, speed_ups(threads)) for threads in (2, 4, 8)))
        self.assertIn("speed-up of 8 threads", several)

    def test_over_sizes(self):
        rows = [
            row("kernels", "pi: n terms", 10, {"ungil": [1.0] * 3, "C": [2.0] * 3, "pure Python": [30.0] * 3}, "ungil"),
            row("kernels", "pi: n terms", 1000, {"ungil": [9.0] * 3, "C": [90.0] * 3}, "ungil"),
        ]
        rows[1].left_out["pure Python"] = "would take about 3e+03 s a call"
        page = self.page(*rows)
        self.assertIn("pure Python at 1,000: would take about 3e+03 s a call", page)
        self.assertIn(f"times as much as {rows[0].reference}", page)
        self.assertIn("In no row.", page)

    def test_what_is_concluded(self):
        samples = {
            "ungil": [1.0, 1.0, 1.0, 1.0],
            "slower": [2.0, 2.0, 2.0, 2.0],
            "faster": [0.5, 0.5, 0.5, 0.5],
            "unclear": [0.8, 0.9, 1.1, 1.2],
        }
        page = self.page(row("interpreters", "pure Python on all workers", 2, samples, "ungil"))
        section = page[page.index('id="not-ahead"') :]
        self.assertNotIn("slower", section)
        self.assertRegex(section, r'class="behind">0.5 ×</td><td class="text">faster')
        self.assertRegex(section, r'class="open">1 ×</td><td class="text">unclear')
        self.assertIn("1 is the best possible", section)

    def test_distributions_and_other_units(self):
        latencies = row("overheads", "from cancel() to the call's return", 2, {"pi": [1e-5, 2e-5, 1e-3]})
        memory = row("interpreters", "memory of a worker", 2, {"ungil": [9.0] * 3, "loky": [30.0] * 3}, "ungil", "MiB")
        page = self.page(latencies, memory)
        self.assertIn("20 us", page)
        self.assertIn("30 MiB", page)

    def test_a_reference_that_was_left_out(self):
        slow = row("interpreters", "a table", 1, {"loky": [0.1] * 3}, "ungil", left_out={"ungil": "takes 7 s a call"})
        self.assertIn("ungil at 1: takes 7 s a call", self.page(slow))

    def test_a_ratio_over_magnitudes(self):
        samples = {"ungil": [1.0] * 3, "loky": [4000.0] * 3, "threads": [0.01] * 3}
        self.assertIn("4,000 ×", self.page(row("interpreters", "a table", 1, samples, "ungil")))

    def test_claims(self):
        table = "pi: n terms"
        samples = {"ungil": [1.0] * 3, "numba prange, fastmath": [12.3] * 3}
        page = self.page(row("kernels", table, 10**9, samples, "ungil"))
        claim = page[page.index('id="claims"') :]
        self.assertRegex(
            claim, r'href="#kernels-pi-n-terms">pi with 10\^9 terms, all processors</a></td><td class="ours">12<'
        )
        self.assertIn("not here", claim)
        self.assertIn('id="kernels-pi-n-terms"', page)

    def test_warnings(self):
        broken = row(
            "kernels", "pi: n terms", 10, {"ungil": [1.0, 1.0, 2.0, 3.0]}, "ungil", failed={"C": "OSError: <no>"}
        )
        page = self.page(
            broken,
            complete=False,
            failures=["WRONG ANSWER: <this>"],
            missing=[results.Missing("kernels", "gmpy2", "pip install gmpy2")],
            load={"kernels": {"others": 12.5, "stolen": 3.0}},
        )
        for text in (
            "<strong>Not complete</strong>",
            "<strong>Failed</strong>: WRONG ANSWER: &lt;this&gt;",
            "gmpy2 – pip install gmpy2.",
            "C. It raised OSError: &lt;no&gt;.",
            "C at 10: raised OSError: &lt;no&gt;",
            "others took 12.5 % of the processors, the host 3.0 %",
            "half of the samples of 1 medians lie",
            "<strong>A busy machine</strong> in <em>kernels</em>",
            html.escape(MACHINE["processor"]),
        ):
            self.assertIn(text, page)


def run_tables(rows):
    return {(row.suite, row.table) for row in rows}


if __name__ == "__main__":
    unittest.main()
