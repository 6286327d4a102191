"""The package's exceptions: what they derive from, what they are pickled to, and what their import costs."""

import builtins
import concurrent.futures
import inspect
import pickle
import unittest

import ungil
from references import not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil import errors
from ungil._native import signatures

STATUSES = {name: value for name, value in vars(signatures).items() if name.startswith("UNGIL_E_")}


class Errors(unittest.TestCase):
    def test_bases(self):
        for name, bases in {
            "CancelledError": [concurrent.futures.CancelledError],
            "TimeoutError": [builtins.TimeoutError, concurrent.futures.TimeoutError],
            "UnsupportedError": [],
            "ExitingError": [],
            "InterpreterDiedError": [],
            "ExecutionError": [],
            "InvalidArgumentError": [ValueError],
            "ResultOverflowError": [OverflowError],
        }.items():
            for base in (ungil.Error, RuntimeError, *bases):
                self.assertTrue(issubclass(getattr(ungil, name), base), (name, base))
            self.assertIs(getattr(ungil, name), getattr(errors, name))

    def test_each_status_has_its_own(self):
        kinds = {name: type(errors.of_status(status, "text")).__name__ for name, status in STATUSES.items()}
        self.assertEqual(
            kinds,
            {
                "UNGIL_E_NULL": "InvalidArgumentError",
                "UNGIL_E_INVALID": "InvalidArgumentError",
                "UNGIL_E_OVERFLOW": "ResultOverflowError",
                "UNGIL_E_INTERNAL": "Error",
                "UNGIL_E_HANDLE": "InvalidArgumentError",
                "UNGIL_E_IN_USE": "Error",
                "UNGIL_E_CANCELLED": "CancelledError",
                "UNGIL_E_TIMED_OUT": "TimeoutError",
                "UNGIL_E_EXHAUSTED": "Error",
                "UNGIL_E_FORKED": "Error",
                "UNGIL_E_PYTHON": "ExecutionError",
                "UNGIL_E_UNSUPPORTED": "UnsupportedError",
                "UNGIL_E_EXITING": "ExitingError",
                "UNGIL_E_DIED": "InterpreterDiedError",
                "UNGIL_E_CLOSED": "Error",
                "UNGIL_E_INTERRUPTED": "Error",
                "UNGIL_E_BROKEN": "Error",
            },
        )
        for status in STATUSES.values():
            self.assertEqual(errors.of_status(status, "text").status, status)

    def test_the_status_of_a_class_gives_the_class(self):
        for name in errors.__all__:
            kind = getattr(errors, name)
            self.assertIn(kind.status, STATUSES.values())
            self.assertIs(type(errors.of_status(kind.status, "text")), kind)

    def test_pickling(self):
        for status in STATUSES.values():
            error = errors.of_status(status, "text")
            copy = pickle.loads(pickle.dumps(error))
            self.assertEqual((type(copy), copy.args, copy.status), (type(error), ("text",), status))

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_tasks_raise_them(self):
        def fail():
            import ungil

            with ungil.Control(deadline=0) as control:
                ungil.compat.pi(10, control=control)

        self.assertRaises(ungil.TimeoutError, ungil.run, fail)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_interpreters_do_not_import_them(self):
        """They start faster without."""
        with ungil.Interpreter(fresh=True) as interpreter:
            self.assertEqual(interpreter.call(pow, 2, 5), 32)
            loaded = interpreter.eval("list(__import__('sys').modules)")
        self.assertIn("ungil", loaded)
        self.assertFalse({"ungil.errors", "concurrent.futures"} & set(loaded))

    def test_their_source_is_found(self):
        for name in errors.__all__:
            self.assertIn("class %s(" % name, inspect.getsource(getattr(errors, name)))

    def test_the_first_cancellation_imports_nothing(self):
        """A child that is forked during an import by another thread would wait for that import forever."""
        status, output, stderr = run_script("""
            import sys, ungil
            cancelled, late = ungil.Control(), ungil.Control(deadline=0)
            cancelled.cancel()
            call = ungil.count_primes
            before = set(sys.modules)
            for control in cancelled, late:
                try:
                    call([1], control=control)
                except RuntimeError as error:
                    print(type(error).__name__, *set(sys.modules) - before)
        """)
        self.assertEqual((status, output), (0, "CancelledError\nTimeoutError\n"), stderr)

    @unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
    def test_the_first_one_from_an_interpreter_imports_nothing(self):
        status, output, stderr = run_script("""
            import sys, ungil
            with ungil.Interpreter() as interpreter:
                try:
                    interpreter.exec("import ungil; 1 / 0")
                except ZeroDivisionError:
                    pass
                before = set(sys.modules)
                try:
                    interpreter.exec("raise ungil.CancelledError")
                except RuntimeError as error:
                    print(type(error).__name__, *set(sys.modules) - before)
        """)
        self.assertEqual((status, output), (0, "CancelledError\n"), stderr)

    @not_on_pypy("calls no destructors at its end")
    def test_the_first_cancellation_by_the_last_destructor(self):
        """Nothing can be imported then."""
        status, output, stderr = run_script("""
            import sys, ungil
            class Last:
                call, control = staticmethod(ungil.count_primes), ungil.Control()
                control.cancel()
                def __del__(self):
                    try:
                        self.call([1, 2, 3], control=self.control)
                    except Exception as error:
                        print(type(error).__name__)
            sys.modules["last"] = Last()
        """)
        self.assertEqual((status, output, stderr), (0, "CancelledError\n", ""))

    def test_the_first_cancellation_near_the_recursion_limit(self):
        """It needs no more depth than another exception of the package."""
        status, output, stderr = run_script("""
            import sys, ungil
            from ungil import errors
            from ungil._native import signatures
            ungil.Control
            def descend(depth, status):
                if depth:
                    return descend(depth - 1, status)
                return type(errors.of_status(status, "text")).__name__
            def at(depth, status):
                try:
                    return descend(depth, status)
                except RecursionError:
                    return None
            deepest = max(n for n in range(sys.getrecursionlimit()) if at(n, signatures.UNGIL_E_INTERNAL))
            print(at(deepest, signatures.UNGIL_E_CANCELLED))
        """)
        self.assertEqual((status, output), (0, "CancelledError\n"), stderr)

    def test_no_other_names(self):
        self.assertRaises(AttributeError, getattr, errors, "Cancelled")


if __name__ == "__main__":
    unittest.main()
