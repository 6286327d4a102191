"""Isolated interpreters from Python: calls of functions of all kinds, exceptions, and closing."""

import copy
import functools
import mmap
import os
import pickle
import subprocess
import sys
import threading
import time
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is Point and (self.x, self.y) == (other.x, other.y)

    def sum(self):
        return self.x + self.y


class Picky(Exception):
    """It can be pickled, but not unpickled."""

    def __init__(self, first, second):
        super().__init__("picky")


def nothing():
    pass


def fail_with(error):
    raise error


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

    def test_exceptions_keep_their_type_and_have_the_traceback_as_cause(self):
        with self.assertRaisesRegex(KeyError, "gone") as caught:
            self.call(fail_with, KeyError("gone"))
        text = str(caught.exception.__cause__)
        self.assertIn("in fail_with\n    raise error\n", text)
        self.assertNotIn("_worker.py", text)

    def test_an_exception_keeps_its_attributes_and_the_cause_shows_its_chain(self):
        def chain():
            try:
                {}["a"]
            except KeyError as error:
                raise OSError(2, "nothing there", "file") from error

        with self.assertRaises(FileNotFoundError) as caught:
            self.call(chain)
        self.assertEqual((caught.exception.errno, caught.exception.filename), (2, "file"))
        self.assertIn("direct cause", str(caught.exception.__cause__))

    def test_an_exit_ends_the_call(self):
        for error in (SystemExit(3), KeyboardInterrupt("own"), GeneratorExit(), BaseException("base")):
            with self.assertRaises(type(error)) as caught:
                self.call(fail_with, error)
            self.assertEqual(caught.exception.args, error.args)
        self.assertEqual(self.call(pow, 2, 2), 4)

    def test_infinite_recursion(self):
        def deeper(n):
            return deeper(n + 1)

        self.assertRaises(RecursionError, self.call, deeper, 0)
        self.assertEqual(self.call(pow, 2, 2), 4)

    def test_pickling_errors_are_reported(self):
        for thing in (threading.Lock(), (i for i in "abc"), mmap.mmap(-1, 1)):
            with self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle"):
                self.call(nothing, thing)
        with self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle"):
            self.call(threading.Lock)

    def test_interpreters_are_neither_copied_nor_sent(self):
        """A copy that is freed would free the original's handle."""
        for send in copy.copy, pickle.dumps, lambda own: self.interpreter.call(lambda other: None, own):
            with self.assertRaisesRegex(TypeError, "'Interpreter'"):
                send(self.interpreter)
        self.assertEqual(self.interpreter.eval("1"), 1)

    def test_an_exception_that_cannot_be_sent_is_reported(self):
        class Locked(Exception):
            def __init__(self):
                super().__init__("with a lock")
                self.lock = threading.Lock()

        def raise_it():
            raise Locked

        with self.assertRaisesRegex(ungil.ExecutionError, "with a lock") as caught:
            self.call(raise_it)
        self.assertIn("raise Locked", str(caught.exception.__cause__))
        with self.assertRaisesRegex(ungil.ExecutionError, "picky") as caught:
            self.call(lambda: fail_with(Picky(1, 2)))
        self.assertIn("fail_with", str(caught.exception.__cause__))

    def test_functions_that_affect_the_whole_process_are_refused(self):
        self.assertRaisesRegex(RuntimeError, "os.fork is not supported", self.call, os.fork)
        self.assertRaisesRegex(RuntimeError, "os.execv is not supported", self.call, os.execv, "/bin/true", ["true"])

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
        self.assertEqual(self.call(lambda: __import__("ungil").compat.num_primes([4, 9, 12, 35])), 1)


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

    def test_closing_while_code_runs_is_an_error(self):
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

    def test_a_child_of_a_fork_gets_an_error(self):
        with ungil.Interpreter() as interpreter:
            child = os.fork()
            if child == 0:
                try:
                    interpreter.call(nothing)
                except ungil.Error as error:
                    os._exit(7 if "fork" in str(error) else 8)
                os._exit(9)
            self.assertEqual(os.WEXITSTATUS(os.waitpid(child, 0)[1]), 7)

    def test_a_child_of_a_fork_may_close_it(self):
        interpreter = ungil.Interpreter()
        child = os.fork()
        if child == 0:
            status = 9
            try:
                with interpreter:
                    pass
                status = 7 if interpreter.handle == 0 else 8
            finally:
                os._exit(status)
        self.assertEqual(os.WEXITSTATUS(os.waitpid(child, 0)[1]), 7)
        self.assertEqual(interpreter.eval("1"), 1)
        interpreter.close()


if __name__ == "__main__":
    unittest.main()
