"""What the package uses of other packages' private parts is there, and does what the package counts on."""

import ast
import concurrent.futures
import ctypes
import io
import linecache
import os
import pickle
import re
import sys
import sysconfig
import threading
import types
import typing
import unittest
from unittest import mock

import ungil
from references import import_or_skip
from support import run_script
from ungil import _import_hooks, _private_apis
from ungil._native import interruptible

cloudpickle = import_or_skip("cloudpickle")

PACKAGE = os.path.dirname(ungil.__file__)

# Attributes that begin with an underscore and are documented all the same, or are the package's own.
ALLOWED = {
    "_handle",  # of ctypes.CDLL, as documented
    "_restype_",
    "_argtypes_",  # of ctypes' function types, in the generated module
    "_lock",  # of the package's own locks
    "_outcome",  # of the package's own interpreters
    *("_has_expired", "_open"),  # of the package's own handles
    *("_adopt", "_arguments", "_identity", "_initialize", "_take"),  # of the package's own queues, events and so on
    *("_caller", "_create"),  # of the package's own actors
    *("_main", "_uses_any_global"),  # of another message, in its own class
}


class Sources(unittest.TestCase):
    def test_all_uses_are_in_one_module(self):
        found = []
        for folder, _, files in os.walk(PACKAGE):
            for file in files:
                if file.endswith(".py") and file != "_private_apis.py":
                    path = os.path.join(folder, file)
                    with open(path, encoding="utf-8") as source:
                        found += ["%s:%d: .%s" % (path, *use) for use in uses_in(source.read())]
        self.assertEqual(found, [])


class Imports(unittest.TestCase):
    def test_what_stands_for_functools_is_functools_to_others(self):
        with mock.patch.dict(sys.modules, {"_ungil": sys}):
            real = sys.modules.pop("functools")
            with _import_hooks.FunctoolsInC("functools"):
                import functools

                self.assertIs(functools.partial, real.partial)
                self.assertIsNot(functools, real)
                self.assertEqual(functools.wraps.__module__, "functools")
                self.assertIsNot(sys.modules["functools"], functools)


def uses_in(source):
    """(line, attribute) of all private attributes of objects other than self, cls, and the module's own."""
    tree = ast.parse(source)
    own = {alias.asname or alias.name for node in ast.walk(tree) if is_of_package(node) for alias in node.names}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not re.match("_[^_]", node.attr) or node.attr in ALLOWED:
            continue
        if not (isinstance(node.value, ast.Name) and node.value.id in {"self", "cls", *own}):
            yield node.lineno, node.attr


def is_of_package(node):
    return isinstance(node, ast.ImportFrom) and node.level > 0


class Typing(unittest.TestCase):
    @unittest.skipIf(sys.version_info >= (3, 10), "SKIP: Python 3.10 and later have ParamSpec")
    def test_any_parameters(self):
        self.assertEqual(typing.Callable[_private_apis.any_parameters(), int], typing.Callable[..., int])


class FreeThreading(unittest.TestCase):
    def test_the_build_and_its_gil(self):
        self.assertEqual(_private_apis.IS_FREE_THREADED, bool(sysconfig.get_config_var("Py_GIL_DISABLED")))
        self.assertTrue(_private_apis.is_gil_enabled() or _private_apis.IS_FREE_THREADED)


class PartialModules(unittest.TestCase):
    def test_cloudpickle_that_another_thread_is_importing(self):
        partial = types.ModuleType("cloudpickle.cloudpickle")
        with mock.patch.dict(sys.modules, {partial.__name__: partial}):
            self.assertFalse(_private_apis.is_pickled_by_value("json"))


class Futures(unittest.TestCase):
    def test_these_are_all_fields_and_states(self):
        future = concurrent.futures.Future()
        self.assertEqual(set(vars(future)), set(_private_apis.FIELDS_OF_FUTURES))
        states = {"FINISHED", *_private_apis.CANCELLED, *_private_apis.UNFINISHED}
        self.assertEqual(states, set(concurrent.futures._base._STATE_TO_DESCRIPTION_MAP))

    def test_those_who_wait_for_several_call_acquire(self):
        future = concurrent.futures.Future()
        future.set_result(1)
        for wait_for in (concurrent.futures.wait, lambda futures: list(concurrent.futures.as_completed(futures))):
            with mock.patch.object(future._condition, "acquire", side_effect=future._condition.acquire) as acquire:
                wait_for([future])
            acquire.assert_called_once_with()

    def test_callbacks_are_called_by_a_method_of_its_own(self):
        called = []
        future = concurrent.futures.Future()
        future.add_done_callback(called.append)
        future._invoke_callbacks()
        self.assertEqual(called, [future])


class Threads(unittest.TestCase):
    def test_a_condition_is_entered_by_its_lock(self):
        condition = interruptible.Condition()
        lock = getattr(condition, _private_apis.CONDITION_LOCK)
        self.assertEqual(type(condition).__enter__.__get__(condition), lock.__enter__)
        with condition:
            self.assertTrue(condition._is_owned())
            condition.notify_all()
        self.assertFalse(condition._is_owned())

    def test_locks_and_locals_are_those_of_threading(self):
        self.assertIs(_private_apis.thread_local, threading.local)
        self.assertIs(type(_private_apis.RLock()), type(threading.RLock()))

    def test_the_hook_comes_before_threads_are_waited_for(self):
        status, output, errors = run_script("""
            import threading
            from ungil import _private_apis
            end = threading.Event()
            def work():
                end.wait()
                print("the thread ends")
            thread = threading.Thread(target=work)
            thread.start()
            def at_exit():
                print("the hook")
                end.set()
                thread.join()
            _private_apis.register_atexit(at_exit)
        """)
        self.assertEqual((status, output), (0, "the hook\nthe thread ends\n"), errors)


class Ctypes(unittest.TestCase):
    def test_bases(self):
        function, pointer, simple = _private_apis.ctypes_bases()
        self.assertIsInstance(ctypes.CDLL(None).abs, function)
        self.assertIsInstance(ctypes.CFUNCTYPE(None)(), function)
        self.assertTrue(issubclass(ctypes.POINTER(ctypes.c_int), pointer))
        self.assertTrue(issubclass(ctypes.c_double, simple))
        self.assertFalse(issubclass(ctypes.Structure, simple))

    def test_flags(self):
        needs_gil = 4
        self.assertFalse(_private_apis.flags_of(ctypes.CDLL(None).abs) & needs_gil)
        self.assertTrue(_private_apis.flags_of(ctypes.PyDLL(None).abs) & needs_gil)


class Linecache(unittest.TestCase):
    def test_lines_by_code(self):
        code = compile("1 / 0", "<of a session>", "exec")
        self.assertFalse(_private_apis.lines_of_code(code))
        _private_apis.register_code(code, ["1 / 0\n"])
        is_known = hasattr(linecache, "_getlines_from_code")
        self.assertEqual(list(_private_apis.lines_of_code(code) or ()), ["1 / 0\n"] if is_known else [])

    def test_entries(self):
        lines = linecache.getlines(__file__)
        entry = linecache.cache[__file__]
        self.assertEqual((len(entry), entry[2]), (4, lines))
        self.assertIsNotNone(entry[1])


class Cloudpickle(unittest.TestCase):
    def reduced(self, value):
        pickler = cloudpickle.Pickler(io.BytesIO())
        return pickler, pickler.reducer_override(value)

    def test_the_registry(self):
        self.assertFalse(_private_apis.is_pickled_by_value(__name__))
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        try:
            self.assertTrue(_private_apis.is_pickled_by_value(__name__))
        finally:
            cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
        self.assertFalse(_private_apis.is_pickled_by_value(None))

    def test_functions(self):
        function = eval("lambda: x", {"x": 5, "unused": 6, "__name__": "__main__"})
        function.attribute = 7
        _, reduced = self.reduced(function)
        make, arguments, attributes, slots, complete = _private_apis.parts_of_reduction(reduced)
        self.assertEqual((arguments[0], slots["__globals__"]["x"]), (function.__code__, 5))
        self.assertNotIn("unused", slots["__globals__"])
        self.assertEqual(attributes["attribute"], 7)
        namespace = {}
        made = make(arguments[0], namespace, *arguments[2:])
        complete(made, (attributes, dict(slots, __globals__={"x": 8})))
        self.assertIs(made.__globals__, namespace)
        self.assertEqual((made(), made.attribute), (8, 7))

    def test_classes(self):
        made = type("Made", (dict,), {"__module__": "__main__", "attribute": 7})
        make, arguments, attributes, slots, complete = _private_apis.parts_of_reduction(self.reduced(made)[1])
        self.assertEqual((arguments[1], attributes["attribute"], slots), ("Made", 7, {}))
        again = make(*arguments)
        complete(again, ({"attribute": 8}, slots))
        self.assertEqual((again.__name__, again.attribute), ("Made", 8))

    def test_globals_used_by(self):
        code = compile("lambda: [a.b for c in range(d)]", "", "eval").co_consts[0]
        self.assertEqual(set(_private_apis.globals_used_by(code)), {"a", "d", "range"})

    def test_code(self):
        code = (lambda: 5).__code__
        pickler, reduced = self.reduced(code)
        if reduced is NotImplemented:
            reduced = _private_apis.reduction_of_code(pickler, code)
        make, arguments = reduced[:2]
        self.assertEqual(make(*arguments).co_code, code.co_code)


class Pickle(unittest.TestCase):
    def test_it_is_pickle(self):
        self.assertIs(_private_apis.pickle.Pickler, pickle.Pickler)
        self.assertIs(_private_apis.pickle.PickleBuffer, pickle.PickleBuffer)


if __name__ == "__main__":
    unittest.main()
