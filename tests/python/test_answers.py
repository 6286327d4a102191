"""The answers, as a script sees them through ctypes."""
import ctypes
import math
import os
import random
import subprocess
import sys
import threading
import unittest
from array import array
from fractions import Fraction

from support import HERE, int_array, load, signatures

library = load()

INT_MAX, INT_MIN = 2**31 - 1, -(2**31)


class Sum(unittest.TestCase):
    def test_agrees_with_python(self):
        for start in range(-40, 40):
            for end in range(-40, 80):
                self.assertEqual(library.test(start, end), sum(i for i in range(start, end) if i % 3 == 0))

    def test_a_thousand_million(self):
        self.assertEqual(library.test(0, 1000000000), 1350552661)

    def test_ends_of_the_type(self):
        self.assertEqual(library.test(INT_MAX, INT_MIN), 0)
        self.assertEqual(library.test(INT_MAX - 3, INT_MAX), 2**31 - 2)
        self.assertEqual(library.test(INT_MIN, INT_MIN + 3), INT_MIN + 2)


class NumPrimes(unittest.TestCase):
    def test_the_first_million(self):
        numbers = array("i", range(1000000))
        shared = (ctypes.c_int32 * len(numbers)).from_buffer(numbers)
        self.assertEqual(library.num_primes(len(numbers), shared), 921295)

    def test_agrees_with_the_rule_in_python(self):
        def has_divisor(n):
            return n >= 0 and any(n % d == 0 for d in range(2, int(math.floor(math.sqrt(n)))))

        generator = random.Random(2)
        samples = list(range(-50, 2000)) + [generator.randrange(INT_MIN, INT_MAX) for _ in range(200)]
        for n in samples + [INT_MIN, INT_MAX, 46337 * 46337, 46327 * 46337, 41609 * 41611]:
            self.assertEqual(library.num_primes(1, int_array([n])), int(has_divisor(n)), n)

    def test_null_and_sizes(self):
        self.assertEqual(library.num_primes(0, None), 0)
        self.assertEqual(library.num_primes(-5, None), 0)
        self.assertEqual(library.num_primes(-5, int_array([10])), 0)
        self.assertEqual(library.num_primes(7, None), -1)
        self.assertIn(b"num_primes: numbers is NULL", library.ungil_last_error())

    def test_misaligned_array(self):
        raw = ctypes.create_string_buffer(4 * 1000 + 1)
        shifted = ctypes.addressof(raw) + 1
        values = int_array(range(1000))
        ctypes.memmove(shifted, values, 4000)
        pointer = ctypes.cast(shifted, ctypes.POINTER(ctypes.c_int32))
        self.assertEqual(library.num_primes(1000, pointer), library.num_primes(1000, values))


class SumMultiples(unittest.TestCase):
    def sum_multiples(self, start, end, k):
        """(status, sum); the sum stays as it was on an error."""
        out = ctypes.c_int64(-77)
        return library.ungil_sum_multiples(start, end, k, ctypes.byref(out)), out.value

    def test_agrees_with_python(self):
        for start in (-20, 0, 7, -(10**9)):
            for end in (start - 1, start, start + 1, start + 50):
                for k in (-7, -1, 1, 3, 10**12):
                    expected = sum(i for i in range(start, end) if i % k == 0)
                    self.assertEqual(self.sum_multiples(start, end, k), (0, expected))

    def test_errors(self):
        self.assertEqual(self.sum_multiples(0, 10, 0), (-2, -77))
        self.assertIn(b"k must be other than 0", library.ungil_last_error())
        self.assertEqual(self.sum_multiples(0, 2**63 - 1, 1), (-3, -77))
        self.assertIn(b"does not fit in a signed 64-bit integer", library.ungil_last_error())
        self.assertEqual(library.ungil_sum_multiples(0, 10, 1, None), -1)
        self.assertIn(b"out is NULL", library.ungil_last_error())


class Pi(unittest.TestCase):
    @staticmethod
    def exact(start, terms):
        """The formula in rational numbers: a term is 16 n^2 / (4 n^2 + (2 i - 1)^2)."""
        total = sum(Fraction(16 * terms**2, 4 * terms**2 + (2 * i - 1) ** 2) for i in range(terms))
        return (Fraction(start) + total) / terms

    def test_agrees_with_rational_arithmetic(self):
        for start in (0.0, 0.5, 1e3):
            for terms in (1, 2, 3, 10, 100):
                exact = self.exact(start, terms)
                error = abs(Fraction(library.compPi_ctypes(start, terms)) - exact) / exact
                self.assertLessEqual(error, Fraction(1, 10**14), (start, terms))

    def test_a_negative_start(self):
        """It may cancel the sum: then the error is bounded by what was added, not by what is left."""
        for start, terms in ((-1.0, 3), (-33.41, 10), (-1e9, 10), (-314.0, 100)):
            error = abs(Fraction(library.compPi_ctypes(start, terms)) - self.exact(start, terms))
            added = abs(Fraction(start)) / terms + self.exact(0.0, terms)
            self.assertLessEqual(error, added / 10**14, (start, terms))

    def test_no_terms(self):
        self.assertTrue(math.isnan(library.compPi_ctypes(0.0, 0)))
        self.assertEqual(library.compPi_ctypes(2.0, 0), float("inf"))
        self.assertEqual(library.compPi_ctypes(2.0, -4), -0.5)
        self.assertEqual(library.compPi_ctypes(2.0, INT_MIN), 2.0 / INT_MIN)


HELPERS_AFTER_A_CALL = """
import ctypes, os, sys
import support
library = ctypes.CDLL(os.path.join(support.LIBRARIES, "libungil.so"))
numbers = (ctypes.c_int32 * 1000000)()
calls = {
    "test": lambda: library.test(0, 2**31 - 1),
    "num_primes": lambda: library.num_primes(len(numbers), numbers),
    "compPi_ctypes": lambda: library.compPi_ctypes(ctypes.c_double(0.0), 10**8),
}
calls[sys.argv[1]]()
print(support.helpers(int(sys.argv[2])))
"""


def answers():
    numbers = int_array(range(30000))
    return library.test(-7, 100000), library.num_primes(len(numbers), numbers), library.compPi_ctypes(0.0, 300000)


class ManyCallers(unittest.TestCase):
    def in_threads(self, count, function):
        results = []
        threads = [threading.Thread(target=lambda: results.append(function())) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    def test_64_threads_get_the_same_answers(self):
        self.assertEqual(self.in_threads(64, answers), [answers()] * 64)

    def test_an_error_belongs_to_its_thread(self):
        library.num_primes(7, None)
        self.assertEqual(self.in_threads(1, library.ungil_last_error), [b""])

    def test_the_environment_may_change_during_calls(self):
        """Assigning to os.environ moves the array of variables; calls do not read it: the first one of all has."""
        library.ungil_num_threads()
        numbers = int_array(range(100000))
        done = threading.Event()

        def count():
            counts = set()
            while not done.is_set():
                counts.add(library.num_primes(len(numbers), numbers))
            return counts

        def change():
            for i in range(3000):
                os.environ["UNGIL_TEST_%d" % i] = "x" * (i % 100)
            for i in range(3000):
                del os.environ["UNGIL_TEST_%d" % i]
            done.set()
            return set()

        work = iter([count, count, change])
        results = self.in_threads(3, lambda: next(work)())
        self.assertEqual(set.union(*results), set([library.num_primes(len(numbers), numbers)]))

    @unittest.skipUnless(os.path.isdir("/proc/self/task"), "this system does not list a process's threads")
    def test_the_environment_sets_the_number_of_threads(self):
        """By the names of the process's threads: helpers stay when the call that needed them is over.

        A helper that was done early may have come twice, instead of a second one that had to be started.
        """
        for function in ("test", "num_primes", "compPi_ctypes"):
            for setting, least, most in (("1", 0, 0), ("", 0, 0), ("many", 0, 0), ("2", 1, 1), ("3", 1, 2)):
                command = [sys.executable, "-c", HELPERS_AFTER_A_CALL, function, str(least)]
                output = subprocess.check_output(command, env=dict(os.environ, UNGIL_NUM_THREADS=setting), cwd=HERE)
                self.assertIn(int(output), (least, most), (function, setting))

    @unittest.skipUnless(os.path.isdir("/proc/self/task"), "this system does not list a process's threads")
    def test_a_call_sets_the_number_of_threads(self):
        """Whatever the environment says. The number 0 goes back to that."""
        for function in ("test", "num_primes", "compPi_ctypes"):
            for variable, number, expected in (("", 2, 1), ("1", 2, 1), ("2", 1, 0), ("", 0, 0), ("2", 0, 1)):
                program = HELPERS_AFTER_A_CALL.replace("calls[", "library.ungil_set_num_threads(%d)\ncalls[" % number)
                command = [sys.executable, "-c", program, function, str(expected)]
                output = subprocess.check_output(command, env=dict(os.environ, UNGIL_NUM_THREADS=variable), cwd=HERE)
                self.assertEqual(int(output), expected, (function, variable, number))

    def test_the_answers_do_not_depend_on_the_number_of_threads(self):
        alone = answers()
        numbers = array("i", range(500000))
        shared = (ctypes.c_int32 * len(numbers)).from_buffer(numbers)

        def large_answers():
            count = library.num_primes(len(numbers), shared)
            return count, library.test(-(10**8), 10**8), library.compPi_ctypes(0.0, 10**7)

        alone_large = large_answers()
        self.addCleanup(library.ungil_set_num_threads, 0)
        for threads in (2, 3, 16, 100000, 1, 0):
            self.assertEqual(library.ungil_set_num_threads(threads), signatures.UNGIL_OK)
            self.assertEqual(answers(), alone)
            self.assertEqual(large_answers(), alone_large)

    @unittest.skipUnless(hasattr(os, "fork"), "this system has no fork")
    def test_a_forked_child_gets_the_same_answers(self):
        expected = answers()
        child = os.fork()
        if child == 0:
            os._exit(0 if answers() == expected else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)


if __name__ == "__main__":
    unittest.main()
