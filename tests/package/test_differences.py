"""Where interpreters differ from forked processes on purpose: rows of docs/differences.md without another test."""

from __future__ import annotations

import importlib.util
import unittest

from both_pools import BothPools


class OfTheProgramsObjects(BothPools):
    def test_an_attribute_of_a_class_that_changes_later(self):
        self.assert_differ(
            """
class Settings:
    level = 1
def get(): return Settings.level
with pool() as executor:
    found = [executor.submit(get).result()]
    Settings.level = 2
    print(found + [executor.submit(get).result()])
""",
            processes=["[1, 1]"],
            interpreters=["[1, 2]"],
        )

    def test_a_global_that_the_program_deletes(self):
        self.assert_differ(
            """
x = 1
def get(): return globals().get("x")
with pool() as executor:
    found = [executor.submit(get).result()]
    del x
    print(found + [executor.submit(get).result()])
    with pool() as executor:
        print(executor.submit(get).result())
""",
            processes=["[1, 1]", "None"],
            interpreters=["[1, 1]", "None"],
        )

    def test_a_lock_that_the_program_holds(self):
        self.assert_differ(
            """
import threading
lock = threading.Lock()
def work(): return lock.acquire(timeout=0.1)
with lock, pool() as executor:
    print(executor.submit(work).result())
""",
            processes=["False"],
            interpreters=["True"],
        )

    def test_a_cache_begins_empty(self):
        self.assert_differ(
            """
import functools
@functools.lru_cache(maxsize=None)
def square(x): return x * x
def work(): return square(2), square.cache_info().hits
square(2)
with pool() as executor:
    print(executor.submit(work).result(), executor.submit(work).result())
""",
            processes=["(4, 1) (4, 2)"],
            interpreters=["(4, 0) (4, 1)"],
        )

    def test_a_task_that_gives_the_name_of_a_function_to_another(self):
        self.assert_differ(
            """
def first(): return "first"
def second(): return "second"
def swap():
    global first
    first = second
def use(): return first()
with pool() as executor:
    executor.submit(swap).result()
    print(executor.submit(first).result(), executor.submit(use).result())
""",
            processes=["second second"],
            interpreters=["first second"],
        )

    def test_a_sentinel_as_an_argument(self):
        self.assert_differ(
            """
missing = object()
def is_missing(x): return x is missing
def give(): return missing
with pool() as executor:
    print(executor.submit(is_missing, missing).result(), executor.submit(give).result() is missing)
""",
            processes=["False False"],
            interpreters=["True True"],
        )


class OfPython(BothPools):
    def test_settings_that_the_program_makes_in_modules(self):
        script = """
import codecs, csv, socket
def configure():
    socket.setdefaulttimeout(4)
    csv.register_dialect("semicolons", delimiter=";")
    codecs.register_error("stars", lambda error: ("*", error.end))
def get():
    try:
        text = b"\\xff".decode("ascii", "stars")
    except LookupError:
        text = None
    return socket.getdefaulttimeout(), "semicolons" in csv.list_dialects(), text
configure()
with pool(%s) as executor:
    print(executor.submit(get).result())
"""
        self.assert_differ(script % "", processes=["(4.0, True, '*')"], interpreters=["(None, False, None)"])
        self.assert_prints(script % "initializer=configure", "(4.0, True, '*')")

    def test_what_is_set_for_pythons_memory(self):
        self.assert_differ(
            """
import gc
gc.disable()
def get(): return gc.isenabled()
with pool() as executor:
    print(executor.submit(get).result())
""",
            processes=["False"],
            interpreters=["True"],
        )

    @unittest.skipUnless(importlib.util.find_spec("numpy"), "SKIP: numpy is not installed")
    def test_numpys_global_generator(self):
        self.assert_differ(
            """
import numpy
def draw(): return float(numpy.random.rand())
numpy.random.seed(1)
with pool() as executor:
    found = executor.submit(draw).result()
print(found == draw())
""",
            processes=["True"],
            interpreters=["False"],
        )


class OfTheProcess(BothPools):
    def test_there_is_one_process(self):
        self.assert_differ(
            """
import multiprocessing, os
def get(): return os.getpid(), multiprocessing.parent_process() is None, multiprocessing.current_process().name
with pool() as executor:
    process, *found = executor.submit(get).result()
    print(process == os.getpid(), found[0], found[1] == "MainProcess")
""",
            processes=["False False False"],
            interpreters=["True True True"],
        )

    def test_open_files_are_shared(self):
        self.assert_differ(
            """
import os
reading, writing = os.pipe()
def close(): os.close(writing)
with pool() as executor:
    executor.submit(close).result()
try:
    os.write(writing, b"x")
    print("open")
except OSError:
    print("closed")
""",
            processes=["open"],
            interpreters=["closed"],
        )


class OfThePool(BothPools):
    def test_calls_of_a_chunk(self):
        self.assert_differ(
            """
calls = []
def work(x):
    calls.append(x)
    if x < 0: raise ValueError(x)
    return calls
with pool() as executor:
    print(list(executor.map(work, [1, 2], chunksize=2)))
    try:
        list(executor.map(work, [-1, 3], chunksize=2))
    except ValueError:
        print(executor.submit(work, 4).result())
""",
            processes=["[[1, 2], [1, 2]]", "[1, 2, -1, 4]"],
            interpreters=["[[1], [1, 2]]", "[1, 2, -1, 3, 4]"],
        )

    def test_options_of_processes(self):
        self.assert_differ(
            """
for options in {"max_tasks_per_child": 1}, {"mp_context": None}:
    try:
        pool(**options)
    except TypeError:
        print("TypeError")
""",
            processes=None,
            interpreters=["TypeError", "TypeError"],
        )


if __name__ == "__main__":
    unittest.main()
