"""Arrays as arguments: types, shapes, orders and lengths; no copies; and they cannot be resized during a call."""

import array
import ctypes
import gc
import mmap
import sys
import threading
import unittest
from unittest import mock

import ungil
from references import has_numpy, import_or_skip, sieve, typecodes, values
from ungil import compat, functions, kernels
from ungil._arrays import buffers
from ungil._arrays.dtypes import BOOL, FLOAT64, INT32, INT64, UINT8, UINT64, ElementType

COUNT = 3000
PRIMES = sum(sieve(COUNT))


class Types(unittest.TestCase):
    def test_domains(self):
        self.assertEqual(INT32.domain, "-2147483648 to 2147483647")
        self.assertEqual(UINT8.domain, "0 to 255")
        self.assertEqual(FLOAT64.domain, "up to 1.8e308 in magnitude")
        self.assertEqual(ElementType("float32", "f", ctypes.c_float, 4).domain, "up to 3.4e38 in magnitude")

    def accepted(self, function, given):
        try:
            function(given)
        except TypeError as error:
            self.assertRegex(str(error), "^numbers: expected .*, not .*; use ")
            return False
        return True

    def test_each_typecode_of_array(self):
        wanted = {
            compat.num_primes: {"int32"},
            kernels.count_primes: {"int32", "int64", "uint64"},
            kernels.is_prime: {"int64", "uint64"},
            kernels.sum: {"float64"},
        }
        for function, names in wanted.items():
            for code, name in typecodes().items():
                found = self.accepted(function, array.array(code, [2, 3, 5]))
                self.assertEqual(found, name in names, (function, code))

    def test_messages_show_a_conversion(self):
        with self.assertRaisesRegex(TypeError, r"int32, not float64; use array.array\('i', map\(int, numbers\)\)"):
            compat.num_primes(array.array("d", [1.0]))
        with self.assertRaisesRegex(TypeError, r"expected int32, not int64; use array.array\('i', numbers\)"):
            compat.num_primes(array.array("q", [1]))
        with self.assertRaisesRegex(TypeError, r"expected int64 or uint64, not uint8; use memoryview\(numbers\).cast"):
            kernels.is_prime(memoryview(bytes(8)))

    def test_the_conversions_in_messages_work(self):
        numbers = memoryview(array.array("q", [7, 8]).tobytes())
        self.assertEqual(values(kernels.is_prime(memoryview(numbers).cast("q"))), [True, False])
        numbers = array.array("d", [7.0, 8.0])
        self.assertEqual(values(kernels.is_prime(array.array("q", map(int, numbers)))), [True, False])

    def test_other_spellings_of_a_type(self):
        for kind in (ctypes.c_long, ctypes.c_longlong, ctypes.c_int64, ctypes.c_ulong, ctypes.c_ulonglong):
            if ctypes.sizeof(kind) == 8:
                self.assertEqual(kernels.count_primes((kind * 4)(1, 2, 3, 4)), 2)
        for code in "lqn":
            view = memoryview(array.array("q", [1, 2, 3, 4])).cast("B").cast(code)
            self.assertEqual(kernels.count_primes(view), 2)

    def test_byte_swapped(self):
        numbers = (ctypes.c_int32.__ctype_be__ * 2)(1, 2)
        with self.assertRaisesRegex(TypeError, "not byte-swapped int32"):
            compat.num_primes(numbers)

    def test_structures_are_rejected(self):
        class Pair(ctypes.Structure):
            _fields_ = [("a", ctypes.c_int32), ("b", ctypes.c_int32)]

        with self.assertRaisesRegex(TypeError, "expected int32, not elements of the format"):
            compat.num_primes((Pair * 2)())

    def test_bytes_are_memory_of_the_first_type(self):
        numbers = array.array("i", range(COUNT))
        expected = compat.num_primes(numbers)
        self.assertEqual(compat.num_primes(numbers.tobytes()), expected)
        self.assertEqual(compat.num_primes(bytearray(numbers.tobytes())), expected)
        self.assertEqual(kernels.count_primes(array.array("q", range(COUNT)).tobytes()), PRIMES)
        self.assertEqual(kernels.sum(array.array("d", [1.5, 2.0]).tobytes()), 3.5)
        with self.assertRaisesRegex(ValueError, "numbers: size 7 is not a multiple of int32's item size 4"):
            compat.num_primes(bytes(7))
        with self.assertRaisesRegex(ValueError, "numbers: size 12 is not a multiple of float64's item size 8"):
            kernels.sum(bytearray(12))

    def test_mapped_files_have_a_type_by_cast(self):
        with mmap.mmap(-1, 4096) as memory:
            with self.assertRaisesRegex(TypeError, "not uint8"):
                compat.num_primes(memory)
            with memoryview(memory) as view, view.cast("i") as numbers:
                self.assertEqual(compat.num_primes(numbers), 0)
            gc.collect()


class Iterables(unittest.TestCase):
    def test_all_kinds(self):
        for numbers in (list(range(COUNT)), tuple(range(COUNT)), range(COUNT), set(range(COUNT)), iter(range(COUNT))):
            self.assertEqual(kernels.count_primes(numbers), PRIMES)

    def test_numbers_from_2_to_the_63_on_are_uint64(self):
        large = 2**64 - 59
        self.assertEqual(kernels.count_primes([large, 2**63, 7]), 2)
        self.assertEqual(kernels.count_primes(iter([large, 7])), 2)
        self.assertEqual(values(kernels.is_prime([large, 7, 8])), [True, True, False])

    def test_numbers_out_of_range(self):
        with self.assertRaisesRegex(OverflowError, r"numbers: a number is out of range for int32 \(-2147483648 to 2"):
            compat.num_primes([2**31])
        for numbers in ([2**64], [-1, 2**63], [-(2**63) - 1]):
            with self.assertRaisesRegex(OverflowError, r"out of range for int64 \(.*\) or uint64 \(0 to 184"):
                kernels.count_primes(numbers)
        with self.assertRaises(OverflowError):
            kernels.sum([10**400])

    def test_other_objects_are_rejected(self):
        for numbers in ("123", 5, None, object()):
            with self.assertRaisesRegex(TypeError, "numbers: expected an array or an iterable of numbers, not"):
                kernels.count_primes(numbers)
        for numbers in ([1.5], ["1"], [None], [[1, 2]]):
            with self.assertRaisesRegex(TypeError, "numbers: expected int64: "):
                kernels.count_primes(numbers)
        with self.assertRaisesRegex(TypeError, "numbers: expected float64: "):
            kernels.sum(["x"])

    def test_empty_arrays(self):
        for numbers in ([], range(0), array.array("q"), b"", bytearray(), (ctypes.c_int64 * 0)()):
            self.assertEqual(kernels.count_primes(numbers), 0)
            self.assertEqual(values(kernels.is_prime(numbers)), [])
        self.assertEqual(kernels.sum([]), 0.0)
        self.assertEqual(values(functions.map(abs_function(), [])), [])


class Layout(unittest.TestCase):
    def test_strides(self):
        numbers = memoryview(array.array("i", range(10)))
        for part in (numbers[::2], numbers[::-1]):
            with self.assertRaisesRegex(ValueError, r"numbers: expected contiguous memory, .*; use numbers.tolist\(\)"):
                compat.num_primes(part)
        self.assertEqual(kernels.count_primes(memoryview(array.array("q", range(10)))[2:8]), 4)

    def test_several_dimensions(self):
        flat = memoryview(array.array("q", range(24)))
        cube = flat.cast("B").cast("q", (2, 3, 4))
        self.assertEqual(kernels.count_primes(cube), 9)
        nested = ((ctypes.c_int64 * 3) * 2)((1, 2, 3), (4, 5, 6))
        self.assertEqual(kernels.count_primes(nested), 3)
        self.assertEqual(values(kernels.is_prime(nested)), [[False, True, True], [False, True, False]])

    def test_out_is_filled_and_returned(self):
        numbers = [2, 3, 4, 5]
        for out in (bytearray(4), array.array("B", bytes(4)), (ctypes.c_bool * 4)(), (ctypes.c_uint8 * 4)()):
            self.assertIs(kernels.is_prime(numbers, out=out), out)
            self.assertEqual([bool(item) for item in out], [True, True, False, True])
        view = memoryview(bytearray(4)).cast("?")
        self.assertIs(kernels.is_prime(numbers, out=view), view)
        self.assertEqual(view.tolist(), [True, True, False, True])

    def test_out_that_cannot_be_used(self):
        with self.assertRaisesRegex(ValueError, "out: the array is read-only"):
            kernels.is_prime([1, 2], out=b"ab")
        with self.assertRaisesRegex(ValueError, "out: expected 2 elements, not 3"):
            kernels.is_prime([1, 2], out=bytearray(3))
        with self.assertRaisesRegex(TypeError, "out: expected bool or uint8, not int64; use an array of bool"):
            kernels.is_prime([1, 2], out=array.array("q", [0, 0]))
        with self.assertRaisesRegex(TypeError, "out: expected a writable array of bool or uint8, not list"):
            kernels.is_prime([1, 2], out=[0, 0])
        with self.assertRaisesRegex(TypeError, "out: expected None for a single number, not bytearray"):
            kernels.is_prime(2, out=bytearray(1))
        with self.assertRaisesRegex(ValueError, "out must be separate"):
            numbers = array.array("q", range(8))
            kernels.is_prime(numbers, out=memoryview(numbers).cast("B")[:8])

    def test_arrays_of_others_without_numpy(self):
        column = type("Column", (list,), {"__array__": None})([2, 3, 4])
        with mock.patch.dict(sys.modules, numpy=None):  # how programs block it
            self.assertEqual(kernels.count_primes(column), 2)

    def test_out_of_another_shape(self):
        square = memoryview(bytes(32)).cast("q", (2, 2))
        kernels.is_prime(square, out=bytearray(4))
        line = memoryview(bytearray(4)).cast("?", (1, 4))
        with self.assertRaisesRegex(ValueError, r"out: expected the shape \(2, 2\), not \(1, 4\)"):
            kernels.is_prime(square, out=line)


class Numpy(unittest.TestCase):
    def setUp(self):
        self.numpy = import_or_skip("numpy")

    def test_each_type(self):
        numpy = self.numpy
        for name in (
            "int8",
            "int16",
            "int32",
            "int64",
            "uint8",
            "uint32",
            "uint64",
            "float16",
            "float32",
            "float64",
            "complex128",
            "bool",
            "longdouble",
            "U3",
            "S8",
            "O",
            "M8[s]",
            ">i8",
            "<i8",
            "=i8",
            "p",
            "P",
        ):
            numbers = numpy.zeros(3, name)
            if numpy.dtype(name) in (numpy.dtype("int32"), numpy.dtype("int64"), numpy.dtype("uint64")):
                self.assertEqual(kernels.count_primes(numbers), 0, name)
                continue
            with self.assertRaisesRegex(TypeError, "^numbers: ", msg=name):
                kernels.count_primes(numbers)

    def test_messages_show_a_conversion(self):
        numpy = self.numpy
        with self.assertRaisesRegex(TypeError, r"numbers: expected int32, not float64; use numbers.astype\('int32'\)"):
            compat.num_primes(numpy.zeros(3))
        with self.assertRaisesRegex(ValueError, r"strides \(16,\); use numpy.ascontiguousarray\(numbers\)"):
            kernels.sum(numpy.zeros(10)[::2])
        frozen = numpy.zeros(3, bool)
        frozen.flags.writeable = False
        with self.assertRaisesRegex(ValueError, "out: the array is read-only"):
            kernels.is_prime(numpy.arange(3), out=frozen)

    def test_read_only(self):
        numbers = self.numpy.arange(COUNT)
        numbers.flags.writeable = False
        self.assertEqual(kernels.count_primes(numbers), PRIMES)

    def test_shapes_and_orders(self):
        numpy = self.numpy
        numbers = numpy.arange(24)
        for given in (
            numbers.reshape(2, 3, 4),
            numbers.reshape(6, 4).T,
            numbers.reshape(4, 6, order="F"),
            numpy.array(7),
            numbers[5:11],
            numbers[:0].reshape(0, 5),
        ):
            expected = numpy.isin(given, [2, 3, 5, 7, 11, 13, 17, 19, 23])
            found = kernels.is_prime(given) if given.ndim else numpy.array(kernels.is_prime(given))
            self.assertEqual((found.shape, found.dtype), (given.shape, numpy.dtype(bool)))
            self.assertTrue((found == expected).all(), given)
            self.assertEqual(kernels.count_primes(given), expected.sum())
            out = numpy.empty_like(given, dtype=bool)
            if given.ndim:
                self.assertTrue((kernels.is_prime(given, out=out) == expected).all())

    def test_different_orders(self):
        numpy = self.numpy
        numbers = numpy.arange(24).reshape(4, 6, order="F")
        with self.assertRaisesRegex(ValueError, "out: expected Fortran order"):
            kernels.is_prime(numbers, out=numpy.empty((4, 6), bool))
        with self.assertRaisesRegex(ValueError, r"out: expected the shape \(4, 6\), not \(24,\)"):
            kernels.is_prime(numbers, out=numpy.empty(24, bool))

    def test_single_numbers(self):
        for kind in (self.numpy.int64, self.numpy.uint8, self.numpy.int32):
            self.assertIs(kernels.is_prime(kind(7)), True)

    def test_objects_that_numpy_converts(self):
        numpy = self.numpy

        class Series:
            def __array__(self, dtype=None, copy=None):
                return numpy.arange(COUNT)

        self.assertEqual(kernels.count_primes(Series()), PRIMES)


class NoCopies(unittest.TestCase):
    def test_addresses(self):
        numbers = array.array("i", range(100))
        self.assertEqual(buffers.as_input("numbers", numbers, (INT32,)).address, numbers.buffer_info()[0])
        memory = (ctypes.c_double * 5)()
        self.assertEqual(buffers.as_input("numbers", memory, (FLOAT64,)).address, ctypes.addressof(memory))
        frozen = memoryview(memory).toreadonly()
        self.assertEqual(buffers.as_input("numbers", frozen, (FLOAT64,)).address, ctypes.addressof(memory))
        if has_numpy():
            numpy = import_or_skip("numpy")
            for given in (numpy.arange(9, dtype="int64"), numpy.arange(12, dtype="int64").reshape(3, 4).T):
                given.flags.writeable = False
                self.assertEqual(buffers.as_input("numbers", given, (UINT64, INT64)).address, given.ctypes.data)

    def test_bytes_are_not_copied(self):
        text = b"abcdefgh"
        memory = buffers.as_input("numbers", text, (INT64,))
        self.assertEqual(ctypes.string_at(memory.address, 8), text)

    def test_an_array_too_large_to_copy(self):
        size = 1 << 40  # a terabyte of address space, and almost no memory
        try:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | 0x4000)  # MAP_NORESERVE
        except (OSError, ValueError, OverflowError) as error:
            self.skipTest("SKIP: no terabyte of addresses here: %s" % error)
        output = buffers.as_output("out", memory, (UINT8,), buffers.as_input("numbers", memory, (UINT8,)))
        self.assertEqual(output.length, size)
        output.release()

    def test_results_are_written_in_place(self):
        out = bytearray(4)
        source = buffers.as_input("numbers", [1, 2, 3, 4], (INT64,))
        output = buffers.as_output("out", out, (BOOL,), source)
        ctypes.memset(output.address, 1, 4)
        self.assertEqual(out, bytearray([1, 1, 1, 1]))


class Held(unittest.TestCase):
    """An array cannot be resized while a call uses it; after the call it can."""

    def setUp(self):
        if not hasattr(ctypes, "pythonapi"):
            self.skipTest("SKIP: PyPy's arrays keep no account of who uses them")

    def test_released_afterwards(self):
        numbers, out = array.array("q", range(4)), bytearray(4)
        kernels.is_prime(numbers, out=out)
        numbers.append(5)
        out.append(5)

    def test_released_after_errors(self):
        numbers, out = array.array("q", range(4)), bytearray(3)
        errors = []
        for call in (
            lambda: kernels.is_prime(numbers, out=out),
            lambda: compat.num_primes(numbers),
            lambda: kernels.count_primes(numbers, control=cancelled()),
            lambda: kernels.is_prime(numbers, out=bytearray(4), control=cancelled()),
            lambda: functions.parallel_for(stopping(), 0, 4, context=numbers, control=cancelled()),
        ):
            with self.assertRaises((TypeError, ValueError, ungil.CancelledError)) as caught:
                call()
            errors.append(caught.exception)  # its traceback keeps the frames, and they keep the buffers
            numbers.append(5)
            out.append(5)
            del numbers[4:], out[3:]

    def test_held_while_a_call_runs(self):
        numbers, out = array.array("q", [2**61 - 1]) * 8, array.array("q", bytes(64))
        inside, go_on = threading.Event(), threading.Event()

        def wait(x):
            inside.set()
            go_on.wait(60)
            return x

        function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(wait)
        thread = threading.Thread(target=functions.map, args=(function, numbers), kwargs={"out": out})
        thread.start()
        self.assertTrue(inside.wait(60))
        try:
            for held in (numbers, out):
                with self.assertRaises(BufferError):
                    held.append(1)
        finally:
            go_on.set()
            thread.join()
        numbers.append(1)
        self.assertEqual(out.tolist(), [2**61 - 1] * 8)


def abs_function():
    return ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(abs)


def stopping():
    kinds = (ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    return ctypes.CFUNCTYPE(*kinds)(lambda begin, end, context: 1)


def cancelled():
    control = ungil.Control()
    control.cancel()
    return control


if __name__ == "__main__":
    unittest.main()
