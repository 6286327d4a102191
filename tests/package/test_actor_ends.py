"""How actors end other than by `close`: deaths, Ctrl-C, forks, the end of the program; and many of them."""

import gc
import os
import threading
import unittest

import ungil
from actor_classes import Log, Meeting, OnePool, until
from references import TESTS
from support import PATIENCE, Programs, memory, rounds, run_script

CLASSES = """
import asyncio, os, sys, threading, time

class Busy:
    def __init__(self, begun=None): self.begun = begun
    def run(self):
        self.begun[0] = 1
        while True: pass
    def sleep(self):
        self.begun[0] = 1
        time.sleep(600)
    def stubborn(self):
        while True:
            try:
                self.begun[0] = 1
                while True: pass
            except KeyboardInterrupt: pass
    def ok(self): return "ok"

class Lazy(Busy):
    async def wait(self):
        self.begun[0] = 1
        await asyncio.Event().wait()
    async def own_task(self):
        self.task = asyncio.ensure_future(self.spin())
        await asyncio.Event().wait()
    async def spin(self):
        self.begun[0] = 1
        while True: pass

def is_in(*names):
    frame = sys._current_frames()[threading.main_thread().ident]
    while frame is not None and frame.f_code.co_name not in names:
        frame = frame.f_back
    return frame is not None

def interrupt_when(begun, *names):
    # The signal comes when the call has begun, and the main thread is in one of these functions.
    def interrupt():
        while not (begun[0] and is_in(*names or ("_wait", "wait"))): time.sleep(0.001)
        signal.raise_signal(signal.SIGINT)
    thread = threading.Thread(target=interrupt)
    thread.start()
    return thread
"""


class Deaths(OnePool):
    def test_calls_fail_everywhere(self):
        for kind, last in (Log, "add"), (Meeting, "wait"):
            with self.subTest(kind.__name__):
                actor, called = self.pool.actor(kind), []
                waiting = [actor.wait(n) for n in range(3)] if kind is Meeting else []
                for future in waiting:
                    future.add_done_callback(lambda future, called=called: called.append(type(future.exception())))
                futures = [actor.die(), *[getattr(actor, last)(n) for n in range(3)]]
                there = self.pool.submit(lambda actor=actor, last=last: getattr(actor, last)(1).exception())
                for future in futures + waiting:
                    self.assertIsInstance(future.exception(PATIENCE), ungil.InterpreterDiedError)
                self.assertIsInstance(there.result(PATIENCE), ungil.InterpreterDiedError)
                self.assertIsInstance(getattr(actor, last)(9).exception(PATIENCE), ungil.InterpreterDiedError)
                actor.close()
                self.assertEqual(called, [ungil.InterpreterDiedError] * len(waiting))
        self.assertEqual(self.pool.submit(pow, 2, 3).result(), 8)


class Interrupts(Programs):
    def test_calls_end_and_the_actor_goes_on(self):
        self.assert_prints(
            CLASSES
            + """
if __name__ == "__main__":
    pool = ungil.InterpreterPoolExecutor(1)
    calls = [(Busy, "run"), (Busy, "sleep"), (Lazy, "run"), (Lazy, "sleep"), (Lazy, "wait"), (Lazy, "own_task")]
    for kind, name in calls:
        begun = bytearray(1)
        with pool.actor(kind, ungil.share(begun, writable=True)) as actor:
            for again in range(2):
                begun[0] = 0
                thread = interrupt_when(begun)
                futures = [getattr(actor, name)(), actor.ok()]
                try:
                    futures[0].result()
                except KeyboardInterrupt:
                    thread.join()
                    assert type(futures[0].exception()) is KeyboardInterrupt
                    assert actor.ok().result() == "ok"
        print(kind.__name__, name)
""",
            *["Busy run", "Busy sleep", "Lazy run", "Lazy sleep", "Lazy wait", "Lazy own_task"],
        )

    def test_in_a_with_block_and_while_it_is_closed(self):
        self.assert_prints(
            CLASSES
            + """
CASES = [
    (Busy, "run", "block"),
    (Busy, "stubborn", "close"),
    (Busy, "run", "shutdown"),
    (Lazy, "stubborn", "block"),
    (Lazy, "run", "close"),
    (Lazy, "stubborn", "shutdown"),
]

def block():
    while True: time.sleep(1)

if __name__ == "__main__":
    for kind, name, where in CASES:
        begun = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1)
        try:
            with pool.actor(kind, ungil.share(begun, writable=True)) as actor:
                thread = interrupt_when(begun, *["block"] * (where == "block"))
                future = getattr(actor, name)()
                if where == "block":
                    block()
                elif where == "shutdown":
                    pool.shutdown()
        except KeyboardInterrupt:
            thread.join()
            print(kind.__name__, where, type(future.exception(10)).__name__)
        pool.shutdown()
""",
            "Busy block KeyboardInterrupt",
            "Busy close RuntimeError",
            "Busy shutdown KeyboardInterrupt",
            "Lazy block RuntimeError",
            "Lazy close KeyboardInterrupt",
            "Lazy shutdown RuntimeError",
        )

    def test_while_the_object_is_made(self):
        self.assert_prints(
            CLASSES
            + """
class Slow(Busy):
    def __init__(self, begun):
        begun[0] = 1
        while True: pass

if __name__ == "__main__":
    begun = bytearray(1)
    pool = ungil.InterpreterPoolExecutor(1)
    interrupt_when(begun)
    actor = pool.actor(Slow, ungil.share(begun, writable=True))
    for _ in range(2):
        try:
            actor.ok().result()
        except RuntimeError as error:
            print(error)
            break
        except KeyboardInterrupt:
            print("interrupted")
    pool.shutdown()
""",
            "interrupted",
            "the actor has no object: Ctrl-C came before it was made",
        )

    def test_a_program_that_is_interrupted_ends(self):
        script = (
            "import ungil\n"
            + CLASSES
            + """
if __name__ == "__main__":
    begun = bytearray(1)
    pool = ungil.InterpreterPoolExecutor(1)
    kind = Lazy if sys.argv[1] == "Lazy" else Busy
    actor = pool.actor(kind, ungil.share(begun, writable=True))
    interrupt_when(begun)
    future = getattr(actor, sys.argv[2])()
    future.result()
"""
        )
        for arguments in ("Busy", "stubborn"), ("Lazy", "wait"):
            with self.subTest(arguments):
                status, _, errors = run_script(script, *arguments)
                self.assertIn("KeyboardInterrupt", errors)
                self.assertNotEqual(status, -9, "it hangs")


class WholePrograms(Programs):
    def test_the_end_of_the_program(self):
        """Tasks come first, which may call actors; then actors, the last one first."""
        self.assert_prints(
            """
            import asyncio

            class Printer:
                def __init__(self, name="first"): self.name = name
                def print(self, text): print(text, flush=True)
                def close(self): print("closed", self.name, flush=True)

            class Slow(Printer):
                async def wait(self): await asyncio.sleep(0.1)

            def by_global(text):
                actor.print(text).result()

            if __name__ == "__main__":
                pool = ungil.InterpreterPoolExecutor(1)
                actor = pool.actor(Printer)
                other = pool.actor(Slow, "last")
                other.print("of another").result()
                print("end", flush=True)
                for n in range(3):
                    actor.print(n)
                waiting = other.wait()
                pool.submit(by_global, "of a task at the end")
            """,
            *["of another", "end", "0", "1", "2", "of a task at the end", "closed last", "closed first"],
        )

    def test_handles_in_globals(self):
        self.assert_prints(
            """
            class Names(list):
                pass

            def by_global(text):
                actor.append(text).result()
                return actor

            def is_known(other):
                return actor is other

            if __name__ == "__main__":
                pool = ungil.InterpreterPoolExecutor(1)
                actor = pool.actor(Names)
                there = pool.submit(by_global, "of a task").result()
                print(there is actor, pool.submit(is_known, actor).result(), list(actor.copy().result()))
            """,
            "True True ['of a task']",
        )

    def test_a_child_that_exits_with_actors(self):
        self.assert_prints(
            CLASSES
            + """
if __name__ == "__main__":
    pool = ungil.InterpreterPoolExecutor(1)
    begun = bytearray(1)
    actors = [pool.actor(kind, ungil.share(begun, writable=True)) for kind in (Busy, Lazy)]
    futures = [actors[0].sleep(), actors[1].wait(), actors[0].ok()]
    futures[1].add_done_callback(lambda future: print("called"))
    while not all(future.running() for future in futures[:2]): time.sleep(0.001)
    if os.fork() == 0:
        signal.alarm(30)
        assert all(type(future.exception(1)) is ungil.BrokenInterpreterPool for future in futures)
        for actor in actors: actor.close()
        own = ungil.InterpreterPoolExecutor(1)
        with own.actor(Busy) as actor: print(actor.ok().result(), flush=True)
        sys.exit(7)
    print(os.wait()[1] >> 8, flush=True)
    os._exit(0)
""",
            "ok",
            "7",
        )


ACTORS = int(os.environ.get("UNGIL_TEST_ACTORS", 0)) or rounds(900, 36)


class Many(OnePool):
    def test_nothing_grows(self):
        """Actors that are made, called and dropped, with loops and without."""
        kinds, counts = (Log, Meeting), []
        for _ in range(3):
            for i in range(ACTORS // 3):
                actor = self.pool.actor(kinds[i % 2])
                (actor.pause(1) if i % 2 else actor.add(1)).result()
                if i % 3:
                    actor.close()
                thread = actor._caller.thread
                del actor
            until(thread.finished.wait)
            del thread
            gc.collect()
            until(lambda: all("_actor_" not in thread.name for thread in threading.enumerate()))
            counts.append((len(os.listdir("/proc/self/task")), len(os.listdir("/proc/self/fd")), memory()))
        (first_threads, first_fds, first_memory), (last_threads, last_fds, last_memory) = counts[1], counts[-1]
        self.assertLessEqual((last_threads, last_fds), (first_threads, first_fds))
        self.assertLess(last_memory - first_memory, 8 << 20, counts)


@unittest.skipUnless(os.path.exists(os.path.join(TESTS, "..", "examples")), "SKIP: the examples are not here")
class Example(Programs):
    def test_it_runs(self):
        with open(os.path.join(TESTS, "..", "examples", "python", "actors.py")) as file:
            status, output, errors = run_script(file.read(), "10")
        found = r"(78498 primes below 1000000|9\d % of the digits recognized), in 10 answers of one model\n"
        self.assertRegex(output, found, errors)
        self.assertEqual(status, 0, errors)


if __name__ == "__main__":
    unittest.main()
