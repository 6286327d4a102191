"""What is concluded from samples: ratios, losses between runs, the README's figures; and how contests are measured."""

import contextlib
import io
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

from bench_py import claims, compare, results, text
from bench_py.contest import Contest, Effort, Measuring, WrongAnswer, brief
from bench_py.suites import exchange, interpreters

PROJECT = Path(__file__).resolve().parent.parent.parent
BRIEF = Effort(rounds=5, sample=0.0001, limit=60, long=60, few=3)  # whatever else the machine does


def run_of(samples, reference="ungil", complete=True, started="2026-01-01T00:00:00+00:00"):
    """A run of one row."""
    rivals = [name for name in samples if name != reference]
    row = results.Row("kernels", "pi: n terms", 10**9, "s", reference, rivals, samples)
    machine = {"affinity": [0, 1], "processor": "a processor", "cpu_level": "avx2", "python": "CPython 3.12.0"}
    machine |= {"commit": "abc", "ungil": "0.1.0", "versions": {}}
    return results.Results(machine, False, started, complete=complete, suites=["kernels"], rows=[row])


class Ratios(unittest.TestCase):
    def test_of_rounds(self):
        """The machine was half as fast in the second round: the ratio is the same."""
        row = run_of({"ungil": [1.0, 2.0, 1.0], "C": [3.0, 6.0, 3.0]}).rows[0]
        self.assertEqual(row.ratio("C", "ungil").rounds, [3.0, 3.0, 3.0])

    def test_of_fewer_rounds(self):
        row = run_of({"ungil": [1.0, 2.0, 1.0], "slow": [8.0]}).rows[0]
        self.assertEqual(row.ratio("slow", "ungil").median, 8.0)

    def test_what_is_conclusive(self):
        for rounds, expected in (
            ([2.0, 2.0, 2.0], True),
            ([0.5, 0.6, 0.7], True),
            ([0.9, 1.0, 1.1], False),
            ([1.1, 1.2, 1.6], False),
            ([0.5, 2.0, 2.0, 2.0, 2.0], False),
            ([1.05, 1.1, 1.1, 1.15, 1.2, 1.1, 1.3], True),
            ([2.0, 2.0], False),
        ):
            self.assertEqual(results.Ratio(rounds).is_conclusive, expected, rounds)


class Comparing(unittest.TestCase):
    old = run_of({"ungil": [1.0] * 7, "C": [10.0] * 7})

    def status(self, *rounds_of_new):
        new = [
            run_of({"ungil": [1.0] * len(rounds), "C": rounds}, started=f"2026-01-{2 + i:02}T00:00:00+00:00")
            for i, rounds in enumerate(rounds_of_new)
        ]
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = compare.compare(self.old, new, 0.1)
        self.assertIn("pi: n terms", output.getvalue())
        return status

    def test_losses(self):
        for rounds, expected in (
            ([10.0] * 7, 0),
            ([12.0] * 7, 0),
            ([9.2] * 7, 0),
            ([8.5] * 7, 1),
            ([5.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0], 0),
            ([8.0, 8.0, 8.0, 8.0, 10.0, 10.0, 10.0], 0),
            ([8.0, 8.0, 8.0, 8.0, 8.0, 8.0, 10.0], 1),
        ):
            self.assertEqual(self.status(rounds, rounds), expected, rounds)

    def test_a_loss_that_does_not_repeat(self):
        self.assertEqual(self.status([8.0] * 7), 0)
        self.assertEqual(self.status([8.0] * 7, [10.0] * 7), 0)
        self.assertEqual(self.status([8.0] * 7, [8.5] * 7), 1)

    def test_an_old_run_with_a_wide_spread(self):
        self.old = run_of({"ungil": [1.0] * 7, "C": [6.0, 8.0, 10.0, 10.0, 10.0, 12.0, 14.0]})
        self.assertEqual(self.status([8.5] * 7, [8.5] * 7), 0)

    def test_what_cannot_be_compared(self):
        for change in ({"rows": []}, {"quick": True}, {"complete": False}, {"failures": ["WRONG ANSWER"]}):
            new = run_of({"ungil": [1.0] * 7, "C": [10.0] * 7})
            for name, value in change.items():
                setattr(new, name, value)
            self.assertRaises(ValueError, compare.compare, self.old, [new], 0.1)
        other_level = run_of({"ungil": [1.0] * 7, "C": [10.0] * 7})
        other_level.machine = {**other_level.machine, "cpu_level": "scalar"}
        self.assertRaises(ValueError, compare.compare, self.old, [other_level], 0.1)

    def test_few_rounds(self):
        few = run_of({"ungil": [1.0], "C": [2.0]})
        self.assertRaises(ValueError, compare.compare, self.old, [few], 0.1)

    def test_a_new_run_given_twice(self):
        self.assertRaisesRegex(ValueError, "twice", compare.compare, self.old, [self.old, self.old], 0.1)

    def test_the_command(self):
        with tempfile.TemporaryDirectory() as folder:
            old, new, newer = Path(folder, "old.json"), Path(folder, "new.json"), Path(folder, "newer.json")
            self.old.save(old)
            run_of({"ungil": [1.0] * 7, "C": [5.0] * 7}, started="2026-01-02T00:00:00+00:00").save(new)
            run_of({"ungil": [1.0] * 7, "C": [5.0] * 7}, started="2026-01-03T00:00:00+00:00").save(newer)
            for arguments, expected in (
                ([old, old, new], 0),
                ([old, new], 0),
                ([old, new, newer], 1),
                ([old, folder], 2),
            ):
                self.assert_status(arguments, expected)
            for junk in (
                "",
                "[]",
                "null",
                '{"rows": []}',
                '{"schema": 1}',
                '{"schema": 1, "rows": [1], "missing": []}',
            ):
                new.write_text(junk)
                self.assert_status([old, new], 2)

    def assert_status(self, arguments, expected):
        command = [sys.executable, "-m", "bench_py", "compare", *map(str, arguments)]
        found = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True)
        self.assertEqual(found.returncode, expected, found.stdout + found.stderr)
        if expected == 2:
            self.assertRegex(found.stderr, f"^bench_py: .*{arguments[1]}")


class Files(unittest.TestCase):
    def test_what_is_whole(self):
        for change in (
            {},
            {"quick": True},
            {"only": "pi"},
            {"complete": False},
            {"failures": ["x"]},
            {"suites": ["gil"]},
        ):
            run = run_of({"ungil": [1.0], "C": [2.0]})
            run.suites = list(results.NAMES)
            for name, value in change.items():
                setattr(run, name, value)
            self.assertEqual(run.is_whole, not change, change)

    def test_there_and_back(self):
        run = run_of({"ungil": [1.0], "C": [2.0]})
        run.missing.append(results.Missing("kernels", "gmpy2", "not here"))
        with tempfile.TemporaryDirectory() as folder:
            path = results.new_path(Path(folder), "2026-01-01", "here", quick=False)
            run.save(path)
            self.assertEqual(results.load(path), run)
            self.assertNotEqual(results.new_path(Path(folder), "2026-01-01", "here", quick=False), path)
        self.assertRaises(ValueError, results.new_path, Path("."), "2026-01-01", "../there", False)

    def test_damaged_ones(self):
        machine = run_of({}).machine

        def rows(*samples):
            return [results.Row("kernels", "pi: n terms", 1, "s", None, [], {"C": list(samples)})]

        for change in (
            {"machine": {}},
            {"machine": "x"},
            {"machine": {**machine, "cpu_level": None}},
            {"suites": ["os"]},
            {"rows": [results.Row("os", "", 1, "s", None, [])]},
            {"rows": rows()},
            {"rows": rows(1.0, 0.0)},
            {"rows": rows(float("nan"))},
            {"rows": rows("1")},
        ):
            run = run_of({"ungil": [1.0], "C": [2.0]})
            for name, value in change.items():
                setattr(run, name, value)
            with tempfile.TemporaryDirectory() as folder:
                run.save(Path(folder, "damaged.json"))
                with self.assertRaisesRegex(ValueError, "damaged.json: not a result", msg=change):
                    results.load(Path(folder, "damaged.json"))


class Readme(unittest.TestCase):
    def test_figures(self):
        for value, expected in ((0.984, "0.98"), (1.04, "1.0"), (4.16, "4.2"), (12.3, "12"), (1843.0, "1,800")):
            self.assertEqual(claims.figure(results.Ratio([value])), expected)
        self.assertEqual(claims.figure(results.Ratio([1.0, 2.0, 3.0, 4.0, 500.0])), "2.0 to 4.0")

    def test_only_the_blocks_change(self):
        run = run_of({"ungil": [1.0], "numba prange, fastmath": [8.0]})
        blocks = [f"<!-- figures: {name}, by `make readme` -->\nold\n<!-- end of figures -->" for name in self.names()]
        before = "first\n" + "\nbetween\n".join(blocks) + "\nlast"
        source = claims.Source(PROJECT / "bench_py" / "results" / "a.json", run)
        sources = claims.Sources(source, source)
        after = claims.with_figures(before, sources)
        self.assertIn("| `pi` with 10^9 terms, all processors | numba, `prange`, `fastmath` | 8.0 |", after)
        self.assertIn("(bench_py/results/a.json)", after)
        self.assertNotIn("old", after)
        for part in ("first", "between", "last"):
            self.assertIn(part, after.splitlines())
        self.assertEqual(claims.with_figures(after, sources), after)
        self.assertRaises(ValueError, claims.with_figures, "no place", sources)

    @staticmethod
    def names():
        return dict.fromkeys(claim.readme_table for claim in claims.CLAIMS)

    def test_every_claim_has_its_figure(self):
        """But for tables of the exchange, which results may be older than."""
        sources = claims.newest_sources()
        for claim in claims.CLAIMS:
            path, run = sources.of(claim)
            if claim.figure(run) == claims.UNMEASURED:
                self.assertIn(claim.result_table, [*vars(exchange).values(), interpreters.ROUND_TRIP], (claim, path))

    def test_interpreters_have_a_source_of_their_own(self):
        """The newest with the standard library's interpreters, which other Pythons lack, even if others are newer."""

        def run(python, started, suites, samples):
            found = run_of({}, started=started)
            found.machine["python"], found.suites = python, suites
            table = "an empty task there and back"
            found.rows.append(results.Row("interpreters", table, 1, "s", "ungil", [], samples))
            first = claims.CLAIMS[0]
            both = {first.ours: [1.0], first.peer: [2.0]}
            found.rows.append(results.Row(first.suite, first.result_table, first.size, "s", None, [], both))
            return found

        whole = {"ungil": [1.0], "processes, fork": [2.0]}
        standard = {"ungil": [1.0], "processes, fork": [4.0], results.STANDARD: [1.5]}
        runs = {
            "standard": run("CPython 3.14.1", "2026-01-02", ["interpreters"], standard),
            "standard-old": run("CPython 3.14.0", "2026-01-01", ["interpreters"], standard),
            "standard-quick": run("CPython 3.15.0", "2026-01-05", ["interpreters"], standard),
            "whole": run("CPython 3.11.0", "2026-01-03", list(results.NAMES), whole),
            "whole-old": run("CPython 3.10.0", "2026-01-01", list(results.NAMES), whole),
        }
        runs["standard-quick"].quick = True
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(results, "FOLDER", Path(folder)):
            self.assertIsNone(claims.newest_sources())
            for name in ("whole-old", "whole", "standard-old", "standard", "standard-quick"):
                runs[name].save(Path(folder, name + ".json"))
                if name == "whole":
                    without = claims.block("summary", claims.newest_sources())
            sources = claims.newest_sources()
            both = claims.block("summary", sources)
            self.assertEqual([source.path.stem for source in sources], ["whole", "standard"])
        self.assertNotIn(claims.STANDARD_TEXT, without)
        self.assertIn("| round trip of an empty task | `ProcessPoolExecutor`, `fork` | 2.0 |", without)
        self.assertIn(f"| round trip of an empty task | {claims.STANDARD_TEXT} | 1.5 |", both)
        self.assertIn("| round trip of an empty task | `ProcessPoolExecutor`, `fork` | 4.0 |", both)
        self.assertRegex(both, r"\nMeasured with CPython 3.11.0 .*\n.*whole.json.*\nComparisons.* with CPython 3.14.1 ")
        self.assertNotIn("CPython 3.11.0", claims.block("interpreters", sources))

    def test_a_peer_that_cannot_take_part(self):
        run = run_of({})
        table = "a numpy array of n bytes, summed by the task"
        why = {results.STANDARD: "ImportError: no subinterpreters"}
        run.rows.append(results.Row("interpreters", table, 10**8, "s", "ungil", [], {"ungil": [1.0]}, failed=why))
        (claim,) = (one for one in claims.CLAIMS if (one.result_table, one.peer) == (table, results.STANDARD))
        self.assertEqual(claim.figure(run), "fails (ImportError)")


class Texts(unittest.TestCase):
    def test_quantities(self):
        for value, expected in ((1.5, "1.5 s"), (0.0123, "12.3 ms"), (9.996e-4, "1,000 us"), (2e-9, "2 ns")):
            self.assertEqual(text.quantity(value, "s"), expected)
        self.assertEqual(text.quantity(12.34, "MiB"), "12.3 MiB")
        self.assertEqual((text.times(1234.5), text.times(0.98)), ("1,234 ×", "0.98 ×"))


class Contests(unittest.TestCase):
    def contest(self, size=1, **contenders):
        return Contest("suite", "table", size, contenders, 7, reference="ungil", context=frozenset({"context"}))

    def test_rounds(self):
        row = Measuring(BRIEF).measure(self.contest(ungil=lambda: 7, C=lambda: 7, context=lambda: 7))
        self.assertEqual({name: len(samples) for name, samples in row.samples.items()}, dict(ungil=5, C=5, context=5))
        self.assertEqual(row.rivals, ["C"])

    def test_work(self):
        contest = self.contest(ungil=lambda: time.sleep(0.01) or 7)
        contest.calls = 10
        samples = Measuring(BRIEF).measure(contest).samples["ungil"]
        self.assertGreaterEqual(min(samples), 0.001)

    def test_wrong_answers(self):
        for name in ("ungil", "C", "context"):
            with self.assertRaisesRegex(WrongAnswer, f"{name} gave 8, expected 7"):
                Measuring(BRIEF).measure(self.contest(**{"ungil": lambda: 7, name: lambda: 8}))

    def test_an_answer_that_goes_wrong_later(self):
        answers = iter([7, 7, 7, 8])
        contest = self.contest(ungil=lambda: next(answers))
        contest.once = True
        self.assertRaises(WrongAnswer, Measuring(BRIEF).measure, contest)

    def test_who_fails(self):
        row = Measuring(BRIEF).measure(self.contest(ungil=lambda: 7, C=lambda: 1 // 0))
        self.assertEqual(list(row.samples), ["ungil"])
        self.assertIn("ZeroDivisionError", row.failed["C"])
        self.assertRaises(ZeroDivisionError, Measuring(BRIEF).measure, self.contest(ungil=lambda: 1 // 0))

    def test_an_exception_of_many_lines(self):
        for message, expected in (
            ("Error importing numpy: not\n    from here", "Error importing numpy: not from here"),
            ("PLEASE READ THIS\n" * 30 + "Original error was: no subinterpreters\n", "Original error was: no sub"),
            ("long " * 100, "long long"),
            ("", ""),
        ):
            text = brief(ValueError(message))
            self.assertTrue(text.startswith("ValueError: " + expected), text)
            self.assertLess(len(text.splitlines()[0]), 220)
            self.assertEqual(len(text.splitlines()), 1)

    def test_who_fails_where_nobody_is_the_reference(self):
        for name, is_ours in (("numba", False), ("context", False), ("ungil, 1 thread", True)):
            contest = self.contest(**{"ungil": lambda: 7, name: lambda: 1 // 0})
            contest.reference = None
            if is_ours:
                self.assertRaises(ZeroDivisionError, Measuring(BRIEF).measure, contest)
            else:
                self.assertEqual(list(Measuring(BRIEF).measure(contest).failed), [name])

    def test_who_takes_too_long(self):
        calls = []

        def slow():
            calls.append(None)
            time.sleep(0.01 if len(calls) < 20 else 1)
            return 7

        measuring = Measuring(Effort(rounds=2, sample=0.001, limit=0.5, long=0.1, few=1))
        self.assertIn("C", measuring.measure(self.contest(1, ungil=lambda: 7, C=slow)).samples)
        known = len(calls)
        row = measuring.measure(self.contest(1000, ungil=lambda: 7, C=slow))
        self.assertIn("would take about", row.left_out["C"])
        self.assertEqual(len(calls), known)

    def test_the_end(self):
        ended = []
        contest = self.contest(ungil=lambda: 8)
        contest.finish = lambda: ended.append(True)
        self.assertRaises(WrongAnswer, Measuring(BRIEF).measure, contest)
        self.assertTrue(ended)


if __name__ == "__main__":
    unittest.main()
