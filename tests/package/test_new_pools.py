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


def leave_a_pool_of_threads():
    from concurrent.futures import ThreadPoolExecutor

    sys.modules["kept_pool"] = pool = ThreadPoolExecutor(2)
    return list(pool.map(abs, range(2)))


def leave_a_pool_of_interpreters():

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
