"""The gallery's examples, with little work: they print the right answers, and each pool gives the same ones."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

from references import PATIENCE

EXAMPLES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "examples", "python")
POOLS = ("in sequence", "threads", "processes", "interpreters")


def output(name, *arguments):
    command = [sys.executable, os.path.join(EXAMPLES, name), *map(str, arguments)]
    return subprocess.check_output(command, timeout=PATIENCE, universal_newlines=True)


class Gallery(unittest.TestCase):
    def assert_times(self, text):
        for way in POOLS:
            self.assertRegex(text, r"(?m)^  %s .* [\d.]+ s +[\d.]+$" % way)

    def test_log_lines(self):
        text = output("log_lines.py", 4000)
        self.assert_times(text)
        failed = int(re.search(r"(\d+) requests failed", text).group(1))
        self.assertTrue(80 < failed < 240, text)  # 4 % of them

    def test_monte_carlo(self):
        text = output("monte_carlo.py", 2000)
        self.assert_times(text)
        price, error, formula = map(float, re.findall(r"(?<= )\d+\.\d{4}", text))
        self.assertLess(abs(price - formula), 4 * error)
        self.assertAlmostEqual(formula, 3.1, delta=0.7)

    def test_thumbnails(self):
        text = output("thumbnails.py", 8)
        self.assert_times(text)
        self.assertIn("8 thumbnails of 200 x 150 pixels", text)
        for colour in ("red", "green", "blue", "orange"):
            self.assertRegex(text, r"(?m)^  %s +2$" % colour)

    def test_pi(self):
        with tempfile.TemporaryDirectory() as folder:
            text = output("pi_log_log.py", 10000, folder)
            with open(os.path.join(folder, "results_nogil.dat")) as file:
                rows = [list(map(float, line.split("\t"))) for line in file]
            with open(os.path.join(folder, "results_nogil.png"), "rb") as file:
                self.assertEqual(file.read(8), b"\x89PNG\r\n\x1a\n")
        self.assertEqual([row[0] for row in rows], [1000, 10000])
        self.assertEqual([len(row) for row in rows], [6, 6])
        self.assertTrue(all(time > 0 for row in rows for time in row[1:]), rows)
        for way in ("interpreters", "numba", "C by ctypes", "ungil"):
            self.assertRegex(text, r"(?m)^  %s +[\d.]+$" % way)


if __name__ == "__main__":
    unittest.main()
