"""Actors: objects that live in an interpreter, called from the program and from other interpreters; how they end."""

import asyncio
import concurrent.futures as cf
import gc
import operator
import os
import threading
import unittest
from weakref import ref

import ungil
from references import TESTS
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, Programs, numpy, run_script


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


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Actors(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(2)
        cls.addClassCleanup(cls.pool.shutdown)

    def actor(self, *arguments, **keywords):
        made = self.pool.actor(*arguments, **keywords)
        self.addCleanup(made.close)
        return made

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
        fragile = self.actor(Fragile, "made of glass")
        for _ in range(2):
            with self.assertRaisesRegex(ValueError, "made of glass") as caught:
                fragile.f().result()
            self.assertIn("in __init__", str(caught.exception.__cause__))
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

    def test_async_methods_overlap(self):
        meeting = self.actor(Meeting)
        waiting = [meeting.wait(n) for n in range(20)]
        self.assertEqual(meeting.plain().result(), (list(range(20)), True))
        self.assertFalse(any(future.done() for future in waiting))
        self.assertIsNone(meeting.meet().result())
        self.assertEqual([future.result() for future in waiting], list(range(20)))
        with self.assertRaisesRegex(LookupError, "later") as caught:
            meeting.fail().result()
        self.assertIn("in fail", str(caught.exception.__cause__))
        self.assertNotIn("_actor_objects", str(caught.exception.__cause__))
        if numpy:
            made = meeting.array(100000).result()
            made[0] = 5
            self.assertEqual(made.sum(), sum(range(100000)) + 5)

    def test_callbacks_of_async_methods_come_as_they_end(self):
        meeting, early = self.actor(Meeting), threading.Event()
        late = meeting.wait(1)
        late.add_done_callback(lambda future: None)
        meeting.plain().add_done_callback(lambda future: early.set())
        self.assertTrue(early.wait(PATIENCE), "before one that is called first")
        self.assertEqual([meeting.meet().result(), late.result()], [None, 1])

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

    def test_the_end(self):
        closed = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1)
        with pool.actor(Log, closed=ungil.share(closed, writable=True)) as actor:
            futures = [actor.add(n) for n in range(10)]
        self.assertEqual([future.result() for future in futures], list(range(1, 11)))
        self.assertEqual(closed[0], 1)
        with self.assertRaisesRegex(RuntimeError, "ended"):
            actor.add(1)
        actor.close()
        self.assertEqual(closed[0], 1, "once")
        actor = pool.actor(Log, closed=ungil.share(closed, writable=True))
        future, there = actor.add(1), pool.submit(lambda: actor).result()
        self.assertIs(there, actor)
        thread, gone = actor._caller.thread, ref(actor)
        del actor, there
        pool.submit(gc.collect).result()
        gc.collect()
        self.assertIsNone(gone())
        pool.shutdown()  # the pool's interpreters had handles, too
        self.assertTrue(thread.join())
        self.assertEqual((future.result(), closed[0]), (1, 2))
        pool = ungil.InterpreterPoolExecutor(1)
        actor = pool.actor(Log, closed=ungil.share(closed, writable=True))
        thread = actor._caller.thread
        del actor
        self.assertTrue(thread.join(), "no handle is left")
        actor = pool.actor(Log, closed=ungil.share(closed, writable=True))
        futures = [actor.add(n) for n in range(10)]
        pool.shutdown()
        self.assertEqual([future.result() for future in futures], list(range(1, 11)))
        self.assertEqual(closed[0], 4)
        with self.assertRaises(RuntimeError):
            actor.add(1)
        with self.assertRaises(RuntimeError):
            pool.actor(Log)

    def test_cancelled_calls(self):
        gate = bytearray(1)
        actor = self.actor(Log)
        running, queued = actor.wait_for(ungil.share(gate)), actor.add(1)
        self.assertTrue(queued.cancel())
        gate[0] = 1
        self.assertIsNone(running.result())
        self.assertEqual(actor.all().result(), [])


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Deaths(unittest.TestCase):
    def test_calls_fail_everywhere(self):
        with ungil.InterpreterPoolExecutor(1) as pool:
            for kind, last in (Log, "add"), (Meeting, "wait"):
                with self.subTest(kind.__name__):
                    actor = pool.actor(kind)
                    if kind is Meeting:
                        waiting = actor.wait(1)
                    futures = [actor.die(), *[getattr(actor, last)(n) for n in range(3)]]
                    there = pool.submit(lambda actor=actor, last=last: getattr(actor, last)(1).exception())
                    for future in [*futures, *([waiting] if kind is Meeting else [])]:
                        self.assertIsInstance(future.exception(PATIENCE), ungil.InterpreterDiedError)
                    self.assertIsInstance(there.result(PATIENCE), ungil.InterpreterDiedError)
                    self.assertIsInstance(getattr(actor, last)(9).exception(PATIENCE), ungil.InterpreterDiedError)
                    actor.close()
            self.assertEqual(pool.submit(pow, 2, 3).result(), 8)


class Ends(Programs):
    def test_interrupts(self):
        self.assert_prints(
            """
            import _thread, asyncio, threading, time

            class Busy:
                def __init__(self, begun): self.begun = begun
                def run(self):
                    self.begun[0] = 1
                    while True: pass
                def ok(self): return "ok"

            class Lazy(Busy):
                async def wait(self):
                    self.begun[0] = 1
                    await asyncio.Event().wait()

            if __name__ == "__main__":
                pool = ungil.InterpreterPoolExecutor(1)
                for kind, name in (Busy, "run"), (Lazy, "run"), (Lazy, "wait"):
                    begun = bytearray(1)
                    actor = pool.actor(kind, ungil.share(begun, writable=True))
                    futures = [getattr(actor, name)(), actor.ok()]

                    def interrupt():
                        while not begun[0]: time.sleep(0.001)
                        signal.raise_signal(signal.SIGINT)

                    thread = threading.Thread(target=interrupt)
                    thread.start()
                    try:
                        futures[0].result()
                    except KeyboardInterrupt:
                        thread.join()
                        print(kind.__name__, name, type(futures[0].exception()).__name__, actor.ok().result())
                    actor.close()
                with pool.actor(Busy, ungil.share(begun, writable=True)) as actor:
                    pass
                print("closed")
            """,
            "Busy run KeyboardInterrupt ok",
            "Lazy run KeyboardInterrupt ok",
            "Lazy wait KeyboardInterrupt ok",
            "closed",
        )

    def test_the_end_of_the_program_and_forks(self):
        self.assert_prints(
            """
            import os, sys

            class Printer:
                def print(self, text): print(text, flush=True)
                def close(self): print("closed", flush=True)

            class Slow(Printer):
                async def wait(self): pass

            def by_global(text):
                actor.print(text).result()
                return actor

            def is_known(other):
                return actor is other

            if __name__ == "__main__":
                pool = ungil.InterpreterPoolExecutor(1)
                actor = pool.actor(Printer)
                actor.print("first").result()
                queued = actor.print("second")
                queued.result()
                if os.fork() == 0:
                    try:
                        actor.print("child")
                    except ungil.BrokenInterpreterPool as error:
                        print(error, flush=True)
                    os._exit(0)
                os.wait()
                there = pool.submit(by_global, "of a task").result()
                print(there is actor, pool.submit(is_known, actor).result(), flush=True)
                other = pool.actor(Slow)
                other.print("of another").result()
                print("end", flush=True)
                for n in range(3):
                    actor.print(n)
                pool.submit(by_global, "of a task at the end")
            """,
            "first",
            "second",
            "the process forked, and its actors are the parent's",
            "of a task",
            "True True",
            "of another",
            "end",
            "0",
            "1",
            "2",
            "of a task at the end",
            "closed",
            "closed",
        )


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Example(unittest.TestCase):
    def test_it_runs(self):
        path = os.path.join(TESTS, "..", "examples", "python", "actors.py")
        if not os.path.exists(path):
            self.skipTest("SKIP: the examples are not here")
        with open(path) as file:
            status, output, errors = run_script(file.read(), "10")
        self.assertEqual((status, output), (0, "78498 primes below 1000000, in 10 answers of one model\n"), errors)


if __name__ == "__main__":
    unittest.main()
