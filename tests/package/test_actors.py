"""Actors: calls in order, exceptions, callbacks, handles in other interpreters, memory, and the end of an actor."""

import asyncio
import concurrent.futures as cf
import gc
import operator
import os
import pickle
import threading
import unittest
from weakref import ref

import ungil
from actor_classes import Fragile, Fussy, Log, Meeting, OnePool, Undone, add_to, call_back, fail, until
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, numpy
from ungil._native import lending


def itself(obj):
    return obj


class Calls(OnePool):
    def test_calls_are_made_in_order_in_one_thread(self):
        actor = self.actor(Log, "a", "b")
        self.assertEqual([future.result() for future in [actor.add(n) for n in range(100)]], list(range(3, 103)))
        self.assertEqual(actor.all().result(), ["a", "b", *range(100)])
        threads = {actor.where().result() for _ in range(3)}
        self.assertEqual({process for _, process in threads}, {os.getpid()})
        self.assertEqual(len(threads), 1)
        self.assertNotIn(threading.get_ident(), {thread for thread, _ in threads})

    def test_the_order_of_each_of_several_callers(self):
        actor = self.actor(Log)

        def call(name):
            for future in [actor.add((name, n)) for n in range(50)]:
                future.result()

        with cf.ThreadPoolExecutor(4) as threads:
            list(threads.map(call, range(4)))
        lines = actor.all().result()
        for name in range(4):
            self.assertEqual([n for caller, n in lines if caller == name], list(range(50)))

    def test_exceptions(self):
        actor = self.actor(Log)
        with self.assertRaisesRegex(LookupError, "no") as caught:
            actor.fail().result()
        self.assertIn("in fail", str(caught.exception.__cause__))
        self.assertNotIn("_actor_objects", str(caught.exception.__cause__))
        self.assertIsInstance(actor.fail("x").exception(), LookupError)
        self.assertIsInstance(actor.missing().exception(), AttributeError)
        self.assertIsInstance(actor.add().exception(), TypeError)
        with self.assertRaises(AttributeError):
            _ = actor._closed
        self.assertEqual(actor.add(1).result(), 1, "it goes on")
        with self.assertRaises(TypeError):
            self.pool.actor(3)
        with self.assertRaises(TypeError):
            ungil.Actor()

    def test_keywords_functions_and_callbacks(self):
        seen, actor = threading.Event(), self.actor(sorted, [2, 1])  # a function makes the object
        self.assertEqual(actor.index(2).result(), 1)
        self.assertIsNone(actor.sort(key=lambda n: -n).result())
        self.assertEqual(actor.copy().result(), [2, 1])
        actor.pop().add_done_callback(lambda future: seen.set())
        self.assertTrue(seen.wait(PATIENCE))
        done, _ = cf.wait([actor.append(n) for n in range(10)], PATIENCE)
        self.assertEqual(len(done), 10)

        async def in_asyncio():
            return await asyncio.gather(*[asyncio.wrap_future(actor.index(n)) for n in range(2, 6)])

        actor.sort().result()
        self.assertEqual(asyncio.run(in_asyncio()), [2, 4, 5, 6])

    def test_what_cannot_be_sent_fails_its_future(self):
        actor = self.actor(Log)
        generator = (n for n in ())
        self.assertIsInstance(actor.add(generator).exception(), (TypeError, pickle.PicklingError))
        lines = actor.add(threading.get_ident).result(), actor.all().result()
        self.assertEqual(lines, (1, [threading.get_ident]))
        with self.assertRaises((TypeError, pickle.PicklingError)):
            self.pool.actor(Log, generator)

    def test_a_failure_in_the_class_is_that_of_each_call(self):
        fragile = self.actor(Fragile, "made of glass")
        for _ in range(2):
            with self.assertRaisesRegex(ValueError, "made of glass") as caught:
                fragile.f().result()
            self.assertIn("in __init__", str(caught.exception.__cause__))

    def test_arguments_that_cannot_be_unpickled_there(self):
        for kind in Log, Meeting:
            actor = self.actor(kind, Undone())
            call = actor.add if kind is Log else actor.plain
            with self.assertRaisesRegex(RuntimeError, "no way"):
                call().result(PATIENCE)

    def test_cancelled_calls(self):
        gate = bytearray(1)
        actor = self.actor(Log)
        running, queued = actor.wait_for(ungil.share(gate)), actor.add(1)
        self.assertTrue(queued.cancel())
        until(running.running)
        self.assertFalse(running.cancel())
        gate[0] = 1
        self.assertIsNone(running.result())
        self.assertEqual(actor.all().result(), [])
        self.assertTrue(queued.cancelled())

    def test_timeouts(self):
        gate = bytearray(1)
        actor = self.actor(Log)
        running = actor.wait_for(ungil.share(gate))
        with self.assertRaises(cf.TimeoutError):
            running.result(0.01)
        gate[0] = 1
        self.assertIsNone(running.result(PATIENCE))


class Handles(OnePool):
    def test_handles_in_other_interpreters(self):
        actor = self.actor(Log)
        self.assertEqual(self.pool.submit(add_to, actor, "an argument").result(), 1)
        self.assertTrue(self.pool.submit(operator.is_, actor, actor).result())
        other = self.actor(Log)
        self.assertEqual(other.add(actor).result(), 1)
        self.assertIs(other.all().result()[0], actor)
        count, result = self.pool.submit(call_back, actor).result()
        self.assertEqual(count, 1)
        self.assertIs(result, actor)
        futures = [self.pool.submit(add_to, actor, n) for n in range(20)]
        self.assertEqual(sorted(future.result() for future in futures), list(range(4, 24)))
        error = self.pool.submit(lambda: actor.fail().exception()).result()
        self.assertIsInstance(error, LookupError)

    @unittest.skipUnless(numpy, "SKIP: numpy is not installed")
    def test_arrays(self):
        actor = self.actor(Log)
        for keep in False, True:
            made = actor.numbers(100000, keep=keep).result()
            made[0] = 7
            self.assertTrue(made.flags.writeable)
            if keep:
                self.assertEqual(actor.all().result()[0][0], 0, "a result is the caller's own")
        large = numpy.zeros(1 << 17)
        result, total = actor.add_to_all(large).result()
        self.assertEqual((result[5], total, large[5]), (1, 1 << 17, 0))
        large[0] = 1  # the loan has ended
        there = self.pool.submit(lambda array: actor.add_to_all(array).result()[1], large).result()
        self.assertEqual(there, (1 << 17) + 1)

    def test_a_method_can_be_sent(self):
        actor = self.actor(Log)
        add = actor.add
        self.assertEqual(self.pool.submit(lambda: add("a closure's").result()).result(), 1)
        self.assertEqual(list(self.pool.map(lambda n: add(n).result() > 0, range(4))), [True] * 4)
        self.assertEqual(repr(add), "<method add of %r>" % actor)

    def test_through_a_queue(self):
        actor, queue = self.actor(Log), ungil.Queue()
        queue.put(actor)
        self.assertIs(queue.get(), actor)
        waiting = self.pool.submit(lambda: add_to(queue.get(), "of a queue"))
        queue.put(actor)
        self.assertEqual(waiting.result(), 1)

    def test_actors_call_one_another(self):
        first, second = self.actor(Log), self.actor(Log)
        self.assertEqual([first.tell(second, n).result() for n in range(3)], [1, 2, 3])
        self.assertEqual(first.all().result(), [])
        with self.assertRaises(TypeError):
            pickle.dumps(first)

    def test_memory_is_given_back(self):
        """What was lent to actors, whatever has become of them, is not kept when they have ended."""
        before = set(lending.lent)
        pool = ungil.InterpreterPoolExecutor(1)
        actor, fragile = pool.actor(Log, bytearray(1 << 20)), pool.actor(Fragile, memoryview(b"x" * (1 << 20)))
        failing = [fragile.f(), actor.add(1, 2, 3), actor.fail(memoryview(b"x" * (1 << 20)))]
        for future in failing:
            self.assertIsNotNone(future.exception(PATIENCE))
        for _ in range(3):
            self.assertEqual(pool.submit(add_to, actor, bytearray(1 << 20)).exception(), None)
        actor.close()
        fragile.close()
        del failing, future, actor, fragile
        pool.shutdown()
        gc.collect()
        until(lambda: set(lending.lent) <= before)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Ends(unittest.TestCase):
    def setUp(self):
        self.closed = bytearray(1)
        self.pool = ungil.InterpreterPoolExecutor(1)
        self.addCleanup(self.pool.shutdown)

    def actor(self):
        return self.pool.actor(Log, closed=ungil.share(self.closed, writable=True))

    def test_calls_are_completed_before_the_object_is_closed_once(self):
        with self.actor() as actor:
            futures = [actor.add(n) for n in range(10)]
        self.assertEqual([future.result() for future in futures], list(range(1, 11)))
        self.assertEqual(self.closed[0], 1)
        with self.assertRaisesRegex(RuntimeError, "ended"):
            actor.add(1)
        actor.close()
        self.assertEqual(self.closed[0], 1)

    def test_callbacks_are_called_before_it_is_closed(self):
        with self.actor() as actor:
            called = []
            for n in range(10):
                actor.add(n).add_done_callback(lambda future: called.append(future.result()))
        self.assertEqual(called, list(range(1, 11)))
        with self.actor() as actor:
            actor.add(1).add_done_callback(lambda future: called.append(actor.close()))
            until(lambda: len(called) == 11)

    def test_the_last_handle(self):
        actor = self.actor()
        future, there = actor.add(1), self.pool.submit(itself, actor).result()
        self.assertIs(there, actor)
        thread, gone = actor._caller.thread, ref(actor)
        del actor, there
        self.pool.submit(gc.collect).result()
        gc.collect()
        self.assertIsNone(gone())
        self.pool.shutdown()  # the pool's interpreters had handles, too
        self.assertTrue(thread.finished.wait(PATIENCE))
        self.assertEqual((future.result(), self.closed[0]), (1, 1))

    def test_without_any_call(self):
        actor = self.actor()
        thread = actor._caller.thread
        del actor
        self.assertTrue(thread.finished.wait(PATIENCE))
        self.assertEqual(self.closed[0], 1)

    def test_at_the_shutdown_of_the_executor(self):
        first, last = self.actor(), self.actor()
        futures = [first.add(n) for n in range(10)] + [last.tell(first, 1)]
        tasks = [self.pool.submit(add_to, last, n) for n in range(3)]
        self.pool.shutdown()
        self.assertEqual([future.result() for future in futures], [*range(1, 11), 11])
        self.assertEqual([task.result() for task in tasks], [1, 2, 3])
        self.assertEqual(self.closed[0], 2)
        for actor in first, last:
            with self.assertRaisesRegex(RuntimeError, "ended"):
                actor.add(1)
        with self.assertRaisesRegex(RuntimeError, "after shutdown"):
            self.actor()

    def test_at_a_shutdown_that_cancels(self):
        gate, actor = bytearray(1), self.actor()
        running, queued = actor.wait_for(ungil.share(gate)), actor.add(1)
        until(running.running)
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.assertTrue(queued.cancelled())
        gate[0] = 1
        self.assertIsNone(running.result(PATIENCE))
        actor.close()
        self.assertEqual(self.closed[0], 1)

    def test_what_close_raises(self):
        actor = self.pool.actor(Fussy)
        with self.assertRaisesRegex(LookupError, "not now"):
            actor.close()
        actor.close()

    def test_an_interpreter_that_cannot_start(self):
        pool = ungil.InterpreterPoolExecutor(1, initializer=fail)
        self.addCleanup(pool.shutdown)
        actor = pool.actor(Log)
        with self.assertRaisesRegex(ungil.BrokenInterpreterPool, "not prepared|no way"):
            actor.add(1).result(PATIENCE)
        actor.close()


if __name__ == "__main__":
    unittest.main()
