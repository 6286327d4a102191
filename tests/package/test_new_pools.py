"""A new pool finds nothing that tasks of earlier pools have left, although it uses their interpreters again."""

import logging
import os
import sys
import tempfile
import threading
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, installed, numpy, rounds, run_script


def pool_of_one(**options):
    return ungil.InterpreterPoolExecutor(1, **options)


def leave(function, *args):
    """Run a task in a pool, which ends."""
    with pool_of_one() as pool:
        return pool.submit(function, *args).result()


LAZY = """
import importlib.machinery, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.startswith("ungil_lazy.") else None
    def create_module(self, spec): return None
    def exec_module(self, module): module.value = module.__name__.split(".")[1]
__path__ = []
sys.meta_path.append(Finder())
"""


def import_lazily(name):
    import importlib

    return importlib.import_module("ungil_lazy." + name).value


def has_one_base():
    import ungil_user
    import ungil_vendored

    return ungil_user.Base is ungil_vendored.Base


def import_interrupted():
    import builtins

    builtins.stop = True
    import ungil_interrupted  # noqa: F401


def has_part():
    import sys

    return "ungil_interrupted.part" in sys.modules


def leave_a_finder():
    import sys

    class Mine:
        def find_spec(self, name, path=None, target=None):
            return None

    sys.meta_path.insert(0, Mine())
    return count_finders()[1]


def count_finders():
    import sys

    kinds = [type(finder) for finder in sys.meta_path]
    return [kind.__module__ for kind in kinds].count("ungil_lazy"), [kind.__name__ for kind in kinds].count("Mine")


def leave_a_pool_of_threads():
    import sys
    from concurrent.futures import ThreadPoolExecutor

    sys.modules["kept_pool"] = pool = ThreadPoolExecutor(2)
    return list(pool.map(abs, range(2)))


def leave_a_pool_of_interpreters():
    import sys

    import ungil

    sys.modules["kept_pool"] = pool = ungil.InterpreterPoolExecutor(1)
    return pool.submit(abs, -1).result()


def draw():
    import random
    import secrets
    import uuid

    return random.random(), str(uuid.uuid4()), secrets.token_hex(8)


def seed():
    import random

    random.seed(0)


def seed_numpy():
    import numpy.random

    numpy.random.seed(0)
    return float(numpy.random.rand())


def draw_numpy():
    import numpy.random

    return float(numpy.random.rand()), float(numpy.random.default_rng().random())


def configure_logging(path):
    import logging

    logging.basicConfig(filename=path, level=logging.DEBUG, format="%(message)s")
    logging.getLogger("app").setLevel(logging.ERROR)
    logging.getLogger("app").addFilter(lambda record: False)
    logging.disable(logging.INFO)
    logging.captureWarnings(True)
    logging.getLogger().warning("configured")


def state_of_logging():
    import logging
    import warnings

    root, app = logging.getLogger(), logging.getLogger("app")
    return (
        root.handlers,
        root.level,
        app.level,
        app.filters,
        root.manager.disable,
        warnings.showwarning is warnings._showwarning_orig,
    )


def add_handler(path):
    import logging

    logging.getLogger().addHandler(logging.FileHandler(path))


def say(number):
    import logging

    logging.getLogger().warning("say %d", number)


def change_settings():
    import asyncio
    import csv
    import decimal
    import gc
    import socket
    import sys
    import tempfile
    import threading
    import warnings

    socket.setdefaulttimeout(3)
    csv.field_size_limit(10)
    decimal.DefaultContext.prec = 5
    decimal.getcontext().prec = 6
    gc.set_threshold(1)
    sys.setswitchinterval(0.5)
    sys.path.append("/left")
    tempfile.tempdir = "/left"
    sys.modules["builtins"].left = 1
    warnings.simplefilter("error")
    asyncio.set_event_loop(asyncio.new_event_loop())
    os.environ["UNGIL_LEFT"] = "1"
    threading.stack_size(1 << 20)


def settings():
    import csv
    import decimal
    import gc
    import socket
    import sys
    import tempfile
    import threading
    import warnings

    return [
        socket.getdefaulttimeout(),
        csv.field_size_limit(),
        decimal.DefaultContext.prec,
        decimal.getcontext().prec,
        gc.get_threshold(),
        round(sys.getswitchinterval(), 4),
        "/left" in sys.path,
        tempfile.tempdir,
        hasattr(sys.modules["builtins"], "left"),
        [entry[0] for entry in warnings.filters],
        "UNGIL_LEFT" in os.environ,
        threading.stack_size(),
    ]


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class NewPools(unittest.TestCase):
    def test_workers_draw_different_numbers_after_a_pool_that_seeded(self):
        barrier = threading.Barrier(2)
        with ungil.InterpreterPoolExecutor(2) as pool:
            for future in [pool.submit(seed) for _ in range(8)]:
                future.result()
        drawn = set()
        for _ in range(2):
            with ungil.InterpreterPoolExecutor(2) as pool:
                drawn.update(pool.submit(draw).result() for _ in range(2))
        self.assertFalse(barrier.broken)
        for one_kind in zip(*drawn):
            self.assertEqual(len(set(one_kind)), 4)

    @unittest.skipUnless(numpy, "SKIP: numpy is not installed")
    def test_numpy_draws_different_numbers_after_a_pool_that_seeded(self):
        seeded = {leave(seed_numpy) for _ in range(3)}
        self.assertEqual(len(seeded), 1)
        drawn = [leave(draw_numpy) for _ in range(3)]
        self.assertEqual([len(set(kind)) for kind in zip(*drawn)], [3, 3])

    def test_logging_is_not_configured(self):
        self.assertEqual(leave(state_of_logging), ([], logging.WARNING, 0, [], 0, True))
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "log")
            for _ in range(3):
                leave(configure_logging, path)
                self.assertEqual(leave(state_of_logging), ([], logging.WARNING, 0, [], 0, True))
            with open(path) as file:
                self.assertEqual(file.read(), "configured\n" * 3)

    def test_a_handler_of_an_initializer_writes_once(self):
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "log")
            for i in range(4):
                with pool_of_one(initializer=add_handler, initargs=(path,)) as pool:
                    pool.submit(say, i).result()
            with open(path) as file:
                self.assertEqual(file.read().splitlines(), ["say %d" % i for i in range(4)])

    def test_what_packages_set_in_logging_while_they_are_imported_stays(self):
        source = "import logging\nlog = logging.getLogger('ungil_logs')\nlog.setLevel(15)\n"
        source += "log.addHandler(logging.NullHandler())\nlog.propagate = False\n"
        with installed("ungil_logs", source):
            for _ in range(2):
                found = leave(state_of_a_packages_logger)
                self.assertEqual(found, (15, ["NullHandler"], False))

    def test_an_interrupted_import_leaves_nothing(self):
        source = "import sys, types\nsys.modules[__name__ + '.part'] = types.ModuleType(__name__ + '.part')\n"
        with installed("ungil_interrupted", source + "if stop: raise KeyboardInterrupt\n"):
            with self.assertRaises(KeyboardInterrupt):
                leave(import_interrupted)
            self.assertFalse(leave(has_part))

    def test_finders_of_packages_stay_as_their_modules_do(self):
        with installed("ungil_lazy", LAZY):
            self.assertEqual([leave(import_lazily, name) for name in ("one", "two")], ["one", "two"])
            self.assertEqual(leave(leave_a_finder), 1)
            self.assertEqual(leave(count_finders), (1, 0))

    def test_pools_of_threads_can_be_made_after_a_pool_that_left_one(self):
        for _ in range(3):
            self.assertEqual(leave(leave_a_pool_of_threads), [0, 1])

    def test_pools_of_interpreters_can_be_made_after_a_pool_that_left_one(self):
        self.assertEqual([leave(leave_a_pool_of_interpreters) for _ in range(3)], [1] * 3)

    def test_settings_of_the_standard_library(self):
        leave(settings)  # packages that are imported now may add filters of warnings
        first = leave(settings)
        leave(change_settings)
        self.assertEqual(leave(settings), first)

    def test_modules_of_the_program_are_imported_anew(self):
        status, output, errors = run_script(
            """
            import os, sys, ungil
            def write(text):
                with open(os.path.join(sys.path[0], "own_module.py"), "w") as file: file.write(text)
            def task():
                import own_module, own_package.part
                own_module.kept.append(1)
                own_module.square = None
                return len(own_module.kept), own_module.VALUE, own_package.part.square(3)
            def run():
                with ungil.InterpreterPoolExecutor(1) as pool: print(*pool.submit(task).result())
            os.mkdir(os.path.join(sys.path[0], "own_package"))
            with open(os.path.join(sys.path[0], "own_package", "part.py"), "w") as file:
                file.write("from own_module import *")  # the package has no __init__.py
            text = "import atexit; kept = []; VALUE = %r\\natexit.register(print, 'left', VALUE)\\n"
            text += "def square(x): return x * x\\n"
            write(text % "one")
            run()
            run()
            write(text % "three letters")
            run()
            """,
            options=["-u"],
        )
        expected = "1 one 9\nleft one\n1 one 9\nleft one\n1 three letters 9\nleft three letters\n"
        self.assertEqual((status, output, errors), (0, expected, ""))

    def test_modules_that_installed_ones_use_stay(self):
        with tempfile.TemporaryDirectory() as directory, installed("ungil_user", "from ungil_vendored import Base\n"):
            with open(os.path.join(directory, "ungil_vendored.py"), "w") as file:
                file.write("class Base: pass\n")
            sys.path.append(directory)
            try:
                self.assertEqual([leave(has_one_base) for _ in range(3)], [True] * 3)
            finally:
                sys.path.remove(directory)

    def test_functions_are_sent_from_tasks_with_a_cloudpickle_of_the_program(self):
        status, output, errors = run_script(
            """
            import importlib.util, os, shutil, sys
            installed = os.path.dirname(importlib.util.find_spec("cloudpickle").origin)
            shutil.copytree(installed, os.path.join(sys.path[0], "cloudpickle"))
            import ungil
            def square(x): return x * x
            def task(x):
                with ungil.InterpreterPoolExecutor(1) as pool: return pool.submit(square, x).result()
            for i in range(3):
                with ungil.InterpreterPoolExecutor(1) as pool: print(pool.submit(task, i).result())
            """
        )
        self.assertEqual((status, output, errors), (0, "0\n1\n4\n", ""))

    def test_a_package_with_a_module_in_c_stays(self):
        with tempfile.TemporaryDirectory() as directory:
            package = os.path.join(directory, "ungil_mixed")
            os.mkdir(package)
            with open(os.path.join(package, "__init__.py"), "w") as file:
                # A module that no loader of sources has made is taken for one in C.
                file.write("import sys, types\nkept = []\nsys.modules[__name__ + '.c'] = types.ModuleType('c')\n")
            sys.path.append(directory)
            try:
                self.assertEqual([leave(count_in_a_mixed_package) for _ in range(2)], [1, 2])
            finally:
                sys.path.remove(directory)

    def test_pools_with_initializers_have_interpreters_of_their_own(self):
        marks = [leave(mark, "plain") for _ in range(2)]
        for _ in range(2):
            with pool_of_one(initializer=mark_first) as pool:
                marks.append(pool.submit(mark, "first").result())
            with pool_of_one(initializer=mark_second) as pool:
                marks.append(pool.submit(mark, "second").result())
        self.assertNotIn("first", marks[0])
        for found, own in zip(marks[2:], ("first", "second") * 2):
            self.assertEqual(set(found), {own})

    def test_fresh_interpreters(self):
        leave(mark, "used")
        with pool_of_one(fresh=True) as pool:
            self.assertEqual(pool.submit(mark, "fresh").result(), ["fresh"])
        self.assertIn("fresh", leave(mark, "again"))  # it is reused by others
        with self.assertRaises(TypeError):
            pool_of_one(fresh=1)

    def test_groups(self):
        for group in ("a", "b", "a"):
            with ungil.Interpreter(group=group) as interpreter:
                found = interpreter.call(mark, group)
        self.assertEqual(found, ["a", "a"])
        with self.assertRaises(TypeError):
            ungil.Interpreter(group=1)

    def test_many_pools_with_initializers_do_not_grow(self):
        status, output, errors = run_script(
            """
            import sys, ungil
            def start(): import json
            def threads_and_interpreters():
                return sum(name.startswith("Threads:") and int(name.split()[1]) for name in open("/proc/self/status"))
            def some(number):
                for _ in range(number):
                    with ungil.InterpreterPoolExecutor(2, initializer=start) as pool: list(pool.map(abs, range(8)))
            some(2)
            first = threads_and_interpreters()
            some(int(sys.argv[1]))
            # A pool starts its second worker only if the first one is busy.
            assert threads_and_interpreters() <= first + 4, (first, threads_and_interpreters())
            """,
            str(rounds(50, 5)),
        )
        self.assertEqual((status, output, errors), (0, "", ""))


def state_of_a_packages_logger():
    import logging

    import ungil_logs

    logger = ungil_logs.log
    found = logger.level, [type(handler).__name__ for handler in logger.handlers], logger.propagate
    logger.setLevel(logging.DEBUG)
    logger.addHandler(logging.StreamHandler())
    return found


def count_in_a_mixed_package():
    import ungil_mixed

    ungil_mixed.kept.append(1)
    return len(ungil_mixed.kept)


def mark(text):
    """The marks that tasks have left in a module of the interpreter."""
    import json

    marks = json.__dict__.setdefault("marks_of_test", [])
    marks.append(text)
    return list(marks)


def mark_first():
    mark("first")


def mark_second():
    mark("second")


if __name__ == "__main__":
    unittest.main()
