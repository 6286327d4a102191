"""Support for other packages: functions of numba, CFFI and SciPy; tqdm, rich and threadpoolctl."""

import ctypes
import math
import subprocess
import sys
import threading
import time
import unittest
from ctypes.util import find_library
from unittest import mock

import ungil
from references import PATIENCE, import_or_skip, python, values
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS
from ungil import compat, functions
from ungil.progress import track


class Numba(unittest.TestCase):
    def setUp(self):
        self.numba = import_or_skip("numba")

    def test_maps(self):
        square = self.numba.cfunc("float64(float64)")(lambda x: x * x)
        self.assertEqual(values(functions.map(square, [1.5, 2])), [2.25, 4.0])
        negative = self.numba.cfunc("int64(int64)")(lambda x: -x)
        self.assertEqual(values(functions.map(negative, [1, 2])), [-1, -2])

    def test_an_integrand_with_a_context(self):
        numpy, types = import_or_skip("numpy"), self.numba.types

        def scaled(x, context):
            return x * carray(context, 2)[1]

        carray = self.numba.carray
        compiled = self.numba.cfunc(types.double(types.double, types.CPointer(types.double)))(scaled)
        result = functions.integrate(compiled, 0, 2, 1000, context=numpy.array([0.0, 3.0]))
        self.assertAlmostEqual(result, 6.0)

    def test_a_loop_over_an_array(self):
        numpy, types, carray = import_or_skip("numpy"), self.numba.types, self.numba.carray

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

    def test_a_jitted_function_is_rejected(self):
        with self.assertRaisesRegex(TypeError, "numba.cfunc"):
            functions.map(self.numba.njit(lambda x: x), [1])


class Cffi(unittest.TestCase):
    def setUp(self):
        self.ffi = import_or_skip("cffi").FFI()
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
        with self.assertRaisesRegex(TypeError, "context: expected a CFFI pointer or array, not a CFFI primitive"):
            functions.parallel_for(body, 0, 1, context=self.ffi.cast("int", 5))

    def test_wrong_signatures(self):
        with self.assertRaisesRegex(TypeError, r"not double \(double, double\)"):
            functions.map(self.libm.atan2, [1])
        with self.assertRaisesRegex(TypeError, "function: expected a C function, not"):
            functions.map(self.ffi.new("int *"), [1])
        with self.assertRaisesRegex(ValueError, "NULL"):
            functions.map(self.ffi.cast("double (*)(double)", 0), [1])


def new_capsule(thing, name, context=None):
    """A PyCapsule with the address of a ctypes object, which the caller keeps alive."""
    address = ctypes.cast(thing, ctypes.c_void_p) if isinstance(thing, ctypes._CFuncPtr) else ctypes.addressof(thing)
    new = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    capsule = new(("PyCapsule_New", ctypes.pythonapi))(address, name, None)
    if context is not None:
        set_context = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p)
        set_context(("PyCapsule_SetContext", ctypes.pythonapi))(capsule, ctypes.addressof(context))
    return capsule


class Scipy(unittest.TestCase):
    def setUp(self):
        self.callable = import_or_skip("scipy").LowLevelCallable
        self.cython = import_or_skip("scipy.special.cython_special")
        kind = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)
        self.scaled = kind(lambda x, context: x * ctypes.c_double.from_address(context).value)

    def test_user_data_is_the_context(self):
        data = ctypes.c_double(4)
        function = self.callable(self.scaled, ctypes.cast(ctypes.pointer(data), ctypes.c_void_p))
        self.assertAlmostEqual(functions.integrate(function, 0, 1, 100), 2.0)
        with self.assertRaisesRegex(TypeError, "context: the function has a context of its own"):
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

        with self.assertRaisesRegex(TypeError, "capsule's name 'datetime.datetime_CAPI' is not a function signature"):
            functions.map(datetime.datetime_CAPI, [1.0])


def shown(program):
    """What the program prints to stderr."""
    imports = "import sys, threading, time, ungil\nfrom ungil import compat\nfrom ungil.progress import track\n"
    process = subprocess.run(
        [sys.executable, "-c", imports + program], stderr=subprocess.PIPE, timeout=PATIENCE, check=True
    )
    return process.stderr.decode()


TO_THE_END = "with ungil.Control() as c, track(c, 'terms'): compat.pi(3 * 10**9, control=c)"
STOPPED = """
c = ungil.Control()
def stop():
    while not c.progress.done:
        time.sleep(0.001)
    c.cancel()
threading.Thread(target=stop).start()
try:
    with track(c):
        compat.pi(10**15, control=c)
except ungil.CancelledError:
    pass
"""


class Tracking(unittest.TestCase):
    def test_tqdm(self):
        import_or_skip("tqdm")
        output = shown(TO_THE_END)
        self.assertRegex(output, r"terms: 100%.*3.00G/3.00G")
        self.assertTrue(output.endswith("\n"))
        self.assertRegex(shown(STOPPED), r"  0%.* [1-9][0-9.]*[kMG]?/1.00P ")

    def test_rich(self):
        import_or_skip("rich")
        without_tqdm = "sys.modules['tqdm'] = sys.modules['tqdm.auto'] = None\n"
        self.assertRegex(shown(without_tqdm + TO_THE_END), "terms .* 100% 3000000000 it")
        self.assertRegex(shown(without_tqdm + STOPPED), " 0% [1-9][0-9]* it")

    def test_nothing_is_shown_without_both(self):
        without = "for m in ('tqdm', 'tqdm.auto', 'rich', 'rich.progress'): sys.modules[m] = None\n"
        self.assertEqual(shown(without + TO_THE_END), "")

    def test_several_calls(self):
        bar = self.bar()
        with ungil.Control() as control:
            compat.pi(5, control=control)
            with mock.patch("ungil.progress._bar", lambda *args: bar), track(control) as same:
                self.assertIs(same, control)
                time.sleep(0.25)
                self.assertEqual(bar.seen, [])  # that call was made earlier
                compat.pi(7, control=control)
                while not bar.seen:
                    time.sleep(0.01)
                compat.pi(3, control=control)
        self.assertEqual(list(dict.fromkeys(bar.seen)), [(7, 7), (3, 3)])
        self.assertTrue(bar.closed)
        self.assertNotIn("ungil.track", [thread.name for thread in threading.enumerate()])

    def test_a_control_that_is_closed_first(self):
        bar = self.bar()
        control = ungil.Control()
        with mock.patch("ungil.progress._bar", lambda *args: bar), track(control):
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
import os, pickle, sys
from ungil import compat, kernels
%s
import threadpoolctl
def mine():
    return [it for it in threadpoolctl.threadpool_info() if it["user_api"] == "ungil"]
setting = kernels.library.ungil_num_threads_setting
info, = mine()
print(info["internal_api"], info["num_threads"] == kernels.num_threads(), info["version"].count("."))
before = dict(os.environ), kernels.num_threads(), setting()
with threadpoolctl.threadpool_limits(3):
    print(kernels.num_threads(), mine()[0]["num_threads"])
    with threadpoolctl.threadpool_limits({"ungil": 5}):
        print(kernels.num_threads())
        with threadpoolctl.threadpool_limits(before[1]):  # a plain number, also if it equals the default
            print(setting() == before[1])
        print(kernels.num_threads())
    print(kernels.num_threads())
print((dict(os.environ), kernels.num_threads(), setting()) == before)
kernels.set_num_threads(4)
for number in -1, -(2**64) + 1, 2**32 + 1:  # truncated to C ints, these would be valid numbers
    with threadpoolctl.threadpool_limits({"ungil": number}):
        print(kernels.num_threads())
print(kernels.num_threads(), setting())
print(type(pickle.loads(pickle.dumps(mine()[0]["num_threads"]))) is int)
print(len(mine()))
"""
# The library is loaded while another thread is importing threadpoolctl.
IMPORTED_MEANWHILE = """
import importlib.util, sys, threading
started, go_on = threading.Event(), threading.Event()
spec = importlib.util.find_spec("threadpoolctl")
run = spec.loader.exec_module
def slowly(module):
    started.set()
    go_on.wait()
    run(module)
spec.loader.exec_module = slowly
class Finder:
    def find_spec(self, name, path=None, target=None):
        return spec if name == "threadpoolctl" else None
sys.meta_path.insert(0, Finder())
thread = threading.Thread(target=lambda: __import__("threadpoolctl"))
thread.start()
started.wait()
threading.Timer(0.1, go_on.set).start()
import ungil
ungil.compat.pi(9)
thread.join()
"""
OF_LIMITS = ["ungil True 2", "3 3", "5", "True", "5", "3", "True", "4", "4", "256", "4 4", "True", "1"]


class Threadpoolctl(unittest.TestCase):
    def setUp(self):
        self.module = import_or_skip("threadpoolctl")

    def test_limits(self):
        for number in (None, "7", "nonsense"):
            self.assertEqual(python(LIMITS % "", UNGIL_NUM_THREADS=number).splitlines(), OF_LIMITS)

    def test_it_may_be_imported_before(self):
        self.assertEqual(python("import threadpoolctl\n" + LIMITS % "").splitlines(), OF_LIMITS)

    def test_libraries_may_have_been_listed_before(self):
        program = "import threadpoolctl\nthreadpoolctl.threadpool_info()\n" + LIMITS % ""
        self.assertEqual(python(program).splitlines(), OF_LIMITS)

    def test_an_import_that_fails_at_first(self):
        program = "sys.modules['threadpoolctl'] = None\ntry: import threadpoolctl\nexcept ImportError: pass\n"
        self.assertEqual(python(LIMITS % (program + "del sys.modules['threadpoolctl']")).splitlines(), OF_LIMITS)

    def test_its_module_is_the_same_without_ungil(self):
        program = (
            "import %simportlib.util, inspect, threadpoolctl as t\nprint(importlib.util.find_spec('threadpoolctl')"
        )
        program += ", repr(t.__loader__).split()[0], t.__loader__ is t.__spec__.loader, len(inspect.getsource(t)))"
        without = python(program % "").split(" object at ")[0]
        self.assertEqual(python("import ungil; ungil.compat.pi(9)\n" + program % "").split(" object at ")[0], without)

    def test_another_thread_may_be_importing_it(self):
        self.assertEqual(python(IMPORTED_MEANWHILE + LIMITS % "").splitlines(), OF_LIMITS)

    def test_it_may_be_imported_again(self):
        again = "import importlib, threadpoolctl\nimportlib.reload(threadpoolctl)"
        self.assertEqual(python(LIMITS % again).splitlines(), OF_LIMITS)

    def test_another_tool_may_look_at_it_without_importing_it(self):
        program = "import importlib.util, sys, ungil; ungil.num_threads()\n"
        program += "spec = importlib.util.find_spec('threadpoolctl')\n"
        program += "print(len(spec.loader.get_source('threadpoolctl')) > 1000, 'threadpoolctl' in sys.modules)"
        self.assertEqual(python(program).split(), ["True", "False"])

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_in_an_interpreter_that_is_used_again(self):
        """ungil is still imported for the next user of the interpreter, who then imports threadpoolctl."""
        count = "sum(it['user_api'] == 'ungil' for it in __import__('threadpoolctl').threadpool_info())"
        with ungil.Interpreter() as interpreter:
            interpreter.exec("import sys, ungil; ungil.compat.pi(9); sys.meta_path.insert(0, None); sys.ours = 1")
        with ungil.Interpreter() as interpreter:
            state = interpreter.eval("(getattr(__import__('sys'), 'ours', 0), None in __import__('sys').meta_path)")
            self.assertEqual(state, (1, False))
            self.assertEqual(interpreter.eval(count), 1)


class NoThreadpoolctl(unittest.TestCase):
    def test_it_may_be_missing(self):
        program = "import sys\nsys.modules['threadpoolctl'] = None\nimport ungil\nungil.num_threads()\nprint('fine')"
        self.assertEqual(python(program).strip(), "fine")

    def test_it_may_be_missing_from_the_disk(self):
        program = "import os, sys, ungil; ungil.compat.pi(10)\n"
        program += "sys.path[:] = [p for p in sys.path if not os.path.exists(os.path.join(p, 'threadpoolctl.py'))]\n"
        program += "try: import threadpoolctl\nexcept ModuleNotFoundError as error: print(error.name)"
        self.assertEqual(python(program).strip(), "threadpoolctl")


if __name__ == "__main__":
    unittest.main()
