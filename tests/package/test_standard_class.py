"""What programs and other packages expect of the standard library's executor of interpreters, and find here."""

import asyncio
import concurrent.futures
import inspect
import sys
import threading
import time
import unittest
from concurrent.futures.thread import BrokenThreadPool

import ungil
from references import PATIENCE
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS

HAS_STANDARD_CLASS = sys.version_info >= (3, 14)
NEEDS_STANDARD_CLASS = "SKIP: Python before 3.14 has no executor of interpreters"


def wait_at_the_gate():
    while not sys.modules["__main__"].gate[0]:
        time.sleep(0.001)


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition() and time.monotonic() < end:
        time.sleep(0.001)


OWN = {"share", "preload", "private", "shared", "stack_size", "fresh", "seed", "redirect_output"}
"""Parameters of the executor that the standard library's does not have."""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Attributes(unittest.TestCase):
    def test_what_others_read(self):
        """Schedulers read how many workers there may be, monitors how many there are and how long the queue is."""
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1, "named", share={"gate": gate})
        self.assertEqual((pool._max_workers, pool._thread_name_prefix), (1, "named"))
        self.assertEqual((pool._threads, pool._work_queue.qsize(), pool._work_queue.empty()), (set(), 0, True))
        futures = [pool.submit(wait_at_the_gate) for _ in range(3)]
        wait_until(lambda: pool._work_queue.qsize() == 2)
        self.assertEqual((pool._work_queue.qsize(), pool._work_queue.empty()), (2, False))
        (thread,) = pool._threads
        self.assertIsInstance(thread, threading.Thread)
        self.assertEqual((thread.name, thread.is_alive()), ("named_0", True))
        self.assertEqual((pool._shutdown, pool._broken), (False, False))
        gate[0] = 1
        for future in futures:
            future.result(PATIENCE)
        pool.shutdown()
        self.assertEqual((pool._shutdown, pool._broken, thread.is_alive()), (True, False, False))

    def test_threads_have_the_usual_names(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            pool.submit(int).result(PATIENCE)
            self.assertRegex(pool._thread_name_prefix, r"^InterpreterPoolExecutor-\d+$")
            self.assertEqual({thread.name for thread in pool._threads}, {pool._thread_name_prefix + "_0"})

    def test_the_classes_that_programs_ask_for(self):
        self.assertTrue(issubclass(ungil.InterpreterPoolExecutor, concurrent.futures.ThreadPoolExecutor))
        self.assertTrue(issubclass(ungil.BrokenInterpreterPool, BrokenThreadPool))
        self.assertIs(ungil.InterpreterPoolExecutor.BROKEN, ungil.BrokenInterpreterPool)

    @unittest.skipUnless(HAS_STANDARD_CLASS, NEEDS_STANDARD_CLASS)
    def test_it_is_one_of_the_standard_library(self):
        from concurrent.futures import interpreter

        self.assertTrue(issubclass(ungil.InterpreterPoolExecutor, interpreter.InterpreterPoolExecutor))
        self.assertTrue(issubclass(ungil.BrokenInterpreterPool, interpreter.BrokenInterpreterPool))

    @unittest.skipUnless(HAS_STANDARD_CLASS, NEEDS_STANDARD_CLASS)
    def test_it_is_called_as_that_is(self):
        standard = concurrent.futures.InterpreterPoolExecutor
        for name in ("__init__", "submit", "map", "shutdown"):
            theirs = inspect.signature(getattr(standard, name)).parameters
            ours = inspect.signature(getattr(ungil.InterpreterPoolExecutor, name)).parameters
            own = OWN if name == "__init__" else set()
            described = [(it.name, it.kind, it.default) for it in theirs.values()]
            if name == "map":  # without a chunksize, it is chosen
                described = [(*it[:2], None) if it[0] == "chunksize" else it for it in described]
            self.assertEqual([(it.name, it.kind, it.default) for it in ours.values() if it.name not in own], described)
            self.assertEqual({ours[it].kind for it in own}, {inspect.Parameter.KEYWORD_ONLY} if own else set())

    def test_no_method_of_the_standard_library_is_left(self):
        """A method that it gains must be written for this class too, as its own attributes are not there."""
        theirs = {name for name in dir(ungil.InterpreterPoolExecutor) if not name.startswith("_")}
        self.assertEqual(theirs - {"prepare_context", "stream", "actor"}, {"BROKEN", "map", "shutdown", "submit"})


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Asyncio(unittest.TestCase):
    def test_run_in_executor(self):
        async def work(pool):
            loop = asyncio.get_running_loop()
            return await asyncio.gather(*[loop.run_in_executor(pool, pow, 2, n) for n in range(10)])

        with ungil.InterpreterPoolExecutor(2) as pool:
            self.assertEqual(asyncio.run(work(pool)), [2**n for n in range(10)])

    def test_the_default_executor(self):
        """asyncio takes executors that derive from ThreadPoolExecutor alone."""

        async def work():
            loop = asyncio.get_running_loop()
            loop.set_default_executor(ungil.InterpreterPoolExecutor(2))
            with self.assertRaisesRegex(TypeError, "pickle"):  # as docs/choosing.md says
                await asyncio.to_thread(int)
            return await loop.run_in_executor(None, lambda: "_ungil" in __import__("sys").modules)

        self.assertTrue(asyncio.run(work()))
        self.assertNotIn("_ungil", sys.modules)


if __name__ == "__main__":
    unittest.main()
