"""Many threads that use one object at the same time. All Pythons run this; a free-threaded one is where it may fail."""

import array
import asyncio
import ctypes
import gc
import os
import random
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import threading
import unittest
import zlib

import ungil
from references import PATIENCE, rounds
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy, run_script
from ungil import aio, compat, functions, kernels
from ungil._native import lending
from ungil._native.locks import Numbers

THREADS = 8
ROUNDS = rounds(300, 40)
IS_FREE_THREADED = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))


def together(*functions):
    """Call the functions in threads that begin at the same moment, and raise the first exception of any."""
    barrier, errors = threading.Barrier(len(functions)), []

    def run(function):
        barrier.wait(PATIENCE)
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def repeated(function, count=ROUNDS):
    """A function that calls this one so often, with the number of the call."""

    def repeat():
        for i in range(count):
            function(i)

    return repeat


class FreeThreading(unittest.TestCase):
    @unittest.skipUnless(IS_FREE_THREADED, "SKIP: this Python has a GIL")
    def test_the_package_does_not_turn_the_gil_on(self):
        script = """
            import sys, ungil
            from ungil import aio, compat
            ungil.map(__import__("ctypes").CDLL("libm.so.6").sqrt, [1.0, 4.0])
            assert not sys._is_gil_enabled()
            with ungil.Interpreter() as interpreter:
                print(sys._is_gil_enabled(), interpreter.eval("__import__('sys')._is_gil_enabled()"))
            """
        self.assertEqual(run_script(script, options=("-W", "error")), (0, "False False\n", ""))

    def test_the_first_use_by_many_threads(self):
        """Modules are imported, and names looked up, when they are first used."""
        script = """
            import sys, threading
            import ungil
            def use(i):
                barrier.wait()
                names = sorted(ungil.__all__)
                for name in names[i:] + names[:i]:
                    getattr(ungil, name)
                numbers.append(ungil.count_primes(range(100 + i)))
            for _ in range(5):
                for name in [name for name in sys.modules if name.startswith("ungil.") and "_native" not in name]:
                    del sys.modules[name]
                for name in list(vars(ungil)):
                    if name in ungil._MODULES or name in ungil._SUBMODULES:
                        delattr(ungil, name)
                barrier, numbers = threading.Barrier(8), []
                threads = [threading.Thread(target=use, args=(i,)) for i in range(8)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                print(len(numbers), min(numbers), max(numbers))
            """
        self.assertEqual(run_script(script), (0, 5 * "8 25 27\n", ""))


class Functions(unittest.TestCase):
    def test_numbers_are_given_once(self):
        numbers, taken = Numbers(), []
        together(*[repeated(lambda i: taken.append(numbers.take()), 1000) for _ in range(THREADS)])
        self.assertEqual(sorted(taken), list(range(1, 1000 * THREADS + 1)))

    def test_kernels(self):
        numbers, halves = array.array("Q", range(1000)), array.array("d", [0.5] * 1000)

        def use(i):
            self.assertEqual(kernels.count_primes(numbers), 168)
            self.assertEqual(kernels.sum(halves), 500.0)
            self.assertEqual(sum(kernels.is_prime(numbers).tolist()), 168)
            self.assertEqual(compat.test(0, 10), 18)

        together(*[repeated(use) for _ in range(THREADS)])
        numbers.append(1)  # no thread has kept its memory

    def test_c_functions(self):
        Map = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
        Body = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
        square, sqrt = Map(lambda x: x * x), ctypes.CDLL("libm.so.6").sqrt
        sqrt.restype, sqrt.argtypes = ctypes.c_double, [ctypes.c_double]

        def use(i):
            self.assertEqual(functions.map(sqrt, [1.0, 4.0, 9.0]).tolist(), [1.0, 2.0, 3.0])
            self.assertEqual(functions.map(square, range(20), threads=3).tolist(), [x * x for x in range(20)])
            found = []
            body = Body(lambda begin, end, context: found.extend(range(begin, end)) or 0)
            functions.parallel_for(body, 0, 30, grain=3, threads=3)
            self.assertEqual(sorted(found), list(range(30)))

        together(*[repeated(use, ROUNDS // 4) for _ in range(THREADS)])

    def test_asyncio(self):
        async def main():
            calls = [aio.count_primes(range(i)) for i in range(3, 10)]
            return await asyncio.gather(*calls)

        def use(i):
            self.assertEqual(asyncio.run(main()), [1, 2, 2, 3, 3, 4, 4])

        together(*[repeated(use, ROUNDS // 20) for _ in range(THREADS)])


class OneControl(unittest.TestCase):
    def test_calls_and_cancels(self):
        """A control that is closed is a ValueError; one in use, or freed meanwhile, is an Error."""
        for _ in range(ROUNDS // 10):
            control, ended = ungil.Control(), []

            def call(i, control=control, ended=ended):
                try:
                    ended.append(compat.pi(10**5, control=control) > 3)
                except (ungil.Error, ValueError) as error:
                    ended.append(error)

            def watch(i, control=control):
                try:
                    self.assertLessEqual(control.progress.done, 10**5)
                    control.set_deadline(1000)
                    repr(control)
                except ValueError:  # a handle that was freed is one too
                    pass

            def close(control=control):
                watch(0)
                control.cancel()
                control.close()

            together(*[repeated(call, 10)] * 3, *[repeated(watch, 50)] * 3, close)
            self.assertEqual((control.handle, len(ended)), (0, 30))

    def test_a_handle_is_freed_once(self):
        """The handle of another control, which is new, is never freed."""

        def use(i):
            control = ungil.Control()
            together(*[control.close] * 3)
            with ungil.Control() as new:
                compat.pi(10, control=new)
                self.assertEqual(new.progress.done, 10)

        together(*[repeated(use, ROUNDS // 10) for _ in range(3)])


def double(x):
    return 2 * x


def count(values):
    return len(values)


def total(memory):
    return sum(memory)


def add_to(memory, index):
    memory[index] += 1


NEEDS_GIL = """
#include <Python.h>
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "needs_gil"};
PyMODINIT_FUNC PyInit_needs_gil(void) { return PyModule_Create(&module); }
"""


def build_module_that_needs_the_gil(directory):
    include = sysconfig.get_path("include")
    if not os.path.exists(os.path.join(include, "Python.h")) or not shutil.which("cc"):
        raise unittest.SkipTest("SKIP: no C compiler, or no Python.h in %s" % include)
    target = os.path.join(directory, "needs_gil" + sysconfig.get_config_var("EXT_SUFFIX"))
    command = ["cc", "-shared", "-fPIC", "-I", include, "-x", "c", "-", "-o", target]
    subprocess.run(command, input=NEEDS_GIL, text=True, check=True)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Interpreters(unittest.TestCase):
    def test_one_pool(self):
        with ungil.InterpreterPoolExecutor(3) as pool:

            def use(i):
                offset = random.randrange(100)
                futures = [pool.submit(lambda x: x + offset, j) for j in range(5)]
                cancelled = pool.submit(pow, 2, 10)
                cancelled.cancel()
                self.assertEqual(list(pool.map(double, range(10), chunksize=3)), list(range(0, 20, 2)))
                self.assertEqual([future.result(PATIENCE) for future in futures], [offset + j for j in range(5)])
                self.assertTrue(cancelled.cancelled() or cancelled.result(PATIENCE) == 1024)

            together(*[repeated(use, ROUNDS // 4) for _ in range(THREADS)])
            self.assertEqual(pool._pool.queue_length, 0)

    def test_a_pool_that_is_shut_down_meanwhile(self):
        for _ in range(ROUNDS // 20):
            pool, futures, refused = ungil.InterpreterPoolExecutor(2), [], []

            def submit(i, pool=pool, futures=futures, refused=refused):
                try:
                    futures.append(pool.submit(double, i))
                except RuntimeError as error:
                    refused.append(error)

            together(*[repeated(submit, 50)] * 4, pool.shutdown, lambda pool=pool: pool.shutdown(cancel_futures=True))
            pool.shutdown()
            self.assertEqual(len(futures) + len(refused), 200)
            self.assertTrue(all(future.done() for future in futures))
            self.assertTrue(all(future.cancelled() or future.result() % 2 == 0 for future in futures))

    def test_one_interpreter(self):
        with ungil.Interpreter() as interpreter:

            def use(i):
                text = "x" * random.randrange(1, 10**5)
                self.assertEqual(interpreter.call(count, text), len(text))
                self.assertEqual(interpreter.call(lambda y: y + len(text), i), i + len(text))
                self.assertEqual(interpreter.eval("6 * %d" % i), 6 * i)

            together(*[repeated(use, ROUNDS // 4) for _ in range(THREADS)])

    def test_interrupts_and_closes(self):
        for _ in range(ROUNDS // 20):
            interpreter = ungil.Interpreter()

            def call(i, interpreter=interpreter):
                try:
                    self.assertEqual(interpreter.call(len, range(10)), 10)
                except (KeyboardInterrupt, ValueError):
                    pass

            def interrupt(i, interpreter=interpreter):
                try:
                    interpreter.interrupt()
                except ValueError:
                    pass

            together(*[repeated(call, 30)] * 3, repeated(interrupt, 30))
            together(*[interpreter.close] * 3)
            self.assertEqual(interpreter.handle, 0)

    def test_memory_is_released(self):
        memory = bytearray(range(200)) * 1000
        shared = [ungil.share(memory), ungil.share(memory, writable=True)]
        counts = array.array("q", bytes(8 * THREADS))
        earlier = set(lending.lent)  # interpreters that other tests have used may have it
        with ungil.InterpreterPoolExecutor(3) as pool:

            def use_by(thread):
                def use(i):
                    self.assertEqual(pool.submit(total, shared[i % 2]).result(PATIENCE), sum(memory))
                    pool.submit(add_to, ungil.share(counts, writable=True), thread).result(PATIENCE)
                    if numpy is not None:
                        self.assertEqual(pool.submit(double, numpy.arange(10**5)).result(PATIENCE)[-1], 199998)

                return repeated(use, ROUNDS // 10)

            together(*map(use_by, range(THREADS)))
        self.assertEqual(counts.tolist(), [ROUNDS // 10] * THREADS)
        gc.collect()
        self.wait_until_released(earlier)
        shared.clear()
        memory.append(0)

    def wait_until_released(self, earlier):
        """Interpreters release memory soon after a task, on threads of their own."""
        for _ in range(PATIENCE * 100):
            if lending.lent.keys() <= earlier:
                return
            threading.Event().wait(0.01)
        self.fail("memory is still lent: %r" % (lending.lent.keys() - earlier))

    def test_globals_that_change(self):
        """Functions of one namespace, sent by several threads while others change a global that they use."""
        script = """
            import threading, ungil
            value = 0
            def read(least):
                return value >= least
            def use():
                for i in range(100):
                    results.append(pool.submit(read, value).result())
            def change():
                global value
                for i in range(1000):
                    value += 1
            results = []
            with ungil.InterpreterPoolExecutor(2) as pool:
                threads = [threading.Thread(target=use) for _ in range(4)] + [threading.Thread(target=change)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                print(len(results), all(results), pool.submit(lambda: value).result() == value)
            """
        self.assertEqual(run_script(script), (0, "400 True True\n", ""))

    @unittest.skipUnless(IS_FREE_THREADED, "SKIP: this Python has a GIL")
    def test_threads_in_an_interpreter_run_at_the_same_time(self):
        """Each waits for the other one in a loop that would keep a GIL."""
        with ungil.Interpreter() as interpreter:
            interpreter.exec("import sys\nsys.setswitchinterval(1000)\nflags = [0, 0]")
            source = "flags[%d] = 1\nwhile not flags[%d]: pass"
            together(lambda: interpreter.exec(source % (0, 1)), lambda: interpreter.exec(source % (1, 0)))

    @unittest.skipUnless(IS_FREE_THREADED, "SKIP: this Python has a GIL")
    def test_a_module_that_needs_the_gil_turns_on_that_of_its_interpreter_alone(self):
        with tempfile.TemporaryDirectory() as directory:
            build_module_that_needs_the_gil(directory)
            with ungil.Interpreter(fresh=True, module_search_paths=[directory, *sys.path]) as interpreter:
                interpreter.exec("import sys, warnings; warnings.simplefilter('ignore'); import needs_gil")
                self.assertTrue(interpreter.eval("sys._is_gil_enabled()"))
                with ungil.Interpreter() as other:
                    self.assertFalse(other.eval("__import__('sys')._is_gil_enabled()"))
                self.assertFalse(sys._is_gil_enabled())
                together(*[repeated(lambda i: self.assertEqual(interpreter.call(count, "xy"), 2), 50)] * 4)

    @unittest.skipUnless(IS_FREE_THREADED, "SKIP: this Python has a GIL")
    def test_an_interpreter_with_a_gil_in_a_program_without(self):
        """Its paths are its own, as extension modules differ."""
        path = sysconfig.get_config_var("LIBDIR") + "/libpython%d.%d.so.1.0" % sys.version_info[:2]
        try:
            interpreter = ungil.Interpreter(libpython=path)
        except ungil.UnsupportedError as error:
            self.skipTest("SKIP: %s" % error)
        with interpreter:
            self.assertTrue(interpreter.eval("__import__('sys')._is_gil_enabled()"))
            self.assertEqual(interpreter.eval("__import__('zlib').crc32(b'ungil')"), zlib.crc32(b"ungil"))


if __name__ == "__main__":
    unittest.main()
