"""What a result says of the goals; and the time with the lock, measured where it is known."""

import contextlib
import ctypes
import io
import re
import threading
import time
import unittest

from bench_py import goals, results
from bench_py.lock import LockTime
from bench_py.native import Native
from bench_py.suites import exchange, interpreters

MACHINE = {"processor": "a processor", "python": "CPython 3.14.0", "commit": "abc"}


def run_of(*rows):
    found = [results.Row("interpreters", table, 1, "s", "ungil", [], samples) for table, samples in rows]
    return results.Results(MACHINE, False, "2026-01-01T00:00:00+00:00", rows=found)


class Goals(unittest.TestCase):
    def shown(self, run, before=None):
        with contextlib.redirect_stdout(io.StringIO()) as output:
            status = goals.show(run, before)
        return status, output.getvalue()

    def test_what_is_reached(self):
        trip = (goals.TRIP, {"ungil": [1.0] * 3, goals.THREADS: [0.9] * 3, results.STANDARD: [2.9] * 3})
        status, text = self.shown(run_of(trip))
        self.assertEqual(status, 1)
        self.assertRegex(text, r"\| threads \| 0.667 \| 0.9 \(0.9 to 0.9\) \| 1 s \| 900 ms \| ok \|")
        self.assertRegex(text, r"interpreters of the standard library \| 3 \| 2.9 .* \| MISSED \|")
        self.assertRegex(text, r"processes, fork \| 6 \|  \| 1 s \| – \| not measured \|")
        self.assertEqual(self.shown(run_of((goals.TRIP, {"ungil": [1.0] * 3, goals.THREADS: [0.9] * 3})))[0], 0)

    def test_the_limit_of_what_is_missed(self):
        table = exchange.LIST
        samples = {"ungil": [2.0] * 3, results.STANDARD: [2.2] * 3, goals.PICKLE: [1.76] * 3}
        limit = "MISSED: pickle alone takes 1.76 s, so 1.25 at most"
        self.assertIn(limit, self.shown(run_of((table, samples)))[1])
        self.assertNotIn("at most", self.shown(run_of((table, {**samples, "ungil": [1.0] * 3})))[1])
        self.assertLessEqual({goal.limit for goal in goals.GOALS if goal.limit}, exchange.LIMITS)

    def test_a_result_from_before(self):
        new, old = ((goals.LOCK, {"ungil": [seconds] * 3}) for seconds in (2e-6, 7e-6))
        self.assertIn("BEFORE=", self.shown(run_of(new))[1])
        status, text = self.shown(run_of(new), run_of(old))
        self.assertRegex(text, r"\| 4 \| 3.5 .* MISSED \|")
        self.assertIn("ungil 500,000 a second", text)
        self.assertEqual(status, 1)

    def test_tables_are_those_of_the_suite(self):
        tables = {value for module in (exchange, interpreters) for value in vars(module).values() if type(value) is str}
        self.assertLessEqual({goal.table for goal in goals.GOALS} | set(goals.RATES), tables)
        self.assertRegex(f"{exchange.ARRAY}, 1,000", goals.pattern())
        self.assertNotRegex(interpreters.ARGUMENT, goals.pattern())
        self.assertTrue(re.search(goals.pattern(), goals.TRIP))


class Lock(unittest.TestCase):
    def test_time_with_the_lock(self):
        """Of a thread in Python, and of one in C, which has no lock meanwhile."""
        lock, library = LockTime(Native()), ctypes.CDLL(None)
        numbers = (ctypes.c_double * 100_000)(*range(100_000))
        compare = ctypes.cast(library.memcmp, ctypes.CFUNCTYPE(ctypes.c_int, *[ctypes.c_void_p] * 2, ctypes.c_size_t))

        def in_python():
            sum(i * i for i in range(100_000))

        def in_c():
            for _ in range(100):
                compare(numbers, numbers, ctypes.sizeof(numbers))

        def repeated(work):
            start = time.process_time()
            while time.process_time() - start < 0.3:
                work()

        self.assertGreater(lock.share_of(lambda: repeated(in_python)), 0.8)
        self.assertLess(lock.share_of(lambda: repeated(in_c)), 0.3)
        self.assertLess(0, lock.of(in_python, 0.1))

    def test_other_threads_count(self):
        lock, go = LockTime(Native()), threading.Event()
        other = threading.Thread(target=lambda: [None for _ in iter(go.is_set, True)])
        other.start()
        try:
            self.assertGreater(lock.of(lambda: time.sleep(0.01), 0.2), 0.002)
        finally:
            go.set()
            other.join()


if __name__ == "__main__":
    unittest.main()
