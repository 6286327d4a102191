"""C functions on all cores: results, accepted forms of functions and contexts, and rejected ones."""

import array
import ctypes
import math
import struct
import threading
import unittest
import warnings
from ctypes import CFUNCTYPE, POINTER, PYFUNCTYPE, c_double, c_int32, c_int64, c_uint64, c_void_p
from ctypes.util import find_library
from unittest import mock

import ungil
from references import has_numpy, interrupted, values
from ungil import functions
from ungil._arrays.c_functions import as_function
from ungil._arrays.c_signatures import Signature, parse
from ungil._native.signatures import UNGIL_E_IN_USE

Body = CFUNCTYPE(c_int32, c_int64, c_int64, c_void_p)
Integrand = CFUNCTYPE(c_double, c_double, c_void_p)
Map = CFUNCTYPE(c_double, c_double)
MapInt = CFUNCTYPE(c_int64, c_int64)


def libm():
    """A new object for the library at each call, so that none of its functions is declared."""
    return ctypes.CDLL(find_library("m"))


def address(function):
    return ctypes.cast(function, c_void_p).value


square = Map(lambda x: x * x)
negative = MapInt(lambda x: -x)
parabola = Integrand(lambda x, context: x * x)
ignore = Body(lambda begin, end, context: 0)


class ParallelFor(unittest.TestCase):
    def ranges(self, *args, **kwargs):
        found = []
        body = Body(lambda begin, end, context: found.append((begin, end)) or 0)
        result = functions.parallel_for(body, *args, **kwargs)
        self.assertEqual(result, 0)
        return sorted(found)

    def test_each_index_once(self):
        loops = ((0, 0, None), (5, 6, None), (-7, 12, 5), (0, 10000, None), (0, 10000, 3), (2, 9, 2**62))
        for start, stop, grain in loops:
            for threads in (None, 1, 3):
                found = self.ranges(start, stop, grain=grain, threads=threads)
                self.assertEqual([i for begin, end in found for i in range(begin, end)], list(range(start, stop)))
                if grain:
                    self.assertTrue(all(end - begin == grain or end == stop for begin, end in found))

    def test_there_are_1024_ranges_by_default(self):
        self.assertEqual(len(self.ranges(0, 10)), 10)
        self.assertEqual(len(self.ranges(0, 10**6)), 1024)
        self.assertEqual(len(self.ranges(-(2**63), 2**63 - 1)), 1024)

    def test_it_returns_the_number_of_the_lowest_range(self):
        body = Body(lambda begin, end, context: begin if begin >= 40 else 0)
        for threads in (1, 2, 4):
            self.assertEqual(functions.parallel_for(body, 0, 1000, grain=1, threads=threads), 40)

    def test_a_negative_number_is_an_error(self):
        with self.assertRaises(ungil.Error):
            functions.parallel_for(Body(lambda begin, end, context: -3), 0, 10)

    def test_wrong_parameters(self):
        with self.assertRaisesRegex(ValueError, "stop: 1 is less than start, which is 2"):
            functions.parallel_for(ignore, 2, 1)
        for grain in (0, -1):
            with self.assertRaisesRegex(ValueError, "grain"):
                functions.parallel_for(ignore, 0, 1, grain=grain)
        with self.assertRaisesRegex(OverflowError, "stop: 9223372036854775808 is out of range for int64"):
            functions.parallel_for(ignore, 0, 2**63)
        with self.assertRaisesRegex(TypeError, "start: expected an integer, not float"):
            functions.parallel_for(ignore, 0.0, 1)
        with self.assertRaisesRegex(ValueError, "threads"):
            functions.parallel_for(ignore, 0, 1, threads=0)

    def test_calls_inside_calls(self):
        totals = []

        def body(begin, end, context):
            totals.append(sum(values(functions.map(square, range(begin, end), threads=2))))
            return 0

        self.assertEqual(functions.parallel_for(Body(body), 0, 100, grain=10), 0)
        self.assertEqual(sum(totals), sum(i * i for i in range(100)))


class Maps(unittest.TestCase):
    def test_floats(self):
        numbers = array.array("d", (i * 0.01 - 3 for i in range(600)))
        for threads in (None, 1, 3):
            found = values(functions.map(libm().erf, numbers, threads=threads))
            for value, x in zip(found, numbers):
                self.assertAlmostEqual(value, math.erf(x), delta=1e-15)

    def test_integers(self):
        self.assertEqual(values(functions.map(negative, [1, 2**62, -5])), [-1, -(2**62), 5])
        self.assertEqual(values(functions.map(negative, array.array("q", [1, 2]))), [-1, -2])

    def test_an_unknown_signature_is_taken_for_one_of_doubles(self):
        for function, expected in ((address(square), [1.0, 4.0]), (libm().fabs, [1.0, 2.0])):
            self.assertEqual(values(functions.map(function, [1.0, 2.0])), expected)
            with self.assertWarnsRegex(
                RuntimeWarning, "function: its types are not known.* int becomes float64"
            ) as found:
                self.assertEqual(values(functions.map(function, [1, 2])), expected)
            self.assertEqual(found.filename, __file__)
        with self.assertWarnsRegex(RuntimeWarning, "double function.double., and int64 becomes float64. Declare it: "):
            self.assertEqual(values(functions.map(libm().fabs, array.array("q", [-1, 2]))), [1.0, 2.0])

    def test_integers_for_an_address_are_an_error(self):
        numbers = array.array("q", [1, 2])
        with self.assertRaisesRegex(TypeError, "numbers: expected float64, not int64.*only its address.*CFUNCTYPE"):
            functions.map(address(negative), numbers)
        numbers.append(3)  # the memory was released
        self.assertEqual(values(functions.map(MapInt(address(negative)), numbers)), [-1, -2, -3])

    def test_a_function_that_is_declared_does_not_warn(self):
        declared = libm().fabs
        declared.restype = c_double
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for function in (square, negative, declared):
                functions.map(function, [1, 2])
                functions.map(function, array.array("i", [1, 2]))
            functions.map(libm().fabs, array.array("d", [1, 2]))
            functions.map(libm().fabs, array.array("f", [1, 2]))

    def test_out(self):
        numbers, out = array.array("d", [1, 2, 3]), array.array("d", [0, 0, 0])
        self.assertIs(functions.map(square, numbers, out=out), out)
        self.assertEqual(out.tolist(), [1, 4, 9])
        self.assertIs(functions.map(square, numbers, out=numbers), numbers)
        self.assertEqual(numbers.tolist(), [1, 4, 9])
        with self.assertRaisesRegex(TypeError, "out: expected float64, not float32"):
            functions.map(square, numbers, out=array.array("f", [0, 0, 0]))
        with self.assertRaisesRegex(ValueError, "out: expected 3 elements, not 2"):
            functions.map(square, numbers, out=array.array("d", [0, 0]))
        with self.assertRaisesRegex(ValueError, "overlap|separate"):
            functions.map(square, memoryview(numbers)[:2], out=memoryview(numbers)[1:])

    def test_the_function_and_the_array_disagree(self):
        with self.assertRaisesRegex(TypeError, "numbers: expected int64, not float64"):
            functions.map(negative, array.array("d", [1]))

    def test_results_without_numpy(self):
        with mock.patch("ungil._arrays.results._numpy_module", [None]):
            self.assertEqual(functions.map(square, [3]), array.array("d", [9]))
            self.assertEqual(functions.map(negative, [3]), array.array("q", [-3]))

    @unittest.skipUnless(has_numpy(), "SKIP: no numpy here")
    def test_shapes(self):
        import numpy

        numbers = numpy.arange(24.0).reshape(2, 3, 4)
        for given in (numbers, numbers.T, numbers[0], numbers[:0]):
            self.assertTrue((functions.map(square, given) == given**2).all())
            self.assertEqual(functions.map(square, given).shape, given.shape)
        functions.map(square, numbers, out=numbers)
        self.assertEqual(numbers[1, 2, 3], 529.0)


class Integrals(unittest.TestCase):
    def test_answers(self):
        for a, b, n in ((0, 1, 1), (0, 1, 1000), (2, -1, 77), (-1e3, 1e3, 5000), (1, 1, 3)):
            midpoints = [a + (b - a) * (i + 0.5) / n for i in range(n)]
            expected = math.fsum(x * x for x in midpoints) * (b - a) / n
            for threads in (None, 1, 3):
                found = functions.integrate(parabola, a, b, n, threads=threads)
                self.assertAlmostEqual(found, expected, delta=1e-13 * abs(expected))

    def test_wrong_parameters(self):
        for a, b, n in ((0, 1, 0), (0, 1, -1), (0, math.inf, 1), (math.nan, 0, 1), (-1.7e308, 1.7e308, 1)):
            with self.assertRaises(ValueError):
                functions.integrate(parabola, a, b, n)
        with self.assertRaisesRegex(TypeError, "n: expected an integer, not float"):
            functions.integrate(parabola, 0, 1, 10.0)


class Forms(unittest.TestCase):
    """The forms of a function; test_other_packages.py has those of numba, CFFI and SciPy."""

    def test_of_a_library(self):
        erf = libm().erf
        self.assertEqual(values(functions.map(erf, [0.5])), [math.erf(0.5)])
        erf.restype = c_double
        self.assertEqual(values(functions.map(erf, [0.5])), [math.erf(0.5)])
        erf.argtypes = [c_double]
        self.assertEqual(values(functions.map(erf, [0.5])), [math.erf(0.5)])

    def test_addresses(self):
        for given in (address(square), ctypes.cast(square, c_void_p)):
            self.assertEqual(values(functions.map(given, [3.0])), [9.0])

    def test_it_is_kept_during_the_call(self):
        self.assertEqual(functions.integrate(Integrand(lambda x, context: 1.0), 0, 1, 100000), 1.0)

    def test_wrong_signatures(self):
        declared = libm().sin
        declared.argtypes, declared.restype = [c_double], c_double
        no_result = libm().sin
        no_result.argtypes = [c_double]
        half = libm().sin
        half.restype = c_double
        cases = [
            (functions.integrate, declared, r"expected a C function double \(double, void \*\), not double \(double\)"),
            (functions.map, parabola, r"double \(double\) or int64_t \(int64_t\), not double \(double, void \*\)"),
            (
                functions.map,
                no_result,
                r"not int32_t \(double\)\. ctypes.*if it is double, set function.restype = ctypes",
            ),
            (functions.map, CFUNCTYPE(c_uint64, c_uint64)(abs), r"not uint64_t \(uint64_t\)"),
            (functions.map, CFUNCTYPE(None, POINTER(c_double))(print), r"not void \(void \*\)"),
            (functions.parallel_for, square, r"int32_t \(int64_t, int64_t, void \*\), not double \(double\)"),
            (functions.parallel_for, half, r"not double \(\.\.\.\)"),
        ]
        for call, function, message in cases:
            args = {functions.map: [[1]], functions.integrate: [0, 1, 1], functions.parallel_for: [0, 1]}[call]
            with self.assertRaisesRegex(TypeError, message):
                call(function, *args)

    def test_other_spellings_of_a_signature(self):
        class Data(ctypes.Structure):
            _fields_ = [("x", c_double)]

        data = Data(2.5)
        function = CFUNCTYPE(c_double, c_double, POINTER(Data))(lambda x, data: x * data.contents.x)
        self.assertAlmostEqual(functions.integrate(function, 0, 1, 100, context=data), 1.25)
        same = CFUNCTYPE(ctypes.c_longlong, ctypes.c_longlong)(abs)
        self.assertEqual(values(functions.map(same, [-3])), [3])

    def test_python_functions_are_rejected_with_advice(self):
        for function in (math.sin, lambda x: x, print, Map):
            with self.assertRaisesRegex(TypeError, "expected a C function, not .*numba.cfunc.*ctypes.CFUNCTYPE"):
                functions.map(function, [1])
        with self.assertRaisesRegex(
            TypeError, r"numba.cfunc\('int32\(int64, int64, voidptr\)'\)\(function\).*c_void_p"
        ):
            functions.parallel_for(lambda begin, end, context: 0, 0, 1)

    def test_functions_of_a_compiled_cffi_library_are_rejected_with_advice(self):
        class Lib:  # as CFFI names it
            def sin(self, x):
                pass

        with self.assertRaisesRegex(TypeError, r"expected a C function, not .*use ffi\.addressof\(lib, 'sin'\)"):
            functions.map(Lib().sin, [1.0])

    def test_advice_has_a_name_for_each_type_of_numbers(self):
        sizes = ["%s%d" % (kind, bits) for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
        types = [(size + "_t", "c_" + size, size) for size in sizes]
        for name, in_ctypes, in_numba in [*types, ("float", "c_float", "float32"), ("double", "c_double", "float64")]:
            wanted = Signature(name, (name, "void *"))
            with self.assertRaises(TypeError) as caught:
                as_function(len, wanted)
            self.assertIn("numba.cfunc('%s(%s, voidptr)')" % (in_numba, in_numba), str(caught.exception))
            arguments = "(ctypes.%s, ctypes.%s, ctypes.c_void_p)" % (in_ctypes, in_ctypes)
            self.assertIn("ctypes.CFUNCTYPE" + arguments, str(caught.exception))
            self.assertTrue(hasattr(ctypes, in_ctypes))

    def test_other_objects_are_rejected(self):
        for given in (None, "sin", 1.5, b"sin", [square], ctypes.c_int(5)):
            with self.assertRaisesRegex(TypeError, "function: expected a C function, not "):
                functions.map(given, [1])
        for given in (True, -1, 2**64):
            with self.assertRaisesRegex(TypeError, "function: .* is not an address"):
                functions.map(given, [1])
        for given in (0, c_void_p(), Map()):
            with self.assertRaisesRegex(ValueError, "function: the pointer is NULL"):
                functions.map(given, [1])
        for given in (1, 4095):
            with self.assertRaisesRegex(ValueError, "function: %d is not the address of a function" % given):
                functions.map(given, [1])

    def test_functions_that_need_the_gil_are_rejected(self):
        with self.assertRaisesRegex(TypeError, "needs the GIL"):
            functions.map(PYFUNCTYPE(c_double, c_double)(abs), [1])

    def test_signatures_as_scipy_writes_them(self):
        for text, result, parameters in (
            ("double (double, void *)", "double", ("double", "void *")),
            ("int (npy_intp, long long, double *)", "int32_t", ("int64_t", "int64_t", "void *")),
            ("unsigned long(void)", "uint64_t", ()),
            (
                "long double (const signed char, unsigned char, char, short int)",
                "long double",
                ("int8_t", "uint8_t", "char", "int16_t"),
            ),
            ("int64_t (uint32_t, size_t, _Bool) noexcept nogil", "int64_t", ("uint32_t", "uint64_t", "bool")),
        ):
            self.assertEqual(parse(text), (result, parameters))
        for text in ("", "sin", "datetime.datetime_CAPI", "double (double (double))"):
            self.assertIsNone(parse(text))


class Contexts(unittest.TestCase):
    """Each form of a context is the address of a double with the value 2.5."""

    def check(self, context):
        function = Integrand(lambda x, address: c_double.from_address(address).value)
        self.assertEqual(functions.integrate(function, 0, 1, 10, context=context, threads=2), 2.5)

    def test_forms(self):
        number = c_double(2.5)
        pointer = ctypes.pointer(number)
        self.check(pointer)
        for context in (number, ctypes.byref(number), ctypes.addressof(number), (c_double * 1)(2.5)):
            self.check(context)
        self.check(ctypes.cast(pointer, c_void_p))
        for context in (
            array.array("d", [2.5]),
            bytearray(struct.pack("d", 2.5)),
            struct.pack("d", 2.5),
            memoryview(struct.pack("d", 2.5)),
        ):
            self.check(context)
        if has_numpy():
            import numpy

            self.check(numpy.array([2.5, 1.0]))

    def test_none_is_null(self):
        seen = []
        functions.parallel_for(Body(lambda begin, end, context: seen.append(context) or 0), 0, 1)
        self.assertEqual(seen, [None])

    def test_other_objects_are_rejected(self):
        for context in ("text", [2.5], 1.5, object()):
            with self.assertRaisesRegex(TypeError, "context: .* does not support the buffer protocol"):
                functions.integrate(parabola, 0, 1, 1, context=context)
        for context in (True, -1, 2**64):
            with self.assertRaisesRegex(TypeError, "context: .* is not an address"):
                functions.integrate(parabola, 0, 1, 1, context=context)
        with self.assertRaisesRegex(ValueError, "context: expected contiguous memory"):
            functions.integrate(parabola, 0, 1, 1, context=memoryview(array.array("d", [1, 2, 3]))[::2])


PROGRAM = """
import ctypes, threading, time, ungil
from ungil import functions
control, calls = ungil.Control(), []
def body(begin, end, context):
    if begin == 0: print("started")
    calls.append(begin)
    time.sleep(0.001)
    return 0
function = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)(body)
try:
    functions.parallel_for(function, 0, 10**9, grain=1, control=%s)
except KeyboardInterrupt:
    before = len(calls)
    time.sleep(0.1)
    print(len(calls) - before)
"""


class Stopping(unittest.TestCase):
    def test_interrupts(self):
        for control in ("control", "None"):
            self.assertEqual(interrupted(PROGRAM % control, "started"), (0, ["0"]))

    def test_cancelling(self):
        with ungil.Control() as control:
            body = Body(lambda begin, end, context: control.cancel() or 0)
            with self.assertRaises(ungil.CancelledError):
                functions.parallel_for(body, 0, 10**9, grain=1, control=control)
            self.assertLess(control.progress.done, 10**9)

    def test_a_control_serves_one_call_at_a_time(self):
        inside, go_on = threading.Event(), threading.Event()
        body = Body(lambda begin, end, context: (inside.set(), go_on.wait(60), 0)[2])
        with ungil.Control() as control:
            thread = threading.Thread(target=functions.parallel_for, args=(body, 0, 1), kwargs={"control": control})
            thread.start()
            try:
                self.assertTrue(inside.wait(60))
                with self.assertRaises(ungil.Error) as caught:
                    functions.map(square, [1], control=control)
                self.assertEqual(caught.exception.status, UNGIL_E_IN_USE)
            finally:
                go_on.set()
                thread.join()


if __name__ == "__main__":
    unittest.main()
