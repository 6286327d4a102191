"""The examples run on this Python and print the right answers."""
import math
import os
import subprocess
import sys
import unittest

from interpreters import HAS_ONE, REASON
from support import PROJECT


def output(name, *arguments):
    script = os.path.join(PROJECT, "examples", "python", name)
    command = [sys.executable, script] + [str(argument) for argument in arguments]
    return subprocess.check_output(command).decode()


class Examples(unittest.TestCase):
    def assert_rows(self, text, c_answer, python_answer):
        rows = [line.split() for line in text.splitlines() if " s " in line]
        self.assertEqual([rows[0][0], rows[0][-1]], ["C,", c_answer], text)
        self.assertEqual([rows[1][0], rows[1][-1]], ["pure", python_answer], text)

    def test_sum(self):
        self.assert_rows(output("sum.py", 1000000000, 10), "1350552661", "18")

    def test_primes(self):
        self.assert_rows(output("primes.py", 1000000, 1000), "921295", "812")

    def test_pi(self):
        rows = [line.split()[-1] for line in output("pi.py", 1000000, 1000).splitlines() if " s " in line]
        self.assertAlmostEqual(float(rows[0]), math.pi + 2e-6, 11)  # the sum's own error is 2/n
        self.assertAlmostEqual(float(rows[1]), math.pi + 2e-3, 5)

    def test_parallel_map(self):
        text = output("parallel_map.py", 20000)
        self.assertIn("C function, all processors", text)

    @unittest.skipUnless(HAS_ONE, REASON)
    def test_interpreters(self):
        text = output("interpreters.py", 20000)
        self.assertRegex(text, r"in isolated interpreters +[\d.]+ s")

    def test_progress(self):
        text = output("progress.py", 2000)
        self.assertRegex(text, r"(?m)^\d+ of them$")

    if not hasattr(unittest.TestCase, "assertRegex"):  # Python 2
        assertRegex = unittest.TestCase.assertRegexpMatches


if __name__ == "__main__":
    unittest.main()
