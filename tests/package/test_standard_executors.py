"""The standard library's own tests of executors, on this package's: those that take the type of the executor.

They run where Python has its `test` package, or Debian's of the same version is installed (`make test-requirements`).
From 3.12 on they are a package, before they were one module. 3.14 added those of its own executor of interpreters.
"""

import asyncio
import importlib
import importlib.util
import os
import sys
import tempfile
import unittest
from unittest import mock

import ungil
from shared_event import SharedEvent

INAPPLICABLE = {
    "test_default_workers": "there are as many interpreters as processors; the standard library has four threads more",
    "test_map_submits_without_iteration": "its tasks write to a list of the test: interpreters have copies of objects",
    "test_saturation": "its tasks wait for a semaphore of the test, or a queue of the standard library's interpreters,"
    " which isolated ones do not share; test_standard_class has the number of threads",
    "test_cancel_futures": "on a busy machine no task may have begun when the pool is shut down; test_pool has one",
    "test_executor_map_current_future_cancel": "its tasks wait for an event of the test, which does not pickle",
    "test_hang_global_shutdown_lock": "its task gets the executor itself, which does not pickle; the pools that it is"
    " about are the standard library's",
    "test_idle_thread_reuse": "a result is there before its worker waits again, and a second worker starts if the next"
    " task comes in between; test_pool has one of its own",
    # Those of Python 3.14's executor of interpreters.
    "test_blocking": "its tasks wait for a queue of the standard library's interpreters",
    "test_blocking_with_limited_workers": "its tasks wait for a queue of the standard library's interpreters",
    "test_init_with___main___global": "its script imports the standard library's class; test_globals_of_main has one",
    "test_import_interpreter_pool_executor": "its script imports the standard library's class",
    "test_pickle_errors_propagate": "it expects an error of the standard library's interpreters instead of the one that"
    " unpickling raised; test_pool has one of its own",
    "test_init_closure": "it expects an error: closures can be sent",
    "test_init_instance_method": "it expects an error: methods of local classes can be sent",
    "test_submit_closure": "it expects an error: closures can be sent",
    "test_submit_local_instance": "it expects an error: local classes can be sent",
    "test_submit_instance_method": "it expects an error: methods of local classes can be sent",
    "test_init_exception_in_func": "it looks for the name of the standard library's exception; test_pool has one",
    "test_submit_exception_in_func": "the cause is an exception of the standard library; test_tracebacks has ours",
    "test_run_in_executor": "it compares numbers that the standard library gives its interpreters; isolated ones have"
    " the same, each in a Python of its own; test_standard_class has one",
    "test_default_executor": "it compares these numbers, too; test_standard_class has one",
}


def debians():
    """A directory for sys.path with Debian's `test` package, where this Python's own lacks these tests; or None.

    Interpreters and scripts get it by sys.path, as they get all else.
    """
    try:
        missing = importlib.util.find_spec("test.test_concurrent_futures") is None
    except ImportError:
        missing = True
    package = "/usr/lib/python%d.%d/test" % sys.version_info[:2]
    if not missing or not os.path.isdir(package):
        return None
    for name in [name for name in sys.modules if name.split(".")[0] == "test"]:
        del sys.modules[name]
    folder = tempfile.TemporaryDirectory()
    os.symlink(package, os.path.join(folder.name, "test"))
    sys.path.insert(0, folder.name)
    return folder


def debians_version():
    """The version of the system's Python, or None."""
    name = os.path.basename(os.path.realpath("/usr/bin/python3"))
    return tuple(map(int, name[len("python") :].split("."))) if name.startswith("python3.") else None


DEBIANS = debians()


def module(part):
    """The module that has these tests, or None where there are none."""
    for name in ("test.test_concurrent_futures." + part, "test.test_concurrent_futures"):
        try:
            return importlib.import_module(name)
        except ImportError:
            pass
        except unittest.SkipTest as reason:
            print("SKIP: %s: %s" % (name, reason))
    return None


PARTS = {
    "executor": "ExecutorTest",
    "test_thread_pool": "ThreadPoolExecutorTest",
    "test_shutdown": "ExecutorShutdownTest",
    "test_wait": "WaitTests",
    "test_as_completed": "AsCompletedTests",
    "test_init": "InitializerMixin FailingInitializerMixin",
}
if sys.version_info >= (3, 14):
    PARTS["test_interpreter_pool"] = "InterpreterPoolExecutorTest AsyncioTest"


class Ours:
    """Replaces the mixin that names the executor."""

    executor_type = ungil.InterpreterPoolExecutor

    @classmethod
    def setUpClass(cls):
        if sys.version_info >= (3, 14):  # there they demand that no other test has set it
            asyncio.events._set_event_loop_policy(None)
        super().setUpClass()

    def create_event(self):
        return SharedEvent()

    def setUp(self):
        tests = sys.modules[type(self).mro()[2].__module__]
        if hasattr(tests, "assert_python_ok"):
            patch = mock.patch.object(tests, "assert_python_ok", with_ours(tests.assert_python_ok))
            patch.start()
            self.addCleanup(patch.stop)
        super().setUp()


def with_ours(run):
    """Tests that run a script have it import the executor from the standard library."""
    path = "import sys; sys.path[:0] = %r\n" % [folder for folder in sys.path if folder]
    theirs, ours = "from concurrent.futures import Int", "from ungil import Int"
    return lambda option, script, **settings: run(option, path + script.replace(theirs, ours), **settings)


def inapplicable(reason):
    def test(self):
        self.skipTest("SKIP: " + reason)

    return test


def tests_of(tests, name, util):
    mixin = getattr(tests, name)
    bases = [Ours, mixin]
    if not issubclass(mixin, util.ExecutorMixin):
        bases.append(util.ExecutorMixin)
    if not issubclass(mixin, unittest.TestCase):
        bases.append(util.BaseTestCase)
    skipped = {test: inapplicable(reason) for test, reason in INAPPLICABLE.items() if hasattr(mixin, test)}
    return type("Standard" + name, tuple(bases), dict(skipped, __module__=__name__))


util = module("util")

if util is None:

    class Standard(unittest.TestCase):
        def test_executors(self):
            reason = "SKIP: Python %d.%d here has no test.test_concurrent_futures" % sys.version_info[:2]
            print(reason, file=sys.stderr)
            # CI installs what Debian has: the tests of its own Python's version.
            if os.environ.get("UNGIL_REQUIRE_ALL") and sys.version_info[:2] == debians_version():
                self.fail(reason)
            self.skipTest(reason)

else:
    for part, names in PARTS.items():
        for name in names.split():
            globals()["Standard" + name] = tests_of(module(part), name, util)


if __name__ == "__main__":
    unittest.main()
