"""Streams: generators that run in an interpreter while the program takes their items, and how they end."""

import asyncio
import concurrent.futures as cf
import ctypes
import gc
import itertools
import os
import sys
import threading
import time
import unittest
from unittest import mock

import ungil
from references import not_on_pypy
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, Programs, numpy
from ungil import aio
from ungil._native.library import library
from ungil.interpreters import _stream


def count(start=0, *, step=1):
    """Count for ever. The shared memory says how many items there were, and whether the generator was closed."""
    from __main__ import made

    made[1] = 0
    try:
        for n in itertools.count(start, step):
            made[0] = (n + 1) % 256
            yield n
    finally:
        made[1] = 1


def wait_after(number, end=None):
    """As many items, and then none, unless the gate opens."""
    from __main__ import gate, made

    try:
        yield from range(number)
        while not gate[0]:
            time.sleep(0.001)
        yield number
        if end is not None:
            raise end
    finally:
        made[1] = 1


def fail_at(number):
    yield from range(number)
    raise LookupError(number)


def fail_at_the_end():
    try:
        yield 1
        yield 2
    finally:
        raise LookupError("at the end")


class Squares:
    def __iter__(self):
        return (n * n for n in range(5))


class Interrupted:
    def add(self, producer):
        raise KeyboardInterrupt


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Streams(unittest.TestCase):
    def setUp(self):
        self.gate, self.made = bytearray(1), bytearray(2)
        share = {"gate": self.gate, "made": ungil.share(self.made, writable=True)}
        self.pool = ungil.InterpreterPoolExecutor(1, share=share)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.gate.__setitem__, 0, 1)  # comes before

    def wait_until(self, condition):
        end = time.monotonic() + PATIENCE
        while not condition():
            self.assertLess(time.monotonic(), end, "it does not come true")
            time.sleep(0.001)

    def test_what_has_items(self):
        for source, arguments, keywords, expected in (
            (fail_at, [0], {}, LookupError),
            (range, [5], {}, [0, 1, 2, 3, 4]),
            (sorted, ["cab"], {"reverse": True}, ["c", "b", "a"]),
            ([1, [2], None], [], {}, [1, [2], None]),
            (Squares(), [], {}, [0, 1, 4, 9, 16]),
            (lambda *items: iter(items), [], {}, []),
            (len, ["x"], {}, TypeError),
        ):
            for size in (1, 2, 16):
                items = self.pool.stream(source, *arguments, buffersize=size, **keywords)
                if isinstance(expected, list):
                    self.assertEqual(list(items), expected)
                else:
                    self.assertRaises(expected, next, items)
                self.assertEqual(list(items), [])

    def test_wrong_arguments(self):
        stream = self.pool.stream
        self.assertRaisesRegex(ValueError, "buffersize", stream, count, buffersize=0)
        self.assertRaises(TypeError, stream, count, buffersize="1")
        self.assertRaisesRegex(TypeError, "generator function", stream, fail_at(1))
        self.assertRaisesRegex(TypeError, "int", stream, 5)
        self.assertRaisesRegex(TypeError, "no arguments", stream, [1], 2)
        self.assertRaisesRegex(TypeError, "pickle", stream, count, threading.Condition())

    def test_the_generator_is_ahead_by_buffersize(self):
        for size in (1, 2, 5, 16):
            with self.subTest(size=size), self.pool.stream(count, buffersize=size) as items:
                self.assertEqual(next(items), 0)
                for taken in range(1, 60):
                    self.assertLessEqual(self.made[0], taken + size)
                    self.assertEqual(next(items), taken)
                self.wait_until(lambda least=60 + size // 2: self.made[0] >= least)

    def test_an_item_comes_at_once(self):
        items = self.pool.stream(wait_after, 3)
        self.assertEqual([next(items) for _ in range(3)], [0, 1, 2])
        self.gate[0] = 1
        self.assertEqual(list(items), [3])

    def test_tasks_go_on_meanwhile(self):
        items = self.pool.stream(count, 10, step=5, buffersize=1)
        tasks = [self.pool.submit(pow, n, 2).result(PATIENCE) for n in itertools.islice(items, 3)]
        self.assertEqual(tasks, [100, 225, 400])

    def test_it_is_closed(self):
        def close(items):
            items.close()
            self.assertEqual(self.made[1], 1)  # close() waits

        def leave_block(items):
            with self.assertRaises(LookupError), items:
                raise LookupError
            self.assertEqual(self.made[1], 1)

        def leave_loop(items):
            for _ in items:
                break

        for end in (close, leave_block, leave_loop, lambda items: None):
            items = self.pool.stream(count)
            self.assertEqual(next(items), 0)
            end(items)
            if end in (close, leave_block):
                self.assertEqual(list(items), [])
            del items
            gc.collect()
            self.wait_until(lambda: self.made[1])
        self.wait_until(lambda: not _stream._producers)
        self.pool.stream(count).close()  # perhaps before it begins

    def test_an_interrupt_after_an_item_was_taken(self):
        """The generator waits until the program says that it has the item."""
        with ungil.InterpreterPoolExecutor(1) as pool:
            stream = pool.stream(range, 100, buffersize=1)
            self.assertEqual(next(stream), 0)
            with mock.patch.object(ungil.Queue, "task_done", side_effect=KeyboardInterrupt):
                self.assertRaises(KeyboardInterrupt, next, stream)
            stream.close()

    def test_failures_come_in_their_place(self):
        for size in (1, 3, 16):
            items = self.pool.stream(fail_at, 7, buffersize=size)
            self.assertEqual([next(items) for _ in range(7)], list(range(7)))
            with self.assertRaises(LookupError) as caught:
                next(items)
            trace = str(caught.exception.__cause__)
            self.assertIn("in fail_at", trace)
            self.assertNotIn("_generators", trace)
            self.assertRaises(StopIteration, next, items)
        items = self.pool.stream(lambda: iter([1, threading.Lock()]))
        self.assertEqual(next(items), 1)
        self.assertRaises(TypeError, next, items)
        items = self.pool.stream(fail_at_the_end, buffersize=1)
        self.assertEqual(next(items), 1)
        self.assertRaisesRegex(LookupError, "at the end", items.close)
        items.close()

    def test_the_interpreter_dies(self):
        def die(number):
            yield from range(number)
            time.sleep(0)
            os._exit(3)

        items = self.pool.stream(die, 3)
        with self.assertRaisesRegex(ungil.InterpreterDiedError, r"_exit\(3\)"):
            list(items)
        self.assertEqual(list(items), [])
        self.assertEqual(list(self.pool.stream(range, 3)), [0, 1, 2])

    def test_arrays(self):
        if numpy is None:
            self.skipTest("SKIP: numpy is not installed")

        def arrays():
            addresses = []

            def make():
                array = numpy.ones(10**6)
                addresses.append(array.ctypes.data)
                return array

            yield make()
            yield addresses[-1]
            kept = numpy.ones(10**6)
            yield kept
            kept[:] = 2
            yield kept

        given, address, first, second = self.pool.stream(arrays)
        if sys.version_info >= (3, 11):  # earlier ones keep arguments of a call until it ends
            self.assertEqual(given.ctypes.data, address)
        self.assertEqual([array.sum() for array in (given, first, second)], [10**6, 10**6, 2 * 10**6])
        self.assertTrue(given.flags.writeable and first.flags.writeable)

    def test_each_item_comes_once_to_threads(self):
        items = self.pool.stream(range, 2000)
        with cf.ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda _: list(items), range(4)))
        self.assertEqual(sorted(itertools.chain(*found)), list(range(2000)))

    def test_the_interpreter_is_used_again(self):
        def interpreters():
            counts = ctypes.c_int32(), ctypes.c_int32()
            library.ungil_interp_count(*map(ctypes.byref, counts))
            return sum(number.value for number in counts)

        before = None
        for n in range(6):
            self.assertEqual(next(self.pool.stream(count, n)), n)  # and it is dropped
            self.wait_until(lambda: not _stream._producers)
            before = before or interpreters()
        self.assertEqual(interpreters(), before)

    def test_the_pool_is_shut_down(self):
        items, others = self.pool.stream(count), self.pool.stream(wait_after, 1)
        self.assertEqual((next(items), next(others)), (0, 0))
        with mock.patch.object(_stream, "INTERRUPT_TIMEOUT", 0.05):
            self.pool.shutdown()  # interrupts the one that waits
        for stream in (items, others):
            with self.assertRaisesRegex(RuntimeError, "after shutdown|KeyboardInterrupt"):
                try:
                    list(stream)
                except KeyboardInterrupt as error:
                    raise RuntimeError("KeyboardInterrupt") from error
        self.assertEqual(self.made[1], 1)
        self.assertRaisesRegex(RuntimeError, "after shutdown", self.pool.stream, count)

    @not_on_pypy("has no reference counts")
    def test_memory_is_in_no_reference_cycle(self):
        """To free the memory of a message that is in a cycle may be a crash."""
        data = bytearray(9)
        gc.disable()
        self.addCleanup(gc.enable)
        with mock.patch.object(_stream, "_producers", Interrupted()):
            self.assertRaises(KeyboardInterrupt, self.pool.stream, len, ungil.share(data))
        data.append(1)

    def test_it_has_what_the_pools_interpreters_have(self):
        def begin(value):
            import __main__

            __main__.begun = value

        def fail():
            raise LookupError("no model")

        def found():
            import __main__

            yield __main__.begun, __main__.shared[0], "colorsys" in __import__("sys").modules

        options = {"initializer": begin, "initargs": (5,), "share": {"shared": b"x"}, "preload": ["colorsys"]}
        with ungil.InterpreterPoolExecutor(1, **options) as pool:
            self.assertEqual(list(pool.stream(found)), [(5, 120, True)])
        with ungil.InterpreterPoolExecutor(1, initializer=fail) as pool:
            self.assertRaisesRegex(ungil.BrokenInterpreterPool, "no model", next, pool.stream(found))

    def test_asyncio(self):
        async def all_items():
            return [n async for n in aio.stream(self.pool, range, 100, buffersize=4)]

        async def cancelled():
            items = aio.stream(self.pool, wait_after, 2)
            self.assertEqual([await items.__anext__(), await items.__anext__()], [0, 1])
            task = asyncio.ensure_future(items.__anext__())
            await asyncio.sleep(0)
            task.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await task
            self.gate[0] = 1

        async def closed():
            items = aio.stream(self.pool, count)
            self.assertEqual(await items.__anext__(), 0)
            await items.aclose()

        async def failed():
            return [n async for n in aio.stream(self.pool, fail_at, 3)]

        self.assertEqual(asyncio.run(all_items()), list(range(100)))
        for end in (cancelled, closed):
            self.made[1] = 0
            asyncio.run(end())
            self.wait_until(lambda: self.made[1])
        self.assertRaises(LookupError, asyncio.run, failed())


class StreamPrograms(Programs):
    def test_a_program_that_ends(self):
        """The generators of streams that are not finished are closed; a child of the program has no streams."""
        self.assert_prints(
            """
            import os, time
            def count():
                n = 0
                try:
                    while True:
                        yield n
                        n += 1
                finally:
                    os.write(1, b"closed\\n")
            pool = ungil.InterpreterPoolExecutor(1)
            items = pool.stream(count, buffersize=1)
            next(items)
            child = os.fork()
            if not child:
                try:
                    list(items)
                except ungil.BrokenInterpreterPool:
                    items.close()
                    os._exit(7)
                os._exit(1)
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
            """,
            "7",
            "closed",
        )

    def test_ctrl_c(self):
        """While the program waits for an item, and while it does something else."""
        self.assert_prints(
            """
            import signal, threading, time
            begun, closed = bytearray(1), bytearray(1)
            def count(waits):
                try:
                    yield 1
                    begun[0] = 1
                    while waits:
                        time.sleep(10**6)
                    yield 2
                finally:
                    try:  # the interrupt may come when the generator is being closed
                        closed[0] = 1
                    finally:
                        closed[0] = 1
            def press():
                while not begun[0]:
                    time.sleep(0.001)
                signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            for waits in (True, False):
                begun[0] = closed[0] = 0
                threading.Thread(target=press, daemon=True).start()
                try:
                    share = {"begun": ungil.share(begun, writable=True), "closed": ungil.share(closed, writable=True)}
                    with ungil.InterpreterPoolExecutor(1, share=share) as pool:
                        for n in pool.stream(count, waits, buffersize=1):
                            if not waits:
                                time.sleep(10**6)
                except KeyboardInterrupt:
                    print("interrupted", closed[0])
            """,
            *["interrupted 1"] * 2,
        )
