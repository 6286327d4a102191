"""What other packages make and show: numba, CFFI and SciPy's functions; tqdm, rich and threadpoolctl."""

import ctypes
import math
import os
import subprocess
import sys
import threading
import time
import unittest
from ctypes.util import find_library
from unittest import mock

import ungil
from references import PATIENCE, companion, values
from ungil import functions, kernels
from ungil.tracking import track


def python(program, **environment):
    """The output of a new Python that runs the program."""
    settings = dict(os.environ, **environment)
    for name, value in environment.items():
        if value is None:
            del settings[name]
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env=settings, timeout=PATIENCE, universal_newlines=True)


class Numba(unittest.TestCase):
    def setUp(self):
        self.numba = companion("numba")

    def test_maps(self):
        square = self.numba.cfunc("float64(float64)")(lambda x: x * x)
        self.assertEqual(values(functions.map(square, [1.5, 2])), [2.25, 4.0])
        negative = self.numba.cfunc("int64(int64)")(lambda x: -x)
        self.assertEqual(values(functions.map(negative, [1, 2])), [-1, -2])

    def test_an_integrand_with_a_context(self):
        numpy, types = companion("numpy"), self.numba.types

        def scaled(x, context):
            return x * carray(context, 2)[1]

        carray = self.numba.carray
        compiled = self.numba.cfunc(types.double(types.double, types.CPointer(types.double)))(scaled)
        result = functions.integrate(compiled, 0, 2, 1000, context=numpy.array([0.0, 3.0]))
        self.assertAlmostEqual(result, 6.0)

    def test_a_loop_over_an_array(self):
        numpy, types, carray = companion("numpy"), self.numba.types, self.numba.carray

        def fill(begin, end, context):
            numbers = carray(context, 100000)
            for i in range(begin, end):
                numbers[i] = i
            return 0

        compiled = self.numba.cfunc(types.int32(types.int64, types.int64, types.CPointer(types.int64)))(fill)
        numbers = numpy.zeros(100000, "int64")
        self.assertEqual(functions.parallel_for(compiled, 0, 100000, context=numbers), 0)
        self.assertTrue((numbers == numpy.arange(100000)).all())

    def test_wrong_signatures(self):
        compiled = self.numba.cfunc("float64(float64, float64)")(lambda x, y: x)
        with self.assertRaisesRegex(
            TypeError, r"expected .* double \(double, void \*\), not double \(double, double\)"
        ):
            functions.integrate(compiled, 0, 1, 1)

    def test_a_jitted_function_is_refused(self):
        with self.assertRaisesRegex(TypeError, "numba.cfunc"):
            functions.map(self.numba.njit(lambda x: x), [1])


class Cffi(unittest.TestCase):
    def setUp(self):
        self.ffi = companion("cffi").FFI()
        self.ffi.cdef("double erf(double); double atan2(double, double);")
        self.libm = self.ffi.dlopen(find_library("m"))

    def test_functions(self):
        self.assertEqual(values(functions.map(self.libm.erf, [0.5])), [math.erf(0.5)])
        callback = self.ffi.callback("int64_t(long)")(lambda x: -x)
        self.assertEqual(values(functions.map(callback, [5])), [-5])

    def test_contexts(self):
        body = self.ffi.callback("int(int64_t, long, void *)")(
            lambda begin, end, context: int(self.ffi.cast("int *", context)[0])
        )
        for context in (self.ffi.new("int *", 9), self.ffi.new("int[]", [9, 8])):
            self.assertEqual(functions.parallel_for(body, 0, 1, context=context), 9)
        with self.assertRaisesRegex(TypeError, "context: expected CFFI's pointer or array, not its primitive"):
            functions.parallel_for(body, 0, 1, context=self.ffi.cast("int", 5))

    def test_wrong_signatures(self):
        with self.assertRaisesRegex(TypeError, r"not double \(double, double\)"):
            functions.map(self.libm.atan2, [1])
        with self.assertRaisesRegex(TypeError, "function: expected a C function, not"):
            functions.map(self.ffi.new("int *"), [1])
        with self.assertRaisesRegex(ValueError, "NULL"):
            functions.map(self.ffi.cast("double (*)(double)", 0), [1])


def new_capsule(thing, name, context=None):
    """A PyCapsule of a ctypes object's address; the caller keeps all of them."""
    address = ctypes.cast(thing, ctypes.c_void_p) if isinstance(thing, ctypes._CFuncPtr) else ctypes.addressof(thing)
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    capsule = new(("PyCapsule_New", ctypes.pythonapi))(address, name, None)
    if context is not None:
        set_context = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
        set_context(("PyCapsule_SetContext", ctypes.pythonapi))(capsule, ctypes.addressof(context))
    return capsule


class Scipy(unittest.TestCase):
    def setUp(self):
        self.callable = companion("scipy").LowLevelCallable
        self.cython = companion("scipy.special.cython_special")
        kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)
        self.scaled = kind(lambda x, context: x * ctypes.c_double.from_address(context).value)

    def test_user_data_is_the_context(self):
        data = ctypes.c_double(4)
        function = self.callable(self.scaled, ctypes.cast(ctypes.pointer(data), ctypes.c_void_p))
        self.assertAlmostEqual(functions.integrate(function, 0, 1, 100), 2.0)
        with self.assertRaisesRegex(TypeError, "context: the function brings along a context of its own"):
            functions.integrate(function, 0, 1, 100, context=data)
        self.assertAlmostEqual(functions.integrate(self.callable(self.scaled), 0, 1, 100, context=data), 2.0)

    def test_capsules(self):
        name = b"double (double, void *)"
        data = ctypes.c_double(4)
        capsule = new_capsule(self.scaled, name, data)
        for function in (capsule, self.callable(capsule)):
            self.assertAlmostEqual(functions.integrate(function, 0, 1, 100), 2.0)
        for context in (new_capsule(data, None), new_capsule(data, b"any")):
            self.assertAlmostEqual(functions.integrate(self.scaled, 0, 1, 100, context=context), 2.0)

    def test_cython_functions_with_other_parameters(self):
        for function in (self.callable.from_cython(self.cython, "j0"), self.cython.__pyx_capi__["j0"]):
            with self.assertRaisesRegex(TypeError, r"not double \(double, int __pyx_skip_dispatch\)"):
                functions.map(function, [1.0])

    def test_maps_have_no_context(self):
        data = ctypes.c_double(4)
        kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
        function = self.callable(kind(abs), ctypes.cast(ctypes.pointer(data), ctypes.c_void_p))
        with self.assertRaisesRegex(TypeError, "without a context"):
            functions.map(function, [1.0])

    def test_other_capsules(self):
        import datetime

        with self.assertRaisesRegex(TypeError, "the capsule's name 'datetime.datetime_CAPI' is no signature"):
            functions.map(datetime.datetime_CAPI, [1.0])


def shown(program):
    """What appears on stderr."""
    program = "import ungil, sys\nfrom ungil import kernels\nfrom ungil.tracking import track\n" + program
    process = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, timeout=PATIENCE, check=True)
    return process.stderr.decode()


TO_THE_END = "with ungil.Control() as c, track(c, 'terms'): kernels.pi(3 * 10**9, control=c)"
STOPPED = """
c = ungil.Control()
try:
    with track(c):
        c.set_deadline(0.5)
        kernels.pi(10**15, control=c)
except ungil.TimedOut:
    pass
"""


class Tracking(unittest.TestCase):
    def test_tqdm(self):
        companion("tqdm")
        output = shown(TO_THE_END)
        self.assertRegex(output, r"terms: 100%.*3.00G/3.00G")
        self.assertTrue(output.endswith("\n"))
        self.assertRegex(shown(STOPPED), r"  0%.*[0-9]G/1.00P ")

    def test_rich(self):
        companion("rich")
        without_tqdm = "sys.modules['tqdm'] = sys.modules['tqdm.auto'] = None\n"
        self.assertRegex(shown(without_tqdm + TO_THE_END), "terms .* 100% 3000000000 it")
        self.assertRegex(shown(without_tqdm + STOPPED), " 0% [0-9]+ it")

    def test_nothing_is_shown_without_both(self):
        without = "for m in ('tqdm', 'tqdm.auto', 'rich', 'rich.progress'): sys.modules[m] = None\n"
        self.assertEqual(shown(without + TO_THE_END), "")

    def test_several_calls(self):
        bar = self.bar()
        with ungil.Control() as control:
            kernels.pi(5, control=control)
            with mock.patch("ungil.tracking._bar", lambda *args: bar), track(control) as same:
                self.assertIs(same, control)
                time.sleep(0.25)
                self.assertEqual(bar.seen, [])  # the call is an earlier one's
                kernels.pi(7, control=control)
                while not bar.seen:
                    time.sleep(0.01)
                kernels.pi(3, control=control)
        self.assertEqual(list(dict.fromkeys(bar.seen)), [(7, 7), (3, 3)])
        self.assertTrue(bar.closed)
        self.assertNotIn("ungil.track", [thread.name for thread in threading.enumerate()])

    def test_a_control_that_is_closed_first(self):
        bar = self.bar()
        control = ungil.Control()
        with mock.patch("ungil.tracking._bar", lambda *args: bar), track(control):
            control.close()
        self.assertTrue(bar.closed)

    def test_wrong_parameters(self):
        with self.assertRaisesRegex(TypeError, "control: expected an ungil.Control, not int"):
            track(5)

    @staticmethod
    def bar():
        class Bar:
            seen, closed = [], False

            def show(self, progress):
                self.seen.append(tuple(progress))

            def close(self):
                self.closed = True

        return Bar()


LIMITS = """
import os, sys
from ungil import kernels
import threadpoolctl
def mine():
    return [it for it in threadpoolctl.threadpool_info() if it["user_api"] == "ungil"]
info, = mine()
print(info["internal_api"], info["num_threads"] == kernels.num_threads(), info["version"].count("."))
start = os.environ.get("UNGIL_NUM_THREADS")
with threadpoolctl.threadpool_limits(3):
    print(kernels.num_threads(), mine()[0]["num_threads"])
    with threadpoolctl.threadpool_limits({"ungil": 5}):
        print(kernels.num_threads())
    print(kernels.num_threads())
print(os.environ.get("UNGIL_NUM_THREADS") == start)
print(len(mine()))
"""


class Threadpoolctl(unittest.TestCase):
    def setUp(self):
        self.module = companion("threadpoolctl")

    def test_limits(self):
        expected = ["ungil True 2", "3 3", "5", "3", "True", "1"]
        for number in (None, "7", "nonsense"):
            self.assertEqual(python(LIMITS, UNGIL_NUM_THREADS=number).splitlines(), expected)

    def test_it_may_be_imported_before(self):
        self.assertEqual(python("import threadpoolctl\n" + LIMITS).splitlines()[0], "ungil True 2")


class NoThreadpoolctl(unittest.TestCase):
    def test_it_may_be_missing(self):
        program = "import sys\nsys.modules['threadpoolctl'] = None\nimport ungil\nungil.pi(10)\nprint('fine')"
        self.assertEqual(python(program).strip(), "fine")


if __name__ == "__main__":
    unittest.main()
