"""Functions compiled by numba, and numpy arrays."""
import ctypes
import math
import os
import subprocess
import sys
import unittest
from ctypes.util import find_library

import numpy
from numba import cfunc, types

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "tests", "python"))

from support import load  # noqa: E402

library = load()
libm = ctypes.CDLL(find_library("m"))
Doubles = ctypes.POINTER(ctypes.c_double)


def pointer(numbers, kind=ctypes.c_double):
    return numbers.ctypes.data_as(ctypes.POINTER(kind))


class Numba(unittest.TestCase):
    def test_map(self):
        @cfunc(types.double(types.double))
        def cube(x):
            return x * x * x

        numbers = numpy.arange(100000.0)
        out = numpy.empty_like(numbers)
        for threads in (1, 2, 7):
            out[:] = -1
            self.assertEqual(library.ungil_map_f64(cube.address, pointer(numbers), pointer(out), len(out), threads, 0), 0)
            numpy.testing.assert_array_equal(out, numbers**3)

    def test_map_of_integers(self):
        @cfunc(types.int64(types.int64))
        def half(x):
            return x // 2

        numbers = numpy.arange(-50000, 50000, dtype=numpy.int64)
        expected = numbers // 2
        shared = pointer(numbers, ctypes.c_int64)
        self.assertEqual(library.ungil_map_i64(half.address, shared, shared, len(numbers), 2, 0), 0)
        numpy.testing.assert_array_equal(numbers, expected)

    def test_integrate(self):
        @cfunc(types.double(types.double, types.voidptr))
        def quarter_circle(x, context):
            return math.sqrt(1 - x * x)

        results = set()
        for threads in (1, 2, 3, 7, 16):
            out = ctypes.c_double()
            status = library.ungil_integrate(quarter_circle.address, None, 0, 1, 10**6, threads, 0, ctypes.byref(out))
            self.assertEqual(status, 0)
            results.add(out.value)
        self.assertEqual(len(results), 1)
        self.assertAlmostEqual(4 * results.pop(), math.pi, 8)

    def test_a_loop_over_numpys_memory(self):
        @cfunc(types.int32(types.int64, types.int64, types.CPointer(types.double)))
        def fill(begin, end, numbers):
            for i in range(begin, end):
                numbers[i] = math.sin(i)
            return 0

        numbers = numpy.zeros(12345)
        self.assertEqual(library.ungil_parallel_for(0, len(numbers), 100, 2, fill.address, numbers.ctypes.data, 0), 0)
        numpy.testing.assert_allclose(numbers, numpy.sin(numpy.arange(12345.0)), atol=1e-15)


class Numpy(unittest.TestCase):
    def test_libm_over_an_array_without_a_copy(self):
        numbers = numpy.linspace(-3, 3, 10001)
        out = numpy.empty_like(numbers)
        self.assertEqual(library.ungil_map_f64(libm.erf, pointer(numbers), pointer(out), len(out), 2, 0), 0)
        numpy.testing.assert_allclose(out, [math.erf(x) for x in numbers], rtol=1e-15)

    def test_sum(self):
        numbers = numpy.random.default_rng(1).standard_normal(10**6)
        out = ctypes.c_double()
        self.assertEqual(library.ungil_sum_f64(pointer(numbers), len(numbers), 2, 0, ctypes.byref(out)), 0)
        self.assertEqual(out.value, math.fsum(numbers))

    def test_primes(self):
        numbers = numpy.arange(10**6, dtype=numpy.int64)
        out = numpy.empty(len(numbers), dtype=numpy.uint8)
        status = library.ungil_is_prime_i64(
            pointer(numbers, ctypes.c_int64), len(numbers), pointer(out, ctypes.c_uint8), 0, 0
        )
        self.assertEqual((status, int(out.sum())), (0, 78498))


class Examples(unittest.TestCase):
    def output(self, name, *arguments):
        script = os.path.join(PROJECT, "examples", "python", name)
        return subprocess.check_output([sys.executable, script] + [str(a) for a in arguments], text=True)

    def test_parallel_map(self):
        self.assertIn("the same over numpy's memory", self.output("parallel_map.py", 100000))

    def test_numba_cfunc(self):
        rows = [line for line in self.output("numba_cfunc.py", 1000000).splitlines() if " s " in line]
        self.assertEqual(len(rows), 3)
        self.assertTrue(all(abs(float(row.split()[-1]) - math.pi) < 1e-3 for row in rows), rows)


if __name__ == "__main__":
    unittest.main()
