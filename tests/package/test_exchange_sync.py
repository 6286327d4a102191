"""ungil.Event, Lock, Barrier and Counter: between threads, tasks and interpreters."""

import asyncio
import contextlib
import queue
import threading
import time
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS
from ungil import aio
from ungil._native import signatures as c
from ungil.exchange import _waiting as waiting


class Local(unittest.TestCase):
    """In one Python: as those of threading."""

    def test_event(self):
        event = ungil.Event()
        self.assertFalse(event.is_set())
        self.assertFalse(event.wait(0.001))
        self.assertFalse(event.wait(-1))
        thread = threading.Thread(target=event.wait)
        thread.start()
        event.set()
        thread.join()
        self.assertTrue(event.is_set() and event.wait() and event.wait(0))
        event.clear()
        self.assertFalse(event.is_set())

    def test_an_event_that_is_cleared_at_once_wakes_who_waits(self):
        event, times = ungil.Event(), []

        def late(*arguments):
            """Waits after the event was set and cleared."""
            event.set()
            event.clear()
            times.append(1)
            return waiting.wait(*arguments)

        with mock.patch("ungil.exchange.sync.wait", late):
            self.assertTrue(event.wait(0.001))
        self.assertEqual((len(times), event.is_set(), event.wait(0)), (1, False, False))

    def test_lock(self):
        lock = ungil.Lock()
        self.assertRaisesRegex(RuntimeError, "release unlocked lock", lock.release)
        with lock as taken:
            self.assertTrue(taken and lock.locked())
            self.assertFalse(lock.acquire(False))
            self.assertFalse(lock.acquire(timeout=0.001))
            self.assertRaises(ValueError, lock.acquire, False, 1)
            self.assertRaises(ValueError, lock.acquire, True, -2)
            with ungil.Control(deadline=0) as control:
                self.assertRaises(ungil.TimeoutError, lock.acquire, control=control)
        self.assertFalse(lock.locked())
        self.assertTrue(lock.acquire(timeout=0))
        thread = threading.Thread(target=lock.release)  # any thread may
        thread.start()
        self.assertTrue(lock.acquire())
        thread.join()

    def test_counter(self):
        counter = ungil.Counter(5)
        self.assertEqual((counter.add(-7), counter.add(), counter.value), (-2, -1, -1))
        counter.value = 2**63 - 1
        self.assertRaises(OverflowError, counter.add)
        self.assertRaises(OverflowError, counter.add, 2**63)
        self.assertRaises(OverflowError, ungil.Counter, 2**63)
        self.assertRaises(TypeError, counter.add, 1.5)
        self.assertRaises(ValueError, counter.wait, 2, 1)
        self.assertEqual([counter.wait(1), counter.wait()], [2**63 - 1] * 2)
        self.assertIsNone(counter.wait(at_most=0, timeout=0.001))
        thread = threading.Thread(target=counter.wait, args=(3, 4))
        thread.start()
        counter.value = 0
        for _ in range(3):
            counter.add()
        thread.join()

    def test_barrier(self):
        acted = []
        barrier = ungil.Barrier(3, action=lambda: acted.append(1), timeout=60)
        self.assertEqual((barrier.parties, barrier.n_waiting, barrier.broken), (3, 0, False))
        numbers = []

        def pass_often():
            numbers.extend(barrier.wait() for _ in range(20))

        threads = [threading.Thread(target=pass_often) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual((sorted(numbers), len(acted)), (sorted([0, 1, 2] * 20), 20))
        for number in 0, -1:
            self.assertRaises(ValueError, ungil.Barrier, number)

    def test_a_barrier_breaks(self):
        barrier = ungil.Barrier(2)
        self.assertRaises(threading.BrokenBarrierError, barrier.wait, 0.03)
        self.assertTrue(barrier.broken)
        self.assertRaises(threading.BrokenBarrierError, barrier.wait)
        for end in barrier.abort, barrier.reset:
            barrier.reset()
            self.assertFalse(barrier.broken)
            errors = []

            def wait(errors=errors):
                try:
                    barrier.wait()
                except threading.BrokenBarrierError as error:
                    errors.append(error)

            thread = threading.Thread(target=wait)
            thread.start()
            while not barrier.n_waiting and not errors:
                pass
            end()
            thread.join()
            self.assertEqual(len(errors), 1)
        failing = ungil.Barrier(1, action=lambda: 1 / 0)
        self.assertRaises(ZeroDivisionError, failing.wait)
        self.assertTrue(failing.broken)

    def test_no_timeout_passes_while_the_action_runs(self):
        barrier = ungil.Barrier(2, action=lambda: time.sleep(0.3), timeout=0.2)  # longer than a slice of the wait
        numbers = []
        thread = threading.Thread(target=lambda: numbers.append(barrier.wait()))
        thread.start()
        numbers.append(barrier.wait(60))
        thread.join()
        self.assertEqual((sorted(numbers), barrier.n_waiting, barrier.broken), ([0, 1], 0, False))

    def test_a_party_stays_between_the_slices_of_its_wait(self):
        barrier, statuses = ungil.Barrier(2), []

        def sliced(call, timeout=None):
            statuses.append(call(1, 0))
            barrier.reset()
            return waiting.wait(call, timeout)

        with mock.patch("ungil.exchange.barriers.wait", sliced):
            self.assertRaises(threading.BrokenBarrierError, barrier.wait, 60)
        self.assertEqual((statuses, barrier.n_waiting, barrier.broken), ([c.UNGIL_E_TIMED_OUT], 0, False))

    def test_a_wait_that_ends_by_an_exception(self):
        barrier = ungil.Barrier(2)
        with ungil.Control(deadline=0.001) as control:
            self.assertRaises(ungil.TimeoutError, barrier.wait, control=control)
        with ungil.Control() as control:
            control.cancel()
            self.assertRaises(ungil.CancelledError, barrier.wait, control=control)

        def interrupted(call, timeout=None):
            call(1, 0)
            raise KeyboardInterrupt

        with mock.patch("ungil.exchange.barriers.wait", interrupted):
            self.assertRaises(KeyboardInterrupt, barrier.wait)
        self.assertEqual((barrier.n_waiting, barrier.broken), (0, False))
        acting = ungil.Barrier(1, action=mock.Mock(side_effect=KeyboardInterrupt))
        self.assertRaises(KeyboardInterrupt, acting.wait)
        self.assertTrue(acting.broken)

    def test_a_reset_while_the_action_runs(self):
        outcomes = []

        def party(barrier):
            try:
                outcomes.append(barrier.wait(60))
            except (threading.BrokenBarrierError, ZeroDivisionError) as error:
                outcomes.append(type(error).__name__)

        def act():
            barrier.reset()
            more = [threading.Thread(target=party, args=(barrier,)) for _ in range(acts_once.add(1))]
            for thread in more:
                thread.start()
            while more and not barrier.n_waiting:
                time.sleep(0.001)
            threads.extend(more)
            if more:
                raise ZeroDivisionError

        for fails in False, True:
            acts_once, threads = ungil.Counter(0 if fails else -1), []
            barrier = ungil.Barrier(2, act)
            outcomes.clear()
            party_of_this_phase = threading.Thread(target=party, args=(barrier,))
            party_of_this_phase.start()
            party(barrier)
            party_of_this_phase.join()
            self.assertFalse(barrier.broken)  # neither by the reset, nor in the phase after it
            ends = ["BrokenBarrierError", "ZeroDivisionError" if fails else "BrokenBarrierError"]
            self.assertEqual((sorted(outcomes), barrier.n_waiting), (ends, len(threads)))
            barrier.abort()
            for thread in threads:
                thread.join()

    def test_a_party_of_the_next_phase_has_time_from_its_arrival_on(self):
        """Whether its time would end while the last phase is held, or later."""
        for seconds in 0.01, 0.4:
            with self.subTest(seconds=seconds):
                acts, goes_on, times = threading.Event(), threading.Event(), []
                barrier = ungil.Barrier(2, lambda acts=acts, goes_on=goes_on: (acts.set(), goes_on.wait(60)))
                parties = [threading.Thread(target=barrier.wait) for _ in range(2)]
                for thread in parties:
                    thread.start()
                acts.wait()

                def go_on(times=times, goes_on=goes_on):
                    times.append(time.monotonic())
                    goes_on.set()

                threading.Timer(0.3, go_on).start()
                self.assertRaises(threading.BrokenBarrierError, barrier.wait, seconds)
                self.assertGreaterEqual(time.monotonic() - times[0], seconds)
                self.assertTrue(barrier.broken)
                for thread in parties:
                    thread.join()


class Controls(unittest.TestCase):
    """Between two slices of a wait, the library does not know that its control is in use."""

    def wait_sliced(self, between, **options):
        """A wait for an event whose control is `control`: between(control) is called after the first slice."""
        control = ungil.Control(**options)
        calls = []

        def poll():
            if not calls:
                calls.append(between(control))

        with mock.patch.object(waiting, "_slice", lambda: (poll(), 1)[1]):
            return ungil.Event().wait(0.2, control=control)

    def test_a_short_call_comes_between(self):
        self.assertFalse(self.wait_sliced(lambda control: ungil.Event().wait(0, control=control)))

        def use_for_a_while(control):
            threads.append(threading.Thread(target=lambda: ungil.compat.pi(10**8, threads=1, control=control)))
            threads[0].start()
            while control.progress.total < 2:
                time.sleep(0.001)

        threads = []
        self.assertFalse(self.wait_sliced(use_for_a_while))
        threads[0].join()

    def test_what_is_there_is_found_while_another_call_uses_it(self):
        control, queue = ungil.Control(), ungil.Queue()

        def compute():
            with contextlib.suppress(ungil.CancelledError):
                ungil.compat.pi(10**12, threads=1, control=control)

        def between():
            if not queue.qsize() and control.progress.total < 2:
                thread.start()
                while control.progress.total < 2:
                    time.sleep(0.001)
                queue.put("item")
            return 20

        thread = threading.Thread(target=compute)
        with mock.patch.object(waiting, "_slice", between):
            self.assertEqual(queue.get(timeout=60, control=control), "item")
        control.cancel()
        thread.join()

    def test_it_is_closed_between(self):
        self.assertRaises(ungil.CancelledError, self.wait_sliced, lambda control: control.close())

    def test_another_call_fails_between(self):
        def fail(control):
            with ungil.Control(deadline=0) as expired:
                self.assertRaises(ungil.TimeoutError, ungil.Event().wait, control=expired)

        self.assertFalse(self.wait_sliced(fail))
        self.assertRaises(ungil.TimeoutError, self.wait_sliced, fail, deadline=0.05)


class Awaited(unittest.TestCase):
    """In asyncio."""

    def test_items_and_waits_are_awaited(self):
        async def main():
            shared, lock, event = ungil.Queue(1), ungil.Lock(), ungil.Event()
            waits = [asyncio.ensure_future(aio.get(shared)), asyncio.ensure_future(aio.wait(event))]
            await aio.put(shared, "first")
            event.set()
            self.assertEqual(await asyncio.gather(*waits), ["first", True])
            await aio.put(shared, "second")
            later = asyncio.ensure_future(aio.put(shared, "third"))
            self.assertEqual([await aio.get(shared), await aio.get(shared)], ["second", "third"])
            await later
            self.assertTrue(await aio.acquire(lock))
            self.assertFalse(await aio.acquire(lock, 0.001))
            with self.assertRaises(queue.Empty):
                await aio.get(shared, timeout=0.001)
            return shared, lock

        shared, lock = asyncio.run(main())

        async def cancelled():
            for wait in aio.get(shared), aio.acquire(lock), aio.wait(ungil.Counter(), 1):
                task = asyncio.ensure_future(wait)
                await asyncio.sleep(0)
                task.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await task

        asyncio.run(cancelled())
        shared.put("not lost")
        lock.release()
        self.assertEqual((shared.get(), lock.acquire(False)), ("not lost", True))


def work(event, lock, counter, barrier, rounds):
    event.wait()
    for _ in range(rounds):
        with lock:
            counter.value = counter.value + 1  # not in one step
    return barrier.wait()


def start_waiting(barrier):
    def wait():
        with contextlib.suppress(ungil.Error):  # the interpreter has ended
            barrier.wait()

    threading.Thread(target=wait, daemon=True).start()
    while not barrier.n_waiting:
        time.sleep(0.001)


def die():
    import os

    os._exit(3)


def interpreter_waits(interpreter, barrier):
    while not barrier.n_waiting:  # so that the interpreter's party is the last one
        time.sleep(0.001)
    with contextlib.suppress(ungil.InterpreterDiedError):
        interpreter.call(barrier.wait)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class BetweenInterpreters(unittest.TestCase):
    def test_tasks_and_the_program_use_them_together(self):
        event, lock, counter = ungil.Event(), ungil.Lock(), ungil.Counter()
        passed = ungil.Counter()
        barrier = ungil.Barrier(3, action=lambda: passed.add(), timeout=60)
        with ungil.InterpreterPoolExecutor(2) as pool:
            futures = [pool.submit(work, event, lock, counter, barrier, 200) for _ in range(2)]
            threading.Thread(target=event.set).start()
            numbers = [work(event, lock, counter, barrier, 200), *(future.result() for future in futures)]
            self.assertEqual((sorted(numbers), counter.wait(600), passed.value), ([0, 1, 2], 600, 1))
            result = pool.submit(lambda *objects: objects, event, lock, counter, barrier).result()
        for received, sent in zip(result, (event, lock, counter, barrier)):
            self.assertIs(received, sent)

    def test_a_party_leaves_with_its_interpreter(self):
        for end in "pass", "import os; os._exit(3)":
            barrier = ungil.Barrier(2)
            with ungil.Interpreter(fresh=True) as interpreter:
                interpreter.call(start_waiting, barrier)
                self.assertEqual(barrier.n_waiting, 1)
                with contextlib.suppress(ungil.InterpreterDiedError):
                    interpreter.call(exec, end)
            self.assertRaises(threading.BrokenBarrierError, barrier.wait, 0.01)

    def test_the_action_dies(self):
        barrier = ungil.Barrier(2, die)
        with ungil.Interpreter(fresh=True) as interpreter:
            future = threading.Thread(target=interpreter_waits, args=(interpreter, barrier))
            future.start()
            self.assertRaises(threading.BrokenBarrierError, barrier.wait, 60)
            future.join()
        self.assertTrue(barrier.broken)

    def test_a_dead_interpreter_leaves_a_lock_taken_and_others_can_release_it(self):
        lock = ungil.Lock()
        with ungil.Interpreter(fresh=True) as interpreter:
            interpreter.call(ungil.Lock.acquire, lock)
            self.assertRaises(ungil.InterpreterDiedError, interpreter.call, __import__("os").abort)
        self.assertTrue(lock.locked())
        lock.release()
        self.assertTrue(lock.acquire(False))


if __name__ == "__main__":
    unittest.main()
