"""Isolated interpreters from Python: calls of any function, memory without a copy, exceptions as they were."""

import array
import ctypes
import functools
import gc
import mmap
import os
import pickle
import subprocess
import sys
import threading
import time
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, numpy, run_script


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is Point and (self.x, self.y) == (other.x, other.y)

    def sum(self):
        return self.x + self.y


class Picky(Exception):
    """It pickles, and cannot be made again from what it pickles to."""

    def __init__(self, first, second):
        super().__init__("picky")


def nothing():
    pass


def fail_with(error):
    raise error


def address_there(array):
    return array.ctypes.data, array.flags.writeable


def first_there(view):
    return type(view).__name__, view.format, view.shape, view.readonly, view[0]


class OneInterpreter(unittest.TestCase):
    """Tests that use one interpreter, one after the other."""

    @classmethod
    def setUpClass(cls):
        cls.interpreter = ungil.Interpreter()
        cls.addClassCleanup(cls.interpreter.close)
        cls.call = staticmethod(cls.interpreter.call)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Calls(OneInterpreter):
    def test_functions_of_all_kinds(self):
        captured = [1, 2]
        self.assertEqual(self.call(pow, 2, 8), 256)
        self.assertEqual(self.call(divmod, *(7, 2)), (3, 1))
        self.assertEqual(self.call(int, "ff", base=16), 255)
        self.assertEqual(self.call(lambda x: x + captured[1], 5), 7)
        self.assertEqual(self.call(functools.partial(pow, 2), 3), 8)
        self.assertEqual(self.call(Point(1, 2).sum), 3)
        self.assertEqual(self.call(Point, 3, 4), Point(3, 4))
        self.assertEqual(self.call(str.upper, "a"), "A")
        self.assertIsNone(self.call(nothing))

    def test_it_is_another_interpreter_of_the_same_process(self):
        self.assertEqual(self.call(os.getpid), os.getpid())
        self.assertNotEqual(self.call(lambda: id(__import__("sys").modules)), id(sys.modules))
        self.assertEqual(self.interpreter.eval("__import__('sys').version_info[:3]"), sys.version_info[:3])
        self.assertEqual(self.interpreter.eval("__import__('sys').path"), sys.path)

    def test_source(self):
        self.interpreter.exec("def double(x):\n    return 2 * x\nvalue = double(4)")
        self.assertEqual(self.interpreter.eval("value"), 8)
        self.assertEqual(self.interpreter.eval("[double(i) for i in range(3)]"), [0, 2, 4])
        with self.assertRaises(ZeroDivisionError) as caught:
            self.interpreter.exec("first = 1\nfirst / 0")
        self.assertIn("first / 0", str(caught.exception.__cause__))
        with self.assertRaises(SyntaxError):
            self.interpreter.exec("a b")
        with self.assertRaises(NameError):
            self.interpreter.eval("nowhere")
        self.assertRaisesRegex(TypeError, "source: expected a str, not int", self.interpreter.exec, 5)
        self.assertRaisesRegex(TypeError, "expression: expected a str", self.interpreter.eval, None)

    def test_exceptions_are_of_their_type_with_the_traceback_as_cause(self):
        with self.assertRaisesRegex(KeyError, "gone") as caught:
            self.call(fail_with, KeyError("gone"))
        text = str(caught.exception.__cause__)
        self.assertIn("in fail_with\n    raise error\n", text)
        self.assertNotIn("_worker.py", text)

    def test_an_exception_keeps_its_attributes_and_its_chain_is_told(self):
        def chain():
            try:
                {}["a"]
            except KeyError as error:
                raise OSError(2, "nothing there", "file") from error

        with self.assertRaises(FileNotFoundError) as caught:
            self.call(chain)
        self.assertEqual((caught.exception.errno, caught.exception.filename), (2, "file"))
        self.assertIn("direct cause", str(caught.exception.__cause__))

    def test_what_ends_programs_ends_the_call(self):
        for error in (SystemExit(3), KeyboardInterrupt("own"), GeneratorExit(), BaseException("base")):
            with self.assertRaises(type(error)) as caught:
                self.call(fail_with, error)
            self.assertEqual(caught.exception.args, error.args)
        self.assertEqual(self.call(pow, 2, 2), 4)

    def test_recursion_without_end(self):
        def deeper(n):
            return deeper(n + 1)

        self.assertRaises(RecursionError, self.call, deeper, 0)
        self.assertEqual(self.call(pow, 2, 2), 4)

    def test_what_does_not_pickle_is_said(self):
        for thing in (threading.Lock(), (i for i in "abc"), mmap.mmap(-1, 1)):
            with self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle"):
                self.call(nothing, thing)
        with self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle"):
            self.call(threading.Lock)

    def test_an_exception_that_cannot_be_sent_is_told(self):
        class Locked(Exception):
            def __init__(self):
                super().__init__("with a lock")
                self.lock = threading.Lock()

        def raise_it():
            raise Locked

        with self.assertRaisesRegex(ungil.ExecutionFailed, "with a lock") as caught:
            self.call(raise_it)
        self.assertIn("raise Locked", str(caught.exception.__cause__))
        with self.assertRaisesRegex(ungil.ExecutionFailed, "picky") as caught:
            self.call(lambda: fail_with(Picky(1, 2)))
        self.assertIn("fail_with", str(caught.exception.__cause__))

    def test_what_would_concern_the_process_is_refused(self):
        self.assertRaisesRegex(RuntimeError, "os.fork is not supported", self.call, os.fork)
        self.assertRaisesRegex(RuntimeError, "os._exit is not supported", self.call, os._exit, 1)

    def test_threads_subprocesses_and_asyncio_work_there(self):
        def threads():
            import threading

            found = []
            workers = [threading.Thread(target=found.append, args=(i,)) for i in range(4)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
            return sorted(found)

        def by_asyncio():
            import asyncio

            async def main():
                await asyncio.sleep(0)
                return "done"

            return asyncio.run(main())

        self.assertEqual(self.call(threads), [0, 1, 2, 3])
        self.assertEqual(self.call(by_asyncio), "done")
        output = self.call(subprocess.check_output, [sys.executable, "-c", "print(6 * 7)"])
        self.assertEqual(output.split(), [b"42"])

    def test_many_threads_in_one_interpreter(self):
        errors = []

        def ask(number):
            for i in range(50):
                # A new function each time, so that threads send and know different ones.
                scope = {}
                exec("def f(x): return x + %d" % i, scope)
                if self.call(scope["f"], number) != number + i:
                    errors.append((number, i))

        threads = [threading.Thread(target=ask, args=(n,)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])

    def test_functions_are_forgotten_and_sent_again(self):
        functions = []
        for i in range(300):
            scope = {}
            exec("def f(): return %d" % i, scope)
            functions.append(scope["f"])
        for _ in range(2):
            self.assertEqual([self.call(function) for function in functions], list(range(300)))

    def test_ungil_works_there(self):
        self.assertEqual(self.call(lambda: __import__("ungil").num_primes([4, 9, 12, 35])), 1)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Lives(unittest.TestCase):
    def test_closed(self):
        interpreter = ungil.Interpreter()
        with interpreter:
            self.assertGreater(interpreter.handle, 0)
        self.assertEqual((interpreter.handle, repr(interpreter)), (0, "<ungil.Interpreter, closed>"))
        interpreter.close()
        self.assertRaisesRegex(ValueError, "closed", interpreter.call, nothing)
        self.assertRaises(ValueError, interpreter.exec, "")

    def test_a_second_user_finds_nothing_of_the_first(self):
        with ungil.Interpreter() as first:
            first.exec("left = 1")
        with ungil.Interpreter() as second:
            self.assertFalse(second.eval("'left' in globals()"))

    def test_options(self):
        with ungil.Interpreter(argv=["a", "b"], path=["/nowhere"] + sys.path, optimize=1) as interpreter:
            self.assertEqual(interpreter.eval("__import__('sys').argv"), ["a", "b"])
            self.assertEqual(interpreter.eval("__import__('sys').path[0]"), "/nowhere")
        self.assertRaisesRegex(ValueError, "colour", ungil.Interpreter, colour="red")
        self.assertRaisesRegex(ValueError, "new line", ungil.Interpreter, argv="a\npath=b")
        self.assertRaisesRegex(ungil.Unsupported, "nowhere", ungil.Interpreter, libpython="/nowhere/libpython.so")

    def test_run(self):
        self.assertEqual(ungil.run(sum, range(10)), 45)
        self.assertRaises(ZeroDivisionError, ungil.run, lambda: 1 / 0)
        results = []
        threads = [threading.Thread(target=lambda n=n: results.append(ungil.run(pow, n, 2))) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(results), [0, 1, 4, 9])

    def test_closing_while_something_runs_is_an_error(self):
        flag = bytearray(1)

        def work(flag):
            flag[0] = 1
            time.sleep(600)

        interpreter = ungil.Interpreter()
        call = lambda: interpreter.call(work, ungil.share(flag, writable=True))  # noqa: E731
        thread = threading.Thread(target=lambda: self.assertRaises(KeyboardInterrupt, call))
        thread.start()
        while not flag[0]:
            time.sleep(0.001)
        self.assertRaises(ungil.Error, interpreter.close)
        interpreter.interrupt()
        thread.join(60)
        self.assertFalse(thread.is_alive())
        interpreter.close()

    def test_a_child_of_a_fork_is_told(self):
        with ungil.Interpreter() as interpreter:
            child = os.fork()
            if child == 0:
                try:
                    interpreter.call(nothing)
                except ungil.Error as error:
                    os._exit(7 if "fork" in str(error) else 8)
                os._exit(9)
            self.assertEqual(os.WEXITSTATUS(os.waitpid(child, 0)[1]), 7)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class GlobalsOfMain(unittest.TestCase):
    """Functions of a program's `__main__`, which is not imported by interpreters."""

    def assert_prints(self, script, *lines):
        status, output, errors = run_script(script)
        self.assertEqual((status, output.splitlines()), (0, list(lines)), errors)

    def test_functions_and_classes_without_a_guard(self):
        self.assert_prints(
            """
            import ungil, dataclasses, enum
            factor = 3
            def times(x): return helper(x) * factor
            def helper(x): return x + 1
            def factorial(n): return 1 if n < 2 else n * factorial(n - 1)
            @dataclasses.dataclass
            class Box:
                side: int
                def grown(self): return Box(self.side * factor)
            class Colour(enum.Enum):
                RED = 1
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(times, 4), interpreter.call(factorial, 5))
                box = interpreter.call(Box(2).grown)
                print(box, type(box) is Box, interpreter.call(lambda: Colour.RED) is Colour.RED)
            """,
            "15 120",
            "Box(side=6) True True",
        )

    def test_globals_are_those_of_the_moment_of_the_call(self):
        self.assert_prints(
            """
            import ungil
            x, y = 5, [1]
            def f(): return x
            def g(): return x, y
            with ungil.Interpreter() as interpreter:
                found = [interpreter.call(f)]
                x = 6
                found.append(interpreter.call(g))
                x = 5
                found += [interpreter.call(f), interpreter.call(g)]
                y.append(2)
                found.append(interpreter.call(g))
                x = [7]
                found.append(interpreter.call(f))
                x = 5
                found += [interpreter.call(f), interpreter.call(lambda: x)]
                def f(): return -x
                found.append(interpreter.call(f))
                print(found)
            """,
            "[5, (6, [1]), 5, (5, [1]), (5, [1, 2]), [7], 5, 5, -5]",
        )

    def test_what_a_call_assigns_stays_there(self):
        self.assert_prints(
            """
            import ungil
            model = None
            calls = 0
            def load():
                global model
                model = {"size": 3}
            def use():
                global calls
                calls += 1
                return model["size"], calls
            with ungil.Interpreter() as interpreter:
                interpreter.call(load)
                print(interpreter.call(use), interpreter.call(use), model, calls)
                interpreter.exec("own = 4")
                print(interpreter.call(lambda: own))
                model = {"size": 9}
                print(interpreter.call(use))
            """,
            "(3, 1) (3, 2) None 0",
            "4",
            "(9, 3)",
        )

    def test_functions_and_modules_that_change_and_change_back(self):
        self.assert_prints(
            """
            import json, math, ungil
            m, zero = math, 0.0
            def helper(): return 1
            def f(): return helper(), m.__name__, str(zero)
            def g(): return helper(), m.__name__, str(zero)
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(f))
                first, helper, m, zero = helper, lambda: 2, json, -0.0
                print(interpreter.call(g))
                helper, m, zero = first, math, 0.0
                print(interpreter.call(f))
            """,
            "(1, 'math', '0.0')",
            "(2, 'json', '-0.0')",
            "(1, 'math', '0.0')",
        )

    def test_containers_stay_until_the_program_changes_them(self):
        self.assert_prints(
            """
            import ungil
            cache, count = {}, 0
            def load():
                global cache
                cache["model"] = 42
            def use():
                global count
                count += 1
                return cache, count
            with ungil.Interpreter() as interpreter:
                interpreter.call(load)
                print(interpreter.call(use), interpreter.call(use), cache)
                cache["other"] = 1
                print(interpreter.call(use))
            """,
            "({'model': 42}, 1) ({'model': 42}, 2) {}",
            "({'other': 1}, 3)",
        )

    def test_functions_are_not_kept_for_ever(self):
        self.assert_prints(
            """
            import gc, ungil, weakref
            with ungil.Interpreter() as interpreter:
                references = []
                for _ in range(1000):
                    function = lambda: 1
                    references.append(weakref.ref(function))
                    interpreter.call(function)
                gc.collect()
                print(sum(reference() is not None for reference in references) < 300)
            """,
            "True",
        )

    def test_a_function_that_comes_back_leaves_the_processs_globals_alone(self):
        self.assert_prints(
            """
            import ungil
            x = 1
            def make():
                global x
                x = 2
                return lambda: x
            with ungil.Interpreter() as interpreter:
                came = interpreter.call(make)
            print(came(), x)
            """,
            "2 1",
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Memory(OneInterpreter):
    def test_views(self):
        for memory, code, shape in (
            (array.array("i", [5, 6]), "i", (2,)),
            (b"\5a", "B", (2,)),
            ((ctypes.c_int * 2)(5, 6), "i", (2,)),
            (bytearray(b"\5a"), "B", (2,)),
        ):
            found = self.call(first_there, ungil.share(memory))
            self.assertEqual(found, ("memoryview", code, shape, True, 5))
            self.assertEqual(self.call(first_there, memoryview(memory)), found)
        self.assertEqual(self.call(len, ungil.share(b"")), 0)
        anonymous = mmap.mmap(-1, 4096)
        anonymous[0] = 5
        self.assertEqual(self.call(first_there, ungil.share(anonymous))[-1], 5)

    def test_writing(self):
        def write(view):
            view[1] = 77

        numbers = array.array("d", [1, 2])
        self.call(write, ungil.share(numbers, writable=True))
        self.assertEqual(numbers[1], 77.0)
        self.assertRaises(TypeError, self.call, write, ungil.share(numbers))
        self.assertRaisesRegex(ValueError, "read-only", ungil.share, b"abc", writable=True)

    def test_what_cannot_be_shared_is_said(self):
        self.assertRaises(TypeError, ungil.share, [1, 2])
        self.assertRaisesRegex(ValueError, "strides", ungil.share, memoryview(b"abcd")[::2])
        self.assertRaisesRegex(TypeError, "interpreter", pickle.dumps, ungil.share(b"abc"))

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_arrays_that_are_more_than_memory_are_not_shared(self):
        for array_ in (
            numpy.ma.array([1, 2], mask=[0, 1]),
            numpy.array(["2024-01-01"], "M8[D]"),
            numpy.zeros((3, 4))[:, ::2],
            numpy.array([None]),
            numpy.float64(1),
        ):
            with self.assertRaisesRegex(TypeError, "contiguous array of numbers"):
                ungil.share(array_)
        named = numpy.zeros(3, [("O", "i4")])
        self.assertEqual(self.call(lambda a: a.dtype.names, ungil.share(named)), ("O",))

    def test_bytes_of_any_size_are_bytes(self):
        for size in (0, 10, 1 << 20, 3 << 20):
            data = os.urandom(size)
            self.assertEqual(self.call(bytes.upper, data), data.upper())
            self.assertEqual(self.call(bytearray, data), bytearray(data))
            self.assertIs(type(self.call(lambda d: d, bytearray(data))), bytearray)

    def test_memory_cannot_be_resized_while_a_view_of_it_is_left(self):
        numbers = bytearray(100)
        self.interpreter.exec("kept = []")
        self.call(lambda view: sys.modules["__main__"].kept.append(view), ungil.share(numbers))
        self.assertRaises(BufferError, numbers.append, 1)
        self.interpreter.exec("kept.clear()")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                numbers.append(1)
                break
            except BufferError:
                time.sleep(0.01)
        self.assertEqual(len(numbers), 101)

    def test_results_outlast_their_interpreter(self):
        with ungil.Interpreter() as interpreter:
            view = interpreter.call(lambda: memoryview(bytearray(b"x" * 100000)))
        with ungil.Interpreter() as other:
            other.exec("junk = [bytearray(b'y' * 100000) for _ in range(50)]")
            gc.collect()
            self.assertEqual(bytes(view), b"x" * 100000)
            self.assertTrue(view.readonly)

    def test_shared_names(self):
        numbers = array.array("q", [1, 2, 3])
        with ungil.Interpreter(share={"data": numbers, "out": ungil.share(bytearray(2), writable=True)}) as interpreter:
            self.assertEqual(interpreter.eval("sum(data), data.readonly, out.readonly"), (6, True, False))
        self.assertRaisesRegex(ValueError, "name", ungil.Interpreter, share={"a b": numbers})

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_go_without_a_copy(self):
        numbers = numpy.arange(12.0).reshape(3, 4)
        self.assertEqual(self.call(address_there, numbers), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, numbers.T), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, ungil.share(numbers)), (numbers.ctypes.data, False))
        self.assertEqual(self.call(address_there, ungil.share(numbers, writable=True)), (numbers.ctypes.data, True))
        self.assertEqual(self.call(numpy.sum, numbers), 66.0)
        self.assertEqual(self.call(lambda pair: pair[1]["a"].sum(), (1, {"a": numbers})), 66.0)
        scattered = numbers[:, ::2]
        numpy.testing.assert_array_equal(self.call(lambda a: a + 1, scattered), scattered + 1)

        def double(a):
            a *= 2

        self.call(double, ungil.share(numbers, writable=True))
        self.assertEqual(numbers[2, 3], 22.0)
        self.assertRaisesRegex(ValueError, "read-only", self.call, double, numbers)

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_come_without_a_copy(self):
        def make():
            import numpy

            global made
            made = numpy.arange(100000.0)
            return made, made.ctypes.data

        came, there = self.call(make)
        self.assertEqual((came.ctypes.data, came.flags.writeable), (there, False))
        self.assertEqual(came.sum(), 4999950000.0)

        def writable():
            import numpy

            import ungil

            return ungil.share(numpy.zeros(3), writable=True)

        came = self.call(writable)
        came += 1
        self.assertEqual(list(came), [1.0, 1.0, 1.0])

    @unittest.skipIf(numpy is None, "SKIP: numpy is not installed")
    def test_numpy_arrays_of_all_kinds(self):
        for made in (
            numpy.array([], "f8"),
            numpy.array(3),
            numpy.array([1, 2], ">i4"),
            numpy.array(["a", "bc"]),
            numpy.array([None, {"a": 1}], dtype=object),
            numpy.zeros(3, [("a", "i4"), ("b", "f8")]),
            numpy.array(["2024-01-01"], "M8[D]"),
            numpy.ma.masked_array([1, 2], [True, False]),
            numpy.float32(2.5),
        ):
            came = self.call(lambda a: a, made)
            self.assertEqual((type(came), came.dtype, came.shape), (type(made), made.dtype, made.shape))
            self.assertEqual(repr(came), repr(made))

    def test_a_gigabyte_there_and_back(self):
        data = bytearray(1 << 30)
        data[-1] = 7
        view = self.call(lambda view: view, ungil.share(data))
        self.assertEqual((len(view), view[-1]), (1 << 30, 7))


if __name__ == "__main__":
    unittest.main()
