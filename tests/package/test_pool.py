"""The pool of interpreters: the interface of an executor, and cases in which the standard library's executors fail."""

import concurrent.futures
import gc
import pickle
import sys
import threading
import time
import unittest
import weakref
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, memory, numpy, rounds, run_script


def square(n):
    return n * n


def fail_at(bad, n):
    if n == bad:
        raise ValueError("at %d" % n)
    return n


def wait_at_the_gate():
    while not sys.modules["__main__"].gate[0]:
        time.sleep(0.001)


def fail_at_the_gate():
    wait_at_the_gate()
    raise ValueError("no model")


class Unloadable:
    def __reduce__(self):
        return eval, ("1 / 0",)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Pool(unittest.TestCase):
    def setUp(self):
        self.pool = ungil.InterpreterPoolExecutor(2)
        self.addCleanup(self.pool.shutdown)

    def test_it_is_an_executor(self):
        self.assertIsInstance(self.pool, concurrent.futures.Executor)
        self.assertIsInstance(self.pool.submit(square, 1), concurrent.futures.Future)
        self.assertTrue(issubclass(ungil.BrokenInterpreterPool, concurrent.futures.BrokenExecutor))

    def test_wrong_arguments(self):
        self.assertRaisesRegex(ValueError, "max_workers", ungil.InterpreterPoolExecutor, 0)
        self.assertRaisesRegex(TypeError, "initializer", ungil.InterpreterPoolExecutor, initializer=5)
        self.assertRaises(TypeError, ungil.InterpreterPoolExecutor, 2.5)
        self.assertRaises(TypeError, ungil.InterpreterPoolExecutor, share={"a": 5})
        self.assertRaisesRegex(ValueError, "name", ungil.InterpreterPoolExecutor, share={"for": b""})
        self.assertRaisesRegex(ValueError, "chunksize", self.pool.map, square, [1], chunksize=0)
        self.assertRaisesRegex(ValueError, "buffersize", self.pool.map, square, [1], buffersize=0)
        self.assertRaisesRegex(TypeError, "buffersize", self.pool.map, square, [1], buffersize="1")
        self.assertRaises(TypeError, self.pool.submit)

    def test_interpreters_work_at_the_same_time(self):
        """Each waits for the other: if they took turns, this would not end."""
        if numpy is None:
            self.skipTest("SKIP: numpy is not installed")
        flags = numpy.zeros(2, "i8")

        def meet(flags, own):
            flags[own] = 1
            while not flags[1 - own]:
                pass
            return own

        futures = [self.pool.submit(meet, ungil.share(flags, writable=True), own) for own in range(2)]
        self.assertEqual([future.result(60) for future in futures], [0, 1])

    def test_map(self):
        for size in (1, 3, 1000):
            self.assertEqual(list(self.pool.map(square, range(500), chunksize=size)), [n * n for n in range(500)])
        self.assertEqual(list(self.pool.map(pow, [2, 3], (n for n in (4, 5, 6)))), [16, 243])
        self.assertEqual(list(self.pool.map(square, [])), [])
        self.assertEqual(list(self.pool.map(lambda n, m=3: n * m, range(3))), [0, 3, 6])

    def test_map_reads_no_more_than_buffersize(self):
        taken = []

        def numbers():
            for n in range(100):
                taken.append(n)
                yield n

        results = self.pool.map(square, numbers(), buffersize=5)
        self.assertEqual(len(taken), 5)
        self.assertEqual([next(results) for _ in range(3)], [0, 1, 4])
        self.assertEqual(len(taken), 8)
        self.assertEqual(sum(results), sum(n * n for n in range(3, 100)))

    def test_map_yields_the_results_before_a_failure(self):
        for size in (1, 4, 100):
            results = self.pool.map(fail_at, [7] * 100, range(100), chunksize=size)
            self.assertEqual([next(results) for _ in range(7)], list(range(7)))
            with self.assertRaisesRegex(ValueError, "at 7") as caught:
                next(results)
            self.assertIn("fail_at", str(caught.exception.__cause__))

    def test_map_yields_the_results_before_an_interrupt(self):
        def interrupt_at(bad, n):
            if n == bad:
                raise KeyboardInterrupt
            return n

        for bad in (7, 50):  # later tasks go together in larger requests
            results = self.pool.map(interrupt_at, [bad] * 100, range(100))
            self.assertEqual([next(results) for _ in range(bad)], list(range(bad)))
            self.assertRaises(KeyboardInterrupt, next, results)

    def test_one_result_of_map_that_does_not_pickle(self):
        def make(n):
            return threading.Lock() if n == 90 else n

        for size in (1, 7):
            results = self.pool.map(make, range(100), chunksize=size)
            self.assertEqual([next(results) for _ in range(90)], list(range(90)))
            self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle", next, results)

    def test_an_argument_of_map_that_cannot_be_loaded(self):
        results = self.pool.map(type, [1, Unloadable()] + [b"x" * 70000] * 3)
        self.assertEqual(next(results), int)
        self.assertRaises(ZeroDivisionError, next, results)
        self.assertEqual(self.pool.submit(square, 3).result(60), 9)

    def test_a_callback_that_ends_programs_ends_no_worker(self):
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1, share={"gate": gate})
        future = pool.submit(wait_at_the_gate)
        future.add_done_callback(lambda _: sys.exit(1))
        with self.assertLogs("concurrent.futures", "CRITICAL"):
            gate[0] = 1
            future.result(60)
            self.assertEqual(pool.submit(square, 3).result(60), 9)
        pool.shutdown()

    def test_a_callback_that_waits_for_its_own_worker(self):
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1, share={"gate": gate})
        future = pool.submit(wait_at_the_gate)
        future.add_done_callback(lambda _: pool.shutdown())
        queued = pool.submit(square, 3)
        with self.assertLogs("concurrent.futures") as logs:
            gate[0] = 1
            self.assertEqual(queued.result(60), 9)
            pool.shutdown()  # when all callbacks have been called
        self.assertIn("RuntimeError: cannot join current thread", logs.output[0])

    def test_map_with_a_timeout(self):
        results = self.pool.map(time.sleep, [600], timeout=0.1)
        self.assertRaises(concurrent.futures.TimeoutError, next, results)
        self.pool._pool.stop()

    def test_a_pickling_error_is_the_exception_of_the_future(self):
        future = self.pool.submit(square, threading.Lock())
        self.assertRegex(str(future.exception()), "pickle")
        self.assertRegex(str(self.pool.submit(threading.Lock).exception()), "pickle")
        self.assertEqual(self.pool.submit(square, 3).result(), 9)

    def test_an_exit_is_the_exception_of_the_future(self):
        for error in (SystemExit(1), KeyboardInterrupt(), BaseException("base")):

            def fail(error=error):
                raise error

            self.assertIs(type(self.pool.submit(fail).exception()), type(error))
        self.assertEqual(self.pool.submit(square, 3).result(), 9)

    def test_arguments_are_pickled_by_submit(self):
        items = [1]
        future = self.pool.submit(time.sleep, 0.1)
        length = [self.pool.submit(len, items) for _ in range(4)]
        items.append(2)
        future.result()
        self.assertEqual([one.result() for one in length], [1] * 4)

    def test_futures_are_freed(self):
        future = self.pool.submit(square, 4)
        future.result()
        reference = weakref.ref(future)
        del future
        self.pool.submit(square, 5).result()
        gc.collect()
        self.assertIsNone(reference())

    def test_waiting_for_cancelled_futures_ends(self):
        pool = ungil.InterpreterPoolExecutor(1)
        futures = [pool.submit(time.sleep, 0.05) for _ in range(20)]
        pool.shutdown(wait=False, cancel_futures=True)
        done, rest = concurrent.futures.wait(futures, timeout=60)
        self.assertEqual((len(done), len(rest)), (20, 0))
        self.assertEqual(len(list(concurrent.futures.as_completed(futures, timeout=60))), 20)

    def test_a_shutdown_that_cancels_lets_running_tasks_finish(self):
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1, share={"gate": gate})
        futures = [pool.submit(wait_at_the_gate) for _ in range(5)]
        while not futures[0].running():
            time.sleep(0.001)
        pool.shutdown(wait=False, cancel_futures=True)
        gate[0] = 1
        pool.shutdown()
        self.assertEqual([future.cancelled() for future in futures], [False] + [True] * 4)
        self.assertIsNone(futures[0].result())

    def test_calls_and_maps_of_one_function(self):
        list(self.pool.map(pow, range(64), range(64)))  # now tasks are so short that several go in one request
        for _ in range(20):
            results = self.pool.map(pow, [2] * 40, [4] * 40)
            futures = [self.pool.submit(pow, 2, 3) for _ in range(40)]
            self.assertEqual(list(results), [16] * 40)
            self.assertEqual([future.result() for future in futures], [8] * 40)

    def test_where_no_thread_can_start(self):
        def write(data):
            data[0] = 1

        data = bytearray(1)
        with ungil.InterpreterPoolExecutor(1) as pool:
            with mock.patch("threading.Thread.start", side_effect=RuntimeError("can't start new thread")):
                self.assertRaises(RuntimeError, pool.submit, write, ungil.share(data, writable=True))
            self.assertEqual(pool.submit(pow, 2, 3).result(60), 8)
        self.assertEqual(data[0], 0)

    def test_shared_memory(self):
        data = bytearray(b"abc")
        with ungil.InterpreterPoolExecutor(2, share={"data": ungil.share(data, writable=True)}) as pool:

            def write(place):
                import __main__

                __main__.data[place] = 120
                return bytes(__main__.data)

            self.assertEqual(len(list(pool.map(write, [0, 2]))), 2)
        self.assertEqual(data, b"xbx")

    def test_a_pool_that_is_freed_ends_its_threads(self):
        pool = ungil.InterpreterPoolExecutor(2)
        future = pool.submit(square, 6)
        workers = list(pool._pool.workers)
        del pool
        gc.collect()
        self.assertEqual(future.result(60), 36)
        for worker in workers:
            worker.join(60)
            self.assertFalse(worker.is_alive())

    def test_many_pools_use_the_same_interpreters(self):
        import ctypes

        from ungil._native.library import library

        def count():
            counts = ctypes.c_int32(), ctypes.c_int32()
            library.ungil_interp_count(*map(ctypes.byref, counts))
            return sum(number.value for number in counts)

        before = None
        for _ in range(rounds(20, 3)):
            with ungil.InterpreterPoolExecutor(2) as pool:
                list(pool.map(square, range(8)))
            before = before or count()
        self.assertLessEqual(count(), before + 1)

    def test_a_hundred_thousand_tasks_leave_nothing(self):
        """Calls, maps, exceptions, and memory in both directions. The first rounds fill caches."""

        def fails():
            raise ValueError

        data = bytearray(20000)

        def round_of_5000():
            self.assertEqual(sum(self.pool.map(square, range(3400))), sum(n * n for n in range(3400)))
            self.assertEqual(sum(self.pool.map(abs, range(-1000, 0), chunksize=50)), 500500)
            for future in [self.pool.submit(square, n) for n in range(400)]:
                future.result()
            for future in [self.pool.submit(fails) for _ in range(100)]:
                self.assertIsInstance(future.exception(), ValueError)
            for future in [self.pool.submit(bytes.__len__, bytes(10)) for _ in range(50)]:
                self.assertEqual(future.result(), 10)
            for future in [self.pool.submit(memoryview, ungil.share(data)) for _ in range(50)]:
                self.assertEqual(len(future.result()), 20000)

        sizes = []
        for _ in range(rounds(20, 1)):
            round_of_5000()
            gc.collect()
            sizes.append(memory())
        # The minimum of some rounds: the memory that malloc keeps varies by megabytes, and a leak is in each.
        self.assertLess(min(sizes[-5:]), sizes[rounds(7, 0)] + (4 << 20), sizes)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class BrokenPools(unittest.TestCase):
    def test_a_failing_initializer(self):
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(2, initializer=fail_at_the_gate, share={"gate": gate})
        with self.assertLogs("concurrent.futures", "CRITICAL"):
            futures = [pool.submit(square, n) for n in range(5)]
            gate[0] = 1
            for future in futures:
                with self.assertRaisesRegex(ungil.BrokenInterpreterPool, "no model") as caught:
                    future.result(60)
        self.assertIsInstance(caught.exception.__cause__, ValueError)
        self.assertRaises(ungil.BrokenInterpreterPool, pool.submit, square, 1)
        pool.shutdown()

    def test_waiting_for_a_cancelled_future_ends(self):
        gate = bytearray(1)
        pool = ungil.InterpreterPoolExecutor(1, initializer=fail_at_the_gate, share={"gate": gate})
        with self.assertLogs("concurrent.futures", "CRITICAL"):
            futures = [pool.submit(square, n) for n in range(3)]
            self.assertTrue(futures[2].cancel())
            gate[0] = 1
            self.assertEqual(len(concurrent.futures.wait(futures, timeout=60).done), 3)
        pool.shutdown()

    def test_an_initializer_that_does_not_pickle(self):
        with self.assertRaisesRegex((TypeError, pickle.PicklingError), "pickle"):
            ungil.InterpreterPoolExecutor(1, "", square, (threading.Lock(),))

    def test_after_a_fork(self):
        status, output, errors = run_script("""
            import os, sys, time, threading, ungil
            gate = bytearray(1)
            def wait():
                while not gate[0]:
                    time.sleep(0.001)
            pool = ungil.InterpreterPoolExecutor(1, share={"gate": gate})
            done = pool.submit(pow, 2, 2)
            done.result()
            running, queued = pool.submit(wait), pool.submit(pow, 3, 3)
            child = os.fork()
            if child == 0:
                for future in (running, queued):
                    try:
                        future.result(30)
                    except ungil.BrokenInterpreterPool as error:
                        print("child:", "fork" in str(error))
                try:
                    pool.submit(pow, 1, 1)
                except ungil.BrokenInterpreterPool as error:
                    print("child:", "fork" in str(error))
                with ungil.InterpreterPoolExecutor(1) as own:
                    print("child:", own.submit(pow, 5, 2).result(), done.result())
                pool.shutdown()
                sys.exit(0)
            status = os.waitpid(child, 0)[1]
            gate[0] = 1
            print("parent:", status, queued.result())
        """)
        self.assertEqual(status, 0, errors)
        self.assertEqual(output.splitlines(), ["child: True"] * 3 + ["child: 25 4", "parent: 0 27"], errors)

    def test_after_a_fork_while_the_initializer_runs(self):
        status, output, errors = run_script("""
            import os, time, ungil
            gate = bytearray(2)
            def wait():
                gate[0] = 1
                while not gate[1]:
                    time.sleep(0.001)
            pool = ungil.InterpreterPoolExecutor(1, initializer=wait, share={"gate": ungil.share(gate, writable=True)})
            futures = [pool.submit(pow, 2, 2), pool.submit(pow, 3, 3)]
            while not gate[0]:
                time.sleep(0.001)
            child = os.fork()
            if child == 0:
                print([type(future.exception(30)).__name__ for future in futures], flush=True)
                os._exit(0)
            status = os.waitpid(child, 0)[1]
            gate[1] = 1
            print(status, [future.result() for future in futures])
        """)
        self.assertEqual((status, output), (0, "%s\n0 [4, 27]\n" % (["BrokenInterpreterPool"] * 2)), errors)


if __name__ == "__main__":
    unittest.main()
