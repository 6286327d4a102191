"""The kernels: results against independent implementations, arguments, and Ctrl-C."""

import array
import contextlib
import math
import random
import struct
import unittest
from fractions import Fraction
from unittest import mock

import ungil
from references import has_numpy, import_or_skip, interrupted, is_prime, sieve, values
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil import compat, kernels
from ungil._native import call_options

LIMIT = 100000
PRIME = sieve(LIMIT)

# The largest primes below 2^31, 2^32, 2^63 and 2^64, squares of primes, and the first strong pseudoprimes.
NOTABLE = [2**31 - 1, 2**32 - 5, 2**63 - 25, 2**64 - 59, 46337**2, 46337 * 46349, 65521**2, 4294967291**2]
NOTABLE += [2047, 3215031751, 3825123056546413051, 318665857834031151167461 % 2**63, 2**61 - 1, 2**62 + 1, 2**63 + 29]


def counted(n):
    """Whether num_primes() counts n, from its definition."""
    return n > 0 and any(n % d == 0 for d in range(2, math.isqrt(n)))


def random_numbers(count, bits):
    generator = random.Random(bits)
    return [generator.getrandbits(generator.randint(1, bits)) for _ in range(count)]


class Primes(unittest.TestCase):
    def test_is_prime_of_small_numbers(self):
        self.assertEqual(bytes(map(kernels.is_prime, range(3000))), PRIME[:3000])
        self.assertEqual(bytes(values(kernels.is_prime(range(LIMIT)))), PRIME)
        self.assertEqual(bytes(values(kernels.is_prime(array.array("Q", range(LIMIT))))), PRIME)

    def test_is_prime_of_large_numbers(self):
        numbers = NOTABLE + random_numbers(2000, 64)
        numbers += [n + d for n in NOTABLE for d in range(-20, 20) if 0 <= n + d < 2**64]
        expected = list(map(is_prime, numbers))
        self.assertGreater(sum(expected), 100)
        self.assertEqual(list(map(kernels.is_prime, numbers)), expected)
        self.assertEqual(values(kernels.is_prime(array.array("Q", numbers))), expected)
        small = [(n, prime) for n, prime in zip(numbers, expected) if n < 2**63]
        self.assertEqual(values(kernels.is_prime(array.array("q", [n for n, _ in small]))), [p for _, p in small])

    def test_a_single_number(self):
        self.assertIs(kernels.is_prime(7), True)
        self.assertIs(kernels.is_prime(8), False)
        for n in (-7, -(2**200), 0, 1):
            self.assertIs(kernels.is_prime(n), False)
        for n in (2**64, 2**64 + 13, 10**30):
            with self.assertRaisesRegex(OverflowError, "numbers: %d is out of range for uint64 \\(0 to 1844" % n):
                kernels.is_prime(n)
        for n in (7.0, "7", None):
            with self.assertRaises(TypeError):
                kernels.is_prime(n)

    def test_negative_numbers(self):
        self.assertEqual(values(kernels.is_prime([-7, -2, -1, -(2**63), 2])), [False] * 4 + [True])
        for code in "iq":
            self.assertEqual(kernels.count_primes(array.array(code, [-7, -2, -1, -(2**31), 2])), 1)

    def test_the_result_is_an_array_of_bool(self):
        result = kernels.is_prime([2, 4])
        if has_numpy():
            self.assertEqual(result.dtype, import_or_skip("numpy").dtype(bool))
        else:
            self.assertEqual((result.format, result.shape), ("?", (2,)))

    def test_without_numpy(self):
        with mock.patch("ungil._arrays.results._numpy_module", [None]):
            self.assertEqual(kernels.is_prime([2, 4]).format, "?")
            square = memoryview(array.array("q", [2, 4, 5, 6])).cast("B").cast("q", (2, 2))
            self.assertEqual(kernels.is_prime(square).tolist(), [[True, False], [True, False]])
            self.assertEqual(kernels.is_prime([]).tolist(), [])

    def test_count_primes(self):
        for code in "iqQ":
            self.assertEqual(kernels.count_primes(array.array(code, range(LIMIT))), sum(PRIME))
        largest = range(2**31 - 1000, 2**31)
        self.assertEqual(kernels.count_primes(array.array("i", largest)), sum(map(is_prime, largest)))
        numbers = random_numbers(2000, 64)
        self.assertEqual(kernels.count_primes(numbers), sum(map(is_prime, numbers)))

    @unittest.skipUnless(hasattr(math, "isqrt"), "SKIP: no math.isqrt")
    def test_num_primes(self):
        for n in range(2000):
            self.assertEqual(compat.num_primes([n]), counted(n), n)
        self.assertEqual(compat.num_primes(range(20000)), sum(map(counted, range(20000))))
        numbers = [46337**2, 46337 * 46327, 46337 * 46339, 2**31 - 1, -4, -(2**31), 6, 8]
        self.assertEqual(compat.num_primes(numbers), sum(map(counted, numbers)))
        self.assertEqual(compat.num_primes(range(1000000)), 921295)


class Sums(unittest.TestCase):
    def test_pi(self):
        for n in (1, 2, 3, 10, 1000, 12345):
            exact = sum(4 / (1 + Fraction(2 * i - 1, 2 * n) ** 2) for i in range(n)) / n if n <= 10 else None
            rounded = math.fsum(4 / (1 + ((i - 0.5) / n) ** 2) for i in range(n)) / n
            self.assertAlmostEqual(compat.pi(n), float(exact or rounded), delta=4e-14)
        self.assertAlmostEqual(compat.pi(10**8), math.pi + 2e-8, delta=1e-13)
        self.assertIsInstance(compat.pi(1), float)

    def test_test(self):
        for start, stop in ((0, 0), (5, 2), (0, 1), (-100, 100), (1, 10000), (2**31 - 10, 2**31 - 1), (-(2**31), 0)):
            multiples = range(start + -start % 3, stop, 3)
            total = len(multiples) * (multiples[0] + multiples[-1]) // 2 if multiples else 0
            self.assertEqual(compat.test(start, stop), struct.unpack("i", struct.pack("I", total % 2**32))[0])
        for start, stop in ((0, 2**31), (-(2**31) - 1, 0)):
            with self.assertRaisesRegex(OverflowError, r"is out of range for int32 \(-2147483648 to 2147483647\)"):
                compat.test(start, stop)

    def test_sum_multiples(self):
        wide = (-(2**63), 2**63 - 1, 2**62)
        for start, stop, k in ((0, 10, 3), (-10, 10, 7), (5, 5, 1), (9, 2, 1), (0, 1000, -6), wide):
            expected = sum(range(-(-start // abs(k)) * abs(k), stop, abs(k))) if start < stop else 0
            self.assertEqual(kernels.sum_multiples(start, stop, k), expected)
        with self.assertRaises(ValueError):
            kernels.sum_multiples(0, 10, 0)
        for numbers in ((0, 2**63 - 1, 1), (0, 2**63, 1), (0, 1, 2**63)):
            with self.assertRaises(OverflowError):
                kernels.sum_multiples(*numbers)

    def test_sum(self):
        generator = random.Random(1)
        for count in (0, 1, 2, 7, 8, 9, 1000, 100003):
            numbers = [generator.uniform(-1, 1) * 10 ** generator.randint(-9, 9) for _ in range(count)]
            self.assertEqual(kernels.sum(numbers), math.fsum(numbers))
        self.assertEqual(kernels.sum([1e100, 1.0, -1e100]), 1.0)
        self.assertEqual(kernels.sum([1, 2, 3]), 6.0)
        self.assertEqual(kernels.sum([math.inf, 1]), math.inf)
        self.assertTrue(math.isnan(kernels.sum([math.inf, -math.inf])))


class Parameters(unittest.TestCase):
    calls = (
        lambda **how: compat.num_primes([1], **how),
        lambda **how: kernels.count_primes([1], **how),
        lambda **how: kernels.is_prime([1], **how),
        lambda **how: kernels.is_prime(1, **how),
        lambda **how: compat.pi(1, **how),
        lambda **how: compat.test(0, 1, **how),
        lambda **how: kernels.sum([1.0], **how),
    )

    def test_threads(self):
        for call in self.calls:
            for threads in (1, 2, 256, 10**30, None):
                call(threads=threads)
            for threads in (0, -1, True, False, 1.5, "2", []):
                with self.assertRaisesRegex(ValueError, "threads: expected a positive integer or None, not "):
                    call(threads=threads)

    def test_control(self):
        with ungil.Control() as control:
            for call in self.calls:
                call(control=control)
                self.assertEqual(control.progress.fraction, 1.0)
        for call in self.calls:
            with self.assertRaisesRegex(ValueError, "control: the control is closed"):
                call(control=control)
            for other in (0, 1, "x", control.handle):
                with self.assertRaisesRegex(TypeError, "control: expected an ungil.Control or None, not "):
                    call(control=other)

    def test_results_do_not_depend_on_threads(self):
        numbers = array.array("q", random_numbers(20000, 62))
        floats = array.array("d", map(math.sin, range(200000)))
        for call in (
            lambda threads: values(kernels.is_prime(numbers, threads=threads)),
            lambda threads: kernels.count_primes(numbers, threads=threads),
            lambda threads: compat.pi(3 * 10**6, threads=threads),
            lambda threads: compat.test(-(10**6), 10**7, threads=threads),
            lambda threads: kernels.sum(floats, threads=threads),
        ):
            self.assertEqual(len({str(call(threads)) for threads in (None, 1, 2, 3, 16)}), 1)

    def test_integers(self):
        for n in (0, -1):
            with self.assertRaisesRegex(ValueError, "n"):
                compat.pi(n)
        with self.assertRaisesRegex(OverflowError, "n: 9223372036854775808 is out of range for int64"):
            compat.pi(2**63)
        for n in (1e9, "1", None):
            with self.assertRaisesRegex(TypeError, "n: expected an integer, not "):
                compat.pi(n)

    def test_num_threads(self):
        self.addCleanup(ungil.set_num_threads, None)
        default = ungil.num_threads()
        self.assertGreaterEqual(default, 1)
        for number, expected in ((7, 7), (None, default), (1, 1), (0, default), (256, 256), (10**5000, 256)):
            self.assertIsNone(ungil.set_num_threads(number))
            self.assertEqual(ungil.num_threads(), expected)
            self.assertEqual(kernels.count_primes(range(10**5)), 9592)

    def test_wrong_numbers_of_threads(self):
        default = ungil.num_threads()
        for number in (-1, -(2**31), -(2**63), -(10**5000)):
            with self.assertRaisesRegex(ValueError, "nthreads must be positive, or 0 for the default"):
                ungil.set_num_threads(number)
        for number in (1.0, "1", []):
            with self.assertRaisesRegex(TypeError, "threads: expected an integer, not "):
                ungil.set_num_threads(number)
        self.assertEqual(ungil.num_threads(), default)

    def test_the_environment_is_read_when_the_library_is_loaded(self):
        """Until then a program may set the variables; later only set_num_threads() changes the number."""
        script = """
            import os
            os.environ["UNGIL_NUM_THREADS"] = "3"
            import ungil
            os.environ["UNGIL_NUM_THREADS"] = "4"
            ungil.Control().close()
            os.environ["UNGIL_NUM_THREADS"] = "5"
            print(ungil.num_threads())
            ungil.set_num_threads(6)
            print(ungil.num_threads())
            ungil.set_num_threads(None)
            print(ungil.num_threads())
        """
        status, output, errors = run_script(script)
        self.assertEqual((status, output.split(), errors), (0, ["4", "6", "4"], ""))

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_a_pool_has_as_many_workers(self):
        self.addCleanup(ungil.set_num_threads, None)
        ungil.set_num_threads(3)
        with ungil.InterpreterPoolExecutor() as pool:
            self.assertEqual(pool._max_workers, 3)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_all_interpreters_share_the_number_of_threads(self):
        self.addCleanup(ungil.set_num_threads, None)
        ungil.set_num_threads(5)
        with ungil.Interpreter() as interpreter:
            self.assertEqual(interpreter.eval("__import__('ungil').num_threads()"), 5)
            interpreter.exec("import ungil; ungil.set_num_threads(4)")
        self.assertEqual(ungil.num_threads(), 4)


PROGRAM = """
import array, os, threading, ungil
from ungil import compat, functions, kernels
control = ungil.Control()
def say():
    while control.progress.done == 0 and not started.wait(0.01): pass
    print("started")
started = threading.Event()
threading.Thread(target=say, daemon=True).start()
try:
    %s
except KeyboardInterrupt:
    before = control.progress
    threading.Event().wait(0.2)
    print("moves" if control.progress != before else "stands", before.done < before.total)
else:
    print("not interrupted")
"""

# Calls that run practically forever unless they are interrupted.
LONG = {
    "pi": "compat.pi(10**15, control=control)",
    "count_primes": "n = array.array('q', [2**61 - 1]) * 10**6\n    while 1: kernels.count_primes(n, control=control)",
    "num_primes": "n = array.array('i', [2**31 - 1]) * 10**7\n    while 1: compat.num_primes(n, control=control)",
    "is_prime": "n = array.array('q', [2**61 - 1]) * 10**6\n    while 1: kernels.is_prime(n, out=bytearray(10**6),"
    " control=control)",
    "sum": "n = array.array('d', [1.0]) * 10**7\n    while 1: kernels.sum(n, control=control)",
}


class Interrupts(unittest.TestCase):
    def test_of_calls_that_use_a_control(self):
        for name, call in LONG.items():
            with self.subTest(name):
                status, lines = interrupted(PROGRAM % call, "started")
                self.assertEqual(status, 0)
                self.assertEqual(lines[0].split()[0], "stands")

    def test_of_calls_without_a_control(self):
        for call in ("compat.pi(10**15)", "compat.pi(10**15, threads=1)"):
            program = "started_by_call = threading.Timer(0.3, started.set); started_by_call.start(); " + call
            status, lines = interrupted(PROGRAM % program, "started")
            self.assertEqual((status, lines[0].split()[0]), (0, "stands"))

    def test_the_control_is_cancelled(self):
        program = PROGRAM % LONG["pi"] + "\ntry: compat.pi(1, control=control)"
        program += "\nexcept ungil.CancelledError: print('cancelled')"
        status, lines = interrupted(program, "started")
        self.assertEqual((status, lines), (0, ["stands True", "cancelled"]))

    def test_memory_is_free_afterwards(self):
        program = PROGRAM % LONG["count_primes"] + "\nn.append(1); print('free')"
        status, lines = interrupted(program, "started")
        self.assertEqual((status, lines[-1]), (0, "free"))

    def test_short_calls_are_made_directly(self):
        with mock.patch.object(call_options, "run_interruptibly", side_effect=AssertionError) as interruptibly:
            compat.pi(10**5)
            kernels.count_primes(range(1000))
            self.assertFalse(interruptibly.called)
            for call in (lambda: compat.pi(10**6), lambda: kernels.count_primes(range(10**4))):
                with contextlib.suppress(AssertionError):
                    call()
                self.assertTrue(interruptibly.called)
                interruptibly.reset_mock()


if __name__ == "__main__":
    unittest.main()
