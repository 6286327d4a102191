"""Actors whose class has `async` methods: calls beside one another on an event loop of the actor's own."""

import asyncio
import concurrent.futures as cf
import gc
import threading
import unittest

import ungil
from actor_classes import Meeting, OnePool, fail, until
from support import PATIENCE, numpy
from ungil._native import lending


class Late:
    """A class that is not known to have `async` methods: they are made by a function."""

    def __init__(self):
        self.number = 1


async def number_of(late):
    await asyncio.sleep(0)
    return late.number


def late():
    made = Late()
    made.get = lambda: number_of(made)
    return made


class Background:
    """Has a task of its own, and is closed by a coroutine. The byte says how they ended."""

    def __init__(self, ended):
        self.ended, self.ticks = ended, 0

    async def begin(self):
        self.task = asyncio.ensure_future(self.tick())

    async def tick(self):
        try:
            while True:
                await asyncio.sleep(0)
                self.ticks += 1
        finally:
            self.ended[0] += 1

    async def count(self):
        return self.ticks

    async def close(self):
        await asyncio.sleep(0)
        self.ended[0] += 10


class Loops(OnePool):
    def test_calls_overlap(self):
        meeting = self.actor(Meeting)
        waiting = [meeting.wait(n) for n in range(20)]
        self.assertEqual(meeting.plain().result(), (list(range(20)), True))
        self.assertFalse(any(future.done() for future in waiting))
        self.assertTrue(all(future.running() for future in waiting))
        self.assertFalse(waiting[0].cancel(), "it runs")
        self.assertIsNone(meeting.meet().result())
        self.assertEqual([future.result() for future in waiting], list(range(20)))

    def test_exceptions(self):
        meeting = self.actor(Meeting)
        with self.assertRaisesRegex(LookupError, "later") as caught:
            meeting.fail().result()
        self.assertIn("in fail", str(caught.exception.__cause__))
        self.assertNotIn("_actor_", str(caught.exception.__cause__))
        self.assertIsInstance(meeting.missing().exception(), AttributeError)
        self.assertIsInstance(meeting.wait().exception(), TypeError)
        self.assertIsInstance(meeting.cancel_itself().exception(), asyncio.CancelledError)
        self.assertIsInstance(meeting.exit().exception(), SystemExit)
        self.assertIsInstance(meeting.unsendable().exception(), Exception)
        self.assertEqual(meeting.plain().result(), ([], True), "it goes on")

    @unittest.skipUnless(numpy, "SKIP: numpy is not installed")
    def test_arrays(self):
        meeting = self.actor(Meeting)
        made = meeting.array(100000).result()
        made[0] = 5
        self.assertEqual(made.sum(), sum(range(100000)) + 5)
        large = numpy.ones(1 << 17)
        waiting = meeting.wait_and_sum(large)
        meeting.plain().result()
        with self.assertRaises(ValueError):
            large[0] = 2  # it is lent until the call has ended, though its request has been answered
        meeting.meet().result()
        self.assertEqual(waiting.result(), 1 << 17)
        large[0] = 2

    def test_many_calls_from_many_sides(self):
        meeting = self.actor(Meeting)
        with cf.ThreadPoolExecutor(4) as threads:
            lists = list(threads.map(lambda n: [meeting.pause(10 * n + i) for i in range(50)], range(4)))
        there = [self.pool.submit(lambda: [future.result() for future in [meeting.pause(i) for i in range(50)]])] * 2
        for n, futures in enumerate(lists):
            self.assertEqual([future.result() for future in futures], [10 * n + i for i in range(50)])
        self.assertEqual([future.result() for future in there], [list(range(50))] * 2)

    def test_callbacks_come_as_calls_end(self):
        meeting, early = self.actor(Meeting), threading.Event()
        late = meeting.wait(1)
        late.add_done_callback(lambda future: None)
        meeting.plain().add_done_callback(lambda future: early.set())
        self.assertTrue(early.wait(PATIENCE), "before one that is called first")
        self.assertEqual([meeting.meet().result(), late.result()], [None, 1])

    def test_in_asyncio(self):
        meeting = self.actor(Meeting)

        async def main():
            waiting = [asyncio.wrap_future(meeting.wait(n)) for n in range(5)]
            await asyncio.wrap_future(meeting.meet())
            return await asyncio.gather(*waiting)

        self.assertEqual(asyncio.run(main()), list(range(5)))

    def test_a_function_that_makes_an_object_with_coroutines(self):
        actor = self.actor(late)
        self.assertEqual([actor.get().result() for _ in range(2)], [1, 1])

    def test_the_end_waits_for_calls_and_ends_tasks(self):
        ended = bytearray(1)
        actor = self.pool.actor(Background, ungil.share(ended, writable=True))
        actor.begin().result()
        until(lambda: actor.count().result() > 3)
        last = actor.count()
        actor.close()
        self.assertGreater(last.result(), 3)
        self.assertEqual(ended[0], 11)
        with self.assertRaisesRegex(RuntimeError, "ended"):
            actor.count()

    def test_a_failure_in_the_class(self):
        actor = self.actor(Hopeless)
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "no way"):
                actor.call().result(PATIENCE)

    def test_one_interpreter_after_the_other(self):
        """An interpreter that has had a loop is as new for the next actor."""
        for _ in range(3):
            with self.pool.actor(Meeting) as meeting, self.pool.actor(list, [1]) as numbers:
                self.assertEqual(meeting.plain().result(), ([], True))
                self.assertEqual(numbers.copy().result(), [1])

    def test_memory_is_given_back(self):
        before = set(lending.lent)
        meeting = self.pool.actor(Meeting)
        waiting = [meeting.wait_and_sum(bytearray(1 << 20)) for _ in range(3)]
        meeting.meet().result()
        self.assertEqual([future.result() for future in waiting], [0] * 3)
        with self.assertRaises(LookupError):
            meeting.fail().result()
        self.assertIsInstance(meeting.fail(bytearray(1 << 20)).exception(), TypeError)
        meeting.close()
        del waiting, meeting
        gc.collect()
        until(lambda: set(lending.lent) <= before)


class Hopeless:
    def __init__(self):
        fail()

    async def call(self):
        pass


if __name__ == "__main__":
    unittest.main()
