"""map over arrays of all types: results are those of a plain loop of ctypes calls, or the error tells the type."""

import array
import ctypes
import math
import mmap
import os
import random
import struct
import unittest
from ctypes.util import find_library
from decimal import Decimal
from fractions import Fraction
from unittest import mock

import ungil
from references import import_or_skip, rounds, values

SEED = int(os.environ.get("UNGIL_TEST_SEED", random.randrange(10**9)))

INTEGERS = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
REALS = ["bool", *INTEGERS, "float16", "float32", "float64"]
ARRAY_CODES = "bBhHiIlLqQfd"


def declared(library, name, kind):
    function = getattr(ctypes.CDLL(find_library(library)), name)
    function.argtypes, function.restype = [kind], kind
    return function


sin, llabs = declared("m", "sin", ctypes.c_double), declared("c", "llabs", ctypes.c_int64)
undeclared_sin = ctypes.CDLL(find_library("m")).sin


class Maps(unittest.TestCase):
    def assert_same(self, result, expected):
        """The same to the last bit."""
        kind = "q" if expected and isinstance(expected[0], int) else "d"
        self.assertEqual([struct.pack(kind, x) for x in result], [struct.pack(kind, x) for x in expected])

    def assert_as_in_a_loop(self, function, given, numbers):
        """numbers: those of the array, in order, as Python's."""
        self.assert_same(values(ungil.map(function, given, threads=2)), [function(x) for x in numbers])


class NumpyArrays(Maps):
    def setUp(self):
        self.numpy = import_or_skip("numpy")
        self.random = random.Random(SEED)

    def any_array(self, kind):
        """An array of any shape, order and byte order, with numbers of all sizes that the type has."""
        numpy, shape = self.numpy, [self.random.randrange(5) for _ in range(self.random.randrange(4))]
        size = math.prod(shape)
        if kind.startswith("float"):
            special = [0.0, -0.0, math.inf, -math.inf, math.nan, 1.0, 0.1]
            numbers = [self.random.choice([*special, self.random.gauss(0, 100)]) for _ in range(size)]
        elif kind == "bool":
            numbers = [self.random.random() < 0.5 for _ in range(size)]
        else:
            low, high = numpy.iinfo(kind).min, numpy.iinfo(kind).max
            numbers = [self.random.choice([low, high, self.random.randint(low, high), 0, 1]) for _ in range(size)]
        result = numpy.array(numbers, kind).reshape(shape).astype(kind, order=self.random.choice("CF"))
        return result.astype(result.dtype.newbyteorder()) if self.random.random() < 0.3 else result

    def test_any_array_of_real_numbers(self):
        for _ in range(rounds(400, 50)):
            kind = self.random.choice(REALS)
            given = self.any_array(kind)
            with self.subTest(seed=SEED, dtype=given.dtype.str, shape=given.shape, flags=given.flags.num):
                result = ungil.map(sin, given)
                self.assertEqual((result.dtype.str[1:], result.shape), ("f8", given.shape))
                numbers = given.ravel().tolist()
                self.assert_same(result.ravel().tolist(), [sin(x) for x in numbers])
                out = self.numpy.empty(given.size)
                if given.flags.c_contiguous:
                    self.assertIs(ungil.map(sin, given, out=out), out)
                    self.assert_same(out.tolist(), [sin(x) for x in numbers])

    def test_any_array_of_integers(self):
        for _ in range(rounds(300, 50)):
            kind = self.random.choice(["bool", *INTEGERS])
            given = self.any_array(kind)
            numbers = given.ravel().tolist()
            with self.subTest(seed=SEED, dtype=given.dtype.str, shape=given.shape):
                if any(x >= 2**63 for x in numbers):
                    with self.assertRaisesRegex(OverflowError, "numbers: a number of uint64 is out of range for int64"):
                        ungil.map(llabs, given)
                    continue
                result = ungil.map(llabs, given)
                self.assertEqual((result.dtype.str[1:], result.shape), ("i8", given.shape))
                self.assert_same(result.ravel().tolist(), [llabs(int(x)) for x in numbers])

    def test_a_function_that_is_not_declared(self):
        for kind in INTEGERS:
            given = self.numpy.arange(4, dtype=kind)
            with self.assertWarnsRegex(RuntimeWarning, "%s becomes float64" % kind):
                self.assert_same(ungil.map(undeclared_sin, given).tolist(), [sin(x) for x in range(4)])

    def test_types_that_are_no_real_numbers(self):
        numpy = self.numpy
        cases = [
            (numpy.array([1j]), r"not complex128; use numbers\.real, or abs\(numbers\)"),
            (numpy.array([1j], "complex64"), r"not complex64; use numbers\.real"),
            (numpy.array(["2020-01-01"], "datetime64[D]"), r"datetime64\[D\].*use numbers\.astype"),
            (numpy.array([5], "timedelta64[s]"), r"timedelta64\[s\].*use numbers\.astype"),
            (numpy.array([1, 2.5, None]), r"not object; use numbers\.astype"),
            (numpy.array(["1", "22"]), r"not <U2; use numbers\.astype"),
            (numpy.array([b"1", b"22"]), r"not \|S2; use numbers\.astype"),
            (numpy.zeros(2, [("x", "f8"), ("y", "i4")]), r"use one of its fields, such as numbers\['x'\]"),
        ]
        if numpy.dtype("longdouble").itemsize != 8:
            cases.append((numpy.zeros(2, "longdouble"), r"not float128; use numbers\.astype\('(float|int)64'\)"))
        for given, message in cases:
            for function in (sin, llabs, undeclared_sin):
                with self.subTest(dtype=given.dtype), self.assertRaisesRegex(TypeError, message):
                    ungil.map(function, given)

    def test_real_numbers_are_not_rounded_to_integers(self):
        for kind in ("float16", "float32", "float64"):
            for numbers in ([1.0], [math.nan], []):
                with self.assertRaisesRegex(
                    TypeError, r"expected int64, not %s; use numbers\.astype\('int64'\)" % kind
                ):
                    ungil.map(llabs, self.numpy.array(numbers, kind))

    def test_arrays_for_the_results(self):
        for kind in ("float32", "int64", "bool", ">f8", "complex128"):
            with self.assertRaisesRegex(
                TypeError, "out: expected float64, not .*; use an array of float64 for the results"
            ):
                ungil.map(sin, [1.0], out=self.numpy.zeros(1, kind))
        numbers = self.numpy.arange(4)
        with self.assertRaisesRegex(TypeError, "out: expected float64, not int64"):
            ungil.map(sin, numbers, out=numbers)
        self.assertEqual(numbers.tolist(), [0, 1, 2, 3])

    def test_masked_arrays(self):
        masked = self.numpy.ma.masked_array([1.0, 2.0, 3.0], mask=[False, True, False])
        for call in (lambda x: ungil.map(sin, x), ungil.sum):
            with self.assertRaisesRegex(ValueError, r"numbers: 1 of the numbers are masked; use numbers\.compressed"):
                call(masked)
        self.assertEqual(ungil.sum(self.numpy.ma.masked_array([1.0, 2.0])), 3.0)
        self.assertEqual(ungil.sum(masked.compressed()), 4.0)

    def test_gaps(self):
        for given in (self.numpy.arange(9)[::2], self.numpy.arange(9, dtype="i1")[::-1], self.numpy.eye(3)[:, 1]):
            with self.assertRaisesRegex(ValueError, r"expected contiguous memory.*numpy\.ascontiguousarray\(numbers\)"):
                ungil.map(sin, given)

    def test_other_libraries_arrays(self):
        pandas = import_or_skip("pandas")
        for kind in ("int64", "int8", "float32", "bool", "Int64"):
            self.assert_as_in_a_loop(sin, pandas.Series([0, 1, 1], dtype=kind), [0, 1, 1])
        for given in (pandas.Series(["a"]), pandas.to_datetime(["2020-01-01"])):
            with self.assertRaisesRegex(TypeError, "numbers: "):
                ungil.map(sin, given)


class OtherArrays(Maps):
    def check(self, given, numbers):
        self.assert_as_in_a_loop(sin, given, numbers)
        if memoryview(given).format.strip("<") not in "fd":
            self.assert_as_in_a_loop(llabs, given, numbers)

    def check_all(self):
        for code in ARRAY_CODES:
            for numbers in ([], [0, 1, 100]):
                given = array.array(code, numbers)
                with self.subTest(code=code, numbers=numbers):
                    self.check(given, given.tolist())
                    if code not in "bB":  # bytes
                        self.check(memoryview(given), given.tolist())
        for kind in (ctypes.c_int8, ctypes.c_long, ctypes.c_uint32, ctypes.c_float, ctypes.c_bool, ctypes.c_longlong):
            with self.subTest(kind=kind):
                self.check((kind * 3)(0, 1, 1), [kind(x).value for x in (0, 1, 1)])
                self.assert_same(ungil.map(sin, (kind * 2 * 3)(), out=array.array("d", range(6))), [sin(0.0)] * 6)
        self.check(memoryview(bytes([1, 0])).cast("?"), [True, False])
        with self.assertRaisesRegex(OverflowError, "numbers: a number of uint64 is out of range for int64"):
            ungil.map(llabs, array.array("Q", [2**63]))

    def test_with_numpy(self):
        import_or_skip("numpy")
        self.check_all()

    def test_without_numpy(self):
        with mock.patch("ungil._arrays.results._numpy_module", [None]):
            self.check_all()

    def test_bytes_are_the_memory_of_an_array(self):
        memory = struct.pack("2d", 1.5, -2)
        for given in (memory, bytearray(memory), memoryview(memory).cast("d")):
            self.assert_as_in_a_loop(sin, given, [1.5, -2])
        with mmap.mmap(-1, 16) as mapped:
            for given in (memoryview(memory), mapped, memoryview(memory).cast("b")):
                with self.assertRaisesRegex(TypeError, r"expected float64, not u?int8; use "):
                    ungil.map(sin, given)
                given = None  # its memory is closed
        with self.assertRaisesRegex(ValueError, "size 15 is not a multiple of float64's item size 8"):
            ungil.map(sin, memory[1:])

    def test_iterables(self):
        for numbers in ([1, 2.5, True], (Fraction(1, 3), Decimal("0.1")), [math.nan, math.inf, 10**300], [], range(3)):
            self.assert_as_in_a_loop(sin, numbers, map(float, numbers))
            self.assert_as_in_a_loop(sin, iter(numbers), map(float, numbers))
        self.assert_as_in_a_loop(llabs, (x for x in (-3, True, 2**63 - 1)), [-3, 1, 2**63 - 1])

    def test_iterables_of_others(self):
        for function, numbers, error in (
            (sin, ["1"], TypeError),
            (sin, [1, None], TypeError),
            (sin, [1j], TypeError),
            (sin, [[1, 2], [3, 4]], TypeError),
            (sin, "12", TypeError),
            (sin, 5, TypeError),
            (sin, [10**400], OverflowError),
            (sin, [10**5000], OverflowError),
            (llabs, [1, 2.0], TypeError),
            (llabs, [math.nan], TypeError),
            (llabs, [2**63], OverflowError),
            (llabs, [-(2**63) - 1], OverflowError),
            (llabs, [10**5000], OverflowError),
        ):
            with self.subTest(function=function.__name__), self.assertRaisesRegex(error, "^numbers: "):
                ungil.map(function, numbers)


if __name__ == "__main__":
    unittest.main()
