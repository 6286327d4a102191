"""Futures that the program ends, or marks as running: they keep the result that they have, and the pool goes on."""

import concurrent.futures as cf
import logging
import sys
import threading
import time
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS

SOON = 60  # seconds; everything here is faster, if it ends at all


def wait_at_the_gate():
    while not sys.modules["__main__"].gate[0]:
        time.sleep(0.001)


def set_result(future):
    future.set_result("own")


def set_exception(future):
    future.set_exception(KeyError("own"))


def cancel(future):
    assert future.cancel() and future.cancel()


def cancel_and_notify(future):
    assert future.cancel() and not future.set_running_or_notify_cancel() and future.cancel()


def set_running(future):
    assert future.set_running_or_notify_cancel()


def run_and_end(future):
    set_running(future)
    set_result(future)


ENDS = (set_result, set_exception, cancel, cancel_and_notify, set_running, run_and_end)
OF_THE_TASK = ("result", 8)
HAS = {
    set_result: ("result", "own"),
    set_exception: ("exception", KeyError),
    cancel: ("exception", cf.CancelledError),
    cancel_and_notify: ("exception", cf.CancelledError),
    set_running: OF_THE_TASK,
    run_and_end: ("result", "own"),
}


def outcome(future):
    try:
        return "result", future.result(SOON)
    except (Exception, cf.CancelledError) as error:
        return "exception", type(error)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class OwnedFutures(unittest.TestCase):
    def setUp(self):
        """A pool of one worker, which runs a task until the gate opens."""
        patcher = mock.patch.object(logging.getLogger("concurrent.futures"), "critical")
        self.critical = patcher.start()
        self.addCleanup(patcher.stop)
        self.gate = bytearray(1)
        self.pool = ungil.InterpreterPoolExecutor(1, share={"gate": self.gate})
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.go)  # comes before
        self.first = self.run_one()

    def run_one(self):
        """The future of a task that runs until the gate opens."""
        self.gate[0] = 0
        future = self.pool.submit(wait_at_the_gate)
        while not future.running():
            time.sleep(0.001)
        return future

    def go(self):
        self.gate[0] = 1

    def assert_the_pool_goes_on(self):
        self.assertEqual(self.pool.submit(pow, 3, 3).result(SOON), 27)
        self.assertEqual(list(self.pool.map(pow, [2, 3], [2, 2], timeout=SOON)), [4, 9])
        self.pool.shutdown()
        self.assertEqual(self.critical.mock_calls, [])

    def test_queued_ones(self):
        futures = {end: self.pool.submit(pow, 2, 3) for end in ENDS}
        last = self.pool.submit(pow, 2, 4)
        for end, future in futures.items():
            end(future)
        self.go()
        self.assertEqual(last.result(SOON), 16)
        for end, future in futures.items():
            self.assertEqual(outcome(future), HAS[end], end.__name__)
        self.assertEqual(set(cf.as_completed(futures.values(), SOON)), set(futures.values()))
        self.assertEqual(cf.wait(futures.values(), SOON).not_done, set())
        self.assert_the_pool_goes_on()

    def test_queued_ones_when_the_queue_is_cancelled(self):
        futures = {end: self.pool.submit(pow, 2, 3) for end in ENDS}
        last = self.pool.submit(pow, 2, 4)
        for end, future in futures.items():
            end(future)
        self.pool.shutdown(wait=False, cancel_futures=True)
        self.go()
        for end, future in futures.items():
            expected = HAS[end] if end is not set_running else ("exception", cf.CancelledError)
            self.assertEqual(outcome(future), expected, end.__name__)
        self.assertTrue(last.cancelled())
        self.assertEqual(cf.wait([*futures.values(), last], SOON).not_done, set())
        self.pool.shutdown()
        self.assertEqual(self.critical.mock_calls, [])

    def test_queued_ones_when_the_pool_breaks(self):
        def fail():
            raise OSError("no")

        pool = ungil.InterpreterPoolExecutor(1, initializer=fail)
        begin, has_begun = threading.Event(), threading.Event()
        start = pool._pool._start

        def start_later():
            has_begun.set()
            begin.wait(SOON)
            return start()

        with mock.patch.object(pool._pool, "_start", start_later):
            futures = {end: pool.submit(pow, 2, 3) for end in ENDS}
            last = pool.submit(pow, 2, 4)
            has_begun.wait(SOON)
            for end, future in futures.items():
                end(future)
            begin.set()
            for end, future in futures.items():
                expected = HAS[end] if end is not set_running else ("exception", ungil.BrokenInterpreterPool)
                self.assertEqual(outcome(future), expected, end.__name__)
            self.assertIsInstance(last.exception(SOON), ungil.BrokenInterpreterPool)
            pool.shutdown()

    def test_running_ones(self):
        self.go()
        self.first.result(SOON)
        for end in (set_result, set_exception):
            running = self.run_one()
            end(running)
            self.go()
            self.assertEqual(outcome(running), HAS[end])
            self.assertEqual(self.pool.submit(pow, 2, 2).result(SOON), 4)  # the task has ended
            self.assertEqual(outcome(running), HAS[end])
        self.assert_the_pool_goes_on()


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class WatchedFutures(unittest.TestCase):
    """Those with callbacks, or that somebody waits for together with others: the pool's own thread ends them."""

    def test_callbacks_may_wait_for_other_tasks(self):
        found, is_done = [], threading.Event()

        def submit_more(_):
            futures = [pool.submit(pow, 2, n) for n in range(5)]
            found.append(sum(future.result(SOON) for future in cf.as_completed(futures, SOON)))
            last = pool.submit(pow, 2, 3)
            last.add_done_callback(lambda _: found.append("callback"))
            found.append(last.result(SOON))
            found.append(cf.wait([pool.submit(pow, 2, 4)], SOON).done.pop().result())
            is_done.set()

        with ungil.InterpreterPoolExecutor(1) as pool:
            pool.submit(pow, 2, 2).add_done_callback(submit_more)
            self.assertTrue(is_done.wait(SOON))
        self.assertEqual(set(found), {31, "callback", 8, 16})

    def test_callbacks_are_called_once_and_in_order(self):
        called = []
        with ungil.InterpreterPoolExecutor(2) as pool:
            futures = [pool.submit(pow, 2, n) for n in range(200)]
            for future in futures:
                for i in range(3):
                    future.add_done_callback(lambda future, i=i: called.append((id(future), i)))
                    future.done()
            self.assertEqual(cf.wait(futures, SOON).not_done, set())
            cancelled = pool.submit(time.sleep, 0)
            cancelled.add_done_callback(lambda future: called.append((id(future), 0)))
            cancelled.cancel()
        for future in futures:
            self.assertEqual([i for who, i in called if who == id(future)], [0, 1, 2])
        self.assertEqual(called.count((id(cancelled), 0)), 1)

    def test_waiting_for_several_that_end_at_the_same_time(self):
        with ungil.InterpreterPoolExecutor(2) as pool:
            for _ in range(100):
                futures = [pool.submit(pow, 2, n) for n in range(5)]
                for when in (cf.FIRST_COMPLETED, cf.FIRST_EXCEPTION, cf.ALL_COMPLETED):
                    self.assertTrue(cf.wait(futures, SOON, when).done)
                futures += [pool.submit(pow, 2, n) for n in range(5)]
                self.assertEqual(set(cf.as_completed(futures, SOON)), set(futures))

    def test_a_task_that_comes_while_the_pool_breaks(self):
        """Its future would never end if it were in the queue of a pool that has no workers any more."""
        pool, comes = ungil.InterpreterPoolExecutor(1), []
        inner, inbox = pool._pool, pool._pool._inbox

        def submit_too(*, running):
            give_up(running=running)
            with self.assertRaises(RuntimeError):
                comes.append(pool.submit(pow, 2, 3))

        give_up = inbox.give_up
        with mock.patch.object(inner, "_check"), mock.patch.object(inbox, "give_up", submit_too):
            inner._break("a test", ValueError("why"))
        self.assertEqual(comes, [])
        pool.shutdown()

    def test_many_threads_wait_for_one_future(self):
        with ungil.InterpreterPoolExecutor(1, share={"gate": (gate := bytearray(1))}) as pool:
            future, results = pool.submit(lambda: wait_at_the_gate() or [1]), []
            threads = [threading.Thread(target=lambda: results.append(future.result(SOON))) for _ in range(8)]
            for thread in threads:
                thread.start()
            gate[0] = 1
            for thread in threads:
                thread.join()
        self.assertEqual(len({id(result) for result in results}), 1, "there is one result")


if __name__ == "__main__":
    unittest.main()
