"""Numbers beyond the range of C types, and of other types than int, work as they mean, or raise an error."""

import ctypes
import math
import sys
import unittest
from fractions import Fraction

import ungil
from references import PYPY
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy

HUGE = 10**5000  # Python refuses to convert it to a string
BEYOND = (2**64, -(2**64), HUGE, -HUGE)

_body = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(lambda *_: 0)
_integrand = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)(lambda x, _: x)
_identity = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(lambda x: x)

INTEGERS = {
    "pi": ungil.compat.pi,
    "test, start": lambda n: ungil.compat.test(n, 5),
    "test, stop": lambda n: ungil.compat.test(0, n),
    "sum_multiples, start": lambda n: ungil.sum_multiples(n, 5, 3),
    "sum_multiples, stop": lambda n: ungil.sum_multiples(0, n, 3),
    "sum_multiples, k": lambda n: ungil.sum_multiples(0, 5, n),
    "parallel_for, start": lambda n: ungil.parallel_for(_body, n, 5),
    "parallel_for, stop": lambda n: ungil.parallel_for(_body, 0, n),
    "parallel_for, grain": lambda n: ungil.parallel_for(_body, 0, 5, grain=n),
    "integrate, n": lambda n: ungil.integrate(_integrand, 0, 1, n),
    "num_primes": lambda n: ungil.compat.num_primes([n]),
    "count_primes": lambda n: ungil.count_primes([n]),
    "is_prime of several": lambda n: ungil.is_prime([n]),
    "map": lambda n: ungil.map(_identity, [n]),
}

REALS = {
    "sum": lambda x: ungil.sum([x]),
    "integrate, a": lambda x: ungil.integrate(_integrand, x, 1, 5),
    "integrate, b": lambda x: ungil.integrate(_integrand, 0, x, 5),
}


class Numbers(unittest.TestCase):
    def test_integers_beyond_their_type(self):
        for name, call in INTEGERS.items():
            for number in BEYOND:
                with self.subTest(call=name, bits=number.bit_length()):
                    with self.assertRaises(OverflowError) as caught:
                        call(number)
                    self.assertRegex(str(caught.exception), r"^\w+: .* is out of range for u?int(32|64)")
        for number in (2**64, HUGE):
            self.assertRaisesRegex(OverflowError, "is out of range for uint64", ungil.is_prime, number)
            self.assertFalse(ungil.is_prime(-number))
        message = "n: an integer of 16610 bits is out of range for int64"
        self.assertRaisesRegex(OverflowError, message, ungil.compat.pi, HUGE)
        self.assertRaisesRegex(OverflowError, "n: a negative integer of 16610 bits", ungil.compat.pi, -HUGE)

    def test_arguments_that_are_no_integers(self):
        others = [math.inf, math.nan, 1e300, 0.5, Fraction(1, 3), Fraction(HUGE), "5", None]
        for name, call in INTEGERS.items():
            for other in others:
                if other is None and name == "parallel_for, grain":
                    continue
                if PYPY and isinstance(other, Fraction):
                    continue  # its array.array takes everything that int() takes
                with self.subTest(call=name, other=type(other).__name__), self.assertRaises(TypeError):
                    call(other)

    def test_reals_beyond_their_type(self):
        for name, call in REALS.items():
            for number in (HUGE, -HUGE, Fraction(HUGE)):
                with self.subTest(call=name), self.assertRaisesRegex(OverflowError, "is out of range for float64"):
                    call(number)
        self.assertEqual(ungil.sum([2**64, Fraction(1, 2)]), 2.0**64)
        self.assertEqual(ungil.integrate(_integrand, 0, Fraction(1), 5), 0.5)

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numbers_of_numpy(self):
        for kind in (numpy.int8, numpy.uint64, numpy.int64):
            self.assertEqual(ungil.compat.test(kind(0), kind(7)), 9)
            self.assertTrue(ungil.is_prime(kind(7), threads=kind(2)))
        self.assertRaisesRegex(OverflowError, "out of range for int64", ungil.compat.pi, numpy.uint64(2**63))
        self.assertRaisesRegex(TypeError, "n: expected an integer", ungil.compat.pi, numpy.float64(5))
        self.assertEqual(ungil.Control(numpy.float32(5)).progress.total, 0)

    def test_threads(self):
        self.assertEqual(ungil.compat.test(0, 7, threads=HUGE), 9)
        for wrong in (-HUGE, 0, math.inf, math.nan, Fraction(HUGE), Fraction(1), True, "2"):
            with self.assertRaisesRegex(ValueError, "threads: expected a positive integer or None, not"):
                ungil.compat.pi(5, threads=wrong)

    def test_addresses(self):
        for wrong in (*BEYOND, True):
            self.assertRaisesRegex(TypeError, "is not an address", ungil.parallel_for, wrong, 0, 1)
            self.assertRaisesRegex(
                TypeError, "context: .* is not an address", ungil.parallel_for, _body, 0, 1, context=wrong
            )

    def test_deadlines(self):
        for far in (HUGE, math.inf, 2**64, 1e300, Fraction(HUGE), None):
            with ungil.Control(deadline=far) as control:
                self.assertEqual(ungil.compat.test(0, 7, control=control), 9)
        for past in (-HUGE, -math.inf, -1, 0, Fraction(-1, 2)):
            with ungil.Control(deadline=past) as control:
                self.assertRaises(ungil.TimeoutError, ungil.compat.test, 0, 7, control=control)
        self.assertRaisesRegex(ValueError, "deadline: .* not NaN", ungil.Control, math.nan)
        self.assertRaises(TypeError, ungil.Control, "5")


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Pools(unittest.TestCase):
    def test_counts_and_timeouts(self):
        with ungil.InterpreterPoolExecutor(HUGE) as pool:
            for far in (HUGE, math.inf, 2**64, Fraction(HUGE), None):
                self.assertEqual(pool.submit(pow, 2, 3).result(far), 8)
                self.assertIsNone(pool.submit(pow, 2, 3).exception(far))
                self.assertEqual(list(pool.map(pow, [2], [3], timeout=far, chunksize=HUGE, buffersize=HUGE)), [8])
            future = pool.submit(pow, 2, 3)
            self.assertRaisesRegex(ValueError, "timeout: .* not NaN", future.result, math.nan)
            self.assertRaisesRegex(ValueError, "timeout: .* not NaN", pool.map, pow, [2], [3], timeout=math.nan)
            for wrong in (-HUGE, 0):
                self.assertRaisesRegex(ValueError, "chunksize", pool.map, pow, [2], [3], chunksize=wrong)
                self.assertRaisesRegex(ValueError, "buffersize", pool.map, pow, [2], [3], buffersize=wrong)
        for wrong in (-HUGE, 0):
            self.assertRaisesRegex(ValueError, "max_workers", ungil.InterpreterPoolExecutor, wrong)
        for wrong in (math.inf, 2.0, Fraction(2)):
            self.assertRaises(TypeError, ungil.InterpreterPoolExecutor, wrong)

    def test_parameters_in_messages(self):
        for parameters, message in (
            ({"stack_size": HUGE}, "stack_size must be between .* not an integer of 16610 bits"),
            ({"share": {HUGE: b""}}, "share: an integer of 16610 bits is not a name"),
        ):
            self.assertRaisesRegex(ValueError, message, ungil.InterpreterPoolExecutor, 1, **parameters)
        for wrong, message in ((HUGE, "not an integer of 16610 bits"), ([HUGE], "names of modules, not int")):
            self.assertRaisesRegex(TypeError, message, ungil.InterpreterPoolExecutor, 1, preload=wrong)

    def test_options(self):
        for number in BEYOND:
            with self.assertRaisesRegex(ValueError, "optimization_level"):
                ungil.Interpreter(optimization_level=number)

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_options_of_numpy(self):
        with ungil.Interpreter(optimization_level=numpy.int64(2)) as interpreter:
            self.assertEqual(interpreter.eval("__import__('sys').flags.optimize"), 2)

    @unittest.skipUnless(hasattr(sys, "get_int_max_str_digits"), "SKIP: this Python has no limit of digits")
    def test_results_of_any_length(self):
        self.assertEqual(ungil.run(pow, 10, 5000), HUGE)
        self.assertEqual(ungil.run(abs, -HUGE), HUGE)


if __name__ == "__main__":
    unittest.main()
