"""Classes of actors, and functions that call them: for tests."""

import asyncio
import concurrent.futures as cf
import os
import threading
import time
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, numpy


class Log:
    """Remembers what it is told. The shared byte says how it ended."""

    def __init__(self, *lines, closed=None):
        self.lines, self._closed = list(lines), closed

    def add(self, line):
        self.lines.append(line)
        return len(self.lines)

    def all(self):
        return self.lines

    def fail(self, text="no"):
        raise LookupError(text)

    def numbers(self, count, keep=False):
        made = numpy.arange(float(count))
        if keep:
            self.lines.append(made)
        return made

    def add_to_all(self, array):
        array = array.copy()
        array += 1
        return array, array.sum()

    def tell(self, other, line):
        return other.add(line).result()

    def where(self):
        return threading.get_ident(), os.getpid()

    def die(self):
        os._exit(3)

    def wait_for(self, gate):
        while not gate[0]:
            pass

    def close(self):
        if self._closed is not None:
            self._closed[0] += 1


class Fragile:
    def __init__(self, text):
        raise ValueError(text)

    def f(self):
        pass


class Undone:
    """Cannot be made anew in an interpreter."""

    def __reduce__(self):
        return fail, ()


class Fussy:
    def close(self):
        raise LookupError("not now")


def fail():
    raise RuntimeError("no way")


class Meeting:
    """Whoever waits for the event has to be running beside the one who sets it."""

    def __init__(self):
        self.event, self.order = asyncio.Event(), []
        self.thread = threading.get_ident()

    async def wait(self, number):
        self.order.append(number)
        await self.event.wait()
        return number

    async def meet(self):
        self.event.set()
        await asyncio.sleep(0)

    def plain(self):
        return self.order, threading.get_ident() == self.thread

    async def fail(self):
        await asyncio.sleep(0)
        raise LookupError("later")

    async def array(self, count):
        await asyncio.sleep(0)
        return numpy.arange(float(count))

    async def pause(self, number):
        await asyncio.sleep(0)
        return number

    async def wait_and_sum(self, data):
        await self.event.wait()
        return int(sum(data))

    async def cancel_itself(self):
        asyncio.current_task().cancel()
        await asyncio.sleep(0)

    async def exit(self):
        raise SystemExit(3)

    async def unsendable(self):
        return (n for n in ())

    async def forever(self):
        await asyncio.Event().wait()

    async def die(self):
        await asyncio.sleep(0)
        os._exit(3)


def add_to(actor, line):
    return actor.add(line).result()


def call_back(actor):
    done = []
    with cf.ThreadPoolExecutor(1):
        futures = [actor.add("c"), actor.add("c")]
        cf.wait(futures)
        futures[0].add_done_callback(lambda future: done.append(future.result()))
    return len(done), actor


def until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.001)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class OnePool(unittest.TestCase):
    """Tests whose actors are those of one pool, and end with their tests."""

    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(2)
        cls.addClassCleanup(cls.pool.shutdown)

    def actor(self, *arguments, **keywords):
        made = self.pool.actor(*arguments, **keywords)
        self.addCleanup(made.close)
        return made
