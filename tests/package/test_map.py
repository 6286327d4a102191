"""The executor's map: what goes in one request, the order, how far it reads, and what becomes of calls at the end."""

import concurrent.futures as cf
import itertools
import logging
import operator
import threading
import time
import unittest
import weakref
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, Programs, numpy
from ungil.interpreters import _chunks


def square(n):
    return n * n


def add_one(numbers):
    numbers.append(1)
    return numbers


def note(place):
    import __main__

    __main__.made[place] = 1
    return place


def note_at_the_gate(place):
    import __main__

    while place and not __main__.gate[0]:
        time.sleep(0.001)
    return note(place)


class Unloadable:
    def __reduce__(self):
        return eval, ("1 / 0",)


def at_each(items, taken, end=None):
    for item in items:
        taken.append(item)
        yield item
    if end is not None:
        raise end


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Map(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(2)
        cls.addClassCleanup(cls.pool.shutdown)

    def chunks_of(self, *arguments, **options):
        """The results of a map, and how many calls each of its chunks has."""
        sizes, submit = [], self.pool._submit

        def noted(pickled, function, parts):
            sizes.append(len(parts))
            return submit(pickled, function, parts)

        with mock.patch.object(self.pool, "_submit", noted, create=True):
            return list(self.pool.map(*arguments, **options)), sizes

    def test_short_calls_go_together(self):
        results, sizes = self.chunks_of(square, range(5000))
        self.assertEqual(results, [n * n for n in range(5000)])
        self.assertEqual(sizes[:8], [1] * 8)
        self.assertGreater(max(sizes), 1)
        self.assertLessEqual(max(sizes), _chunks.LARGEST)

    def test_long_and_large_calls_go_alone(self):
        for function, arguments in (
            (time.sleep, [0.005] * 20),
            (len, ["x" * 300000] * 20),
            (lambda n: b"x" * n, [4 << 20] * 20),
        ):
            self.assertEqual(self.chunks_of(function, arguments)[1], [1] * 20)

    def test_large_arguments_among_small_ones_go_alone(self):
        arguments = ["x"] * 3000 + ["x" * (_chunks.BYTES - 10)] * 9 + ["x"] * 3000
        sizes, submit = [], self.pool._submit

        def noted(pickled, function, parts):
            sizes.append(sum(map(_chunks._bytes_of, parts)))
            return submit(pickled, function, parts)

        with mock.patch.object(self.pool, "_submit", noted, create=True):
            self.assertEqual(list(self.pool.map(len, arguments)), list(map(len, arguments)))
        self.assertLess(max(sizes), _chunks.BYTES + 1000)

    def test_a_chosen_size_is_kept(self):
        for options in ({}, {"buffersize": 2}):
            results, sizes = self.chunks_of(square, range(10), chunksize=4, **options)
            self.assertEqual((results, sizes), ([n * n for n in range(10)], [1, 1, 1]))  # each part is a chunk

    def test_each_call_has_its_own_arguments_and_result(self):
        shared, kept = [0], "kept = []\ndef add(n):\n    kept.append(n)\n    return kept"
        namespace = {"__name__": "__main__"}
        exec(kept, namespace)
        for options in ({}, {"buffersize": 7}, {"buffersize": 1000}):
            self.assertEqual(list(self.pool.map(add_one, [shared] * 300, **options)), [[0, 1]] * 300)
            lengths = list(map(len, ungil.InterpreterPoolExecutor(1).map(namespace["add"], range(50), **options)))
            self.assertEqual(lengths, list(range(1, 51)))
        self.assertEqual(shared, [0])

    def test_arguments_are_as_they_were_when_they_were_read(self):
        def readings():
            buffer = [0]
            for n in range(300):
                buffer[0] = n
                yield buffer

        self.assertEqual(list(self.pool.map(sum, readings())), list(range(300)))
        self.assertEqual(list(self.pool.map(sum, readings(), buffersize=64)), list(range(300)))

    def test_failures_come_in_their_place(self):
        def at_250(n):
            return 1 // (n - 250)

        cases = [
            (at_250, range(500), ZeroDivisionError),
            (lambda n: threading.Lock() if n == 250 else [n], range(500), (TypeError, cf.BrokenExecutor)),
            (type, [*range(250), Unloadable(), *range(250)], ZeroDivisionError),
            (lambda n: Unloadable() if n == 250 else n, range(500), ZeroDivisionError),
            (type, [*range(250), threading.Lock(), *range(250)], TypeError),
        ]
        for function, arguments, kind in cases:
            for options in ({}, {"buffersize": 40}):
                results = self.pool.map(function, arguments, **options)
                self.assertEqual(len(list(itertools.islice(results, 250))), 250)
                self.assertRaises(kind, next, results)
                self.assertRaises(StopIteration, next, results)

    def test_it_reads_as_far_as_buffersize_allows(self):
        for size in (1, 3, 64, 1000):
            taken = []
            results = self.pool.map(square, at_each(itertools.count(), taken), buffersize=size)
            self.assertEqual(len(taken), size)
            for n in range(700):
                self.assertEqual(next(results), n * n)
                self.assertEqual(len(taken), size + n + 1)
            results.close()
            self.assertEqual(len(taken), size + 700)

    def test_short_calls_go_together_with_buffersize(self):
        results, sizes = self.chunks_of(square, range(3000), buffersize=400)
        self.assertEqual(results, [n * n for n in range(3000)])
        self.assertGreater(max(sizes), 1)
        self.assertLessEqual(max(sizes), 100)

    def test_endless_iterables(self):
        squares = self.pool.map(pow, itertools.count(), itertools.repeat(2))
        self.assertEqual(next(n for n in squares if n > 10**6), 1001**2)
        self.assertRaises(TypeError, len, squares)
        squares.close()
        self.assertEqual(list(self.pool.map(pow, itertools.count(), itertools.repeat(2, 4))), [0, 1, 4, 9])

    def test_what_an_iterable_raises(self):
        taken = []
        self.assertRaises(LookupError, self.pool.map, square, at_each(range(5), taken, LookupError()))
        results = self.pool.map(square, at_each(range(300), taken, LookupError()), buffersize=8)
        self.assertEqual(list(itertools.islice(results, 300)), [n * n for n in range(300)])
        self.assertRaises(LookupError, next, results)

    def test_the_length_is_how_many_results_are_to_come(self):
        for results in (
            self.pool.map(square, iter(range(9))),
            self.pool.map(pow, range(9), range(20), buffersize=2),
            self.pool.map(square, iter(range(9)), chunksize=4),
        ):
            self.assertEqual(len(results), 9)
            next(results)
            self.assertEqual((len(results), operator.length_hint(results), bool(results)), (8, 8, True))
            self.assertEqual(len(list(results)), 8)
            self.assertEqual((len(results), bool(results)), (0, True))
        unknown = self.pool.map(square, iter(range(9)), buffersize=2)
        self.assertRaisesRegex(TypeError, "length", len, unknown)
        self.assertEqual(len(list(unknown)), 9)
        self.assertEqual(list(self.pool.map(square)), [])

    def test_no_result_is_kept(self):
        if numpy is None:
            self.skipTest("SKIP: numpy is not installed")
        results = self.pool.map(numpy.zeros, [10] * 50)
        for _ in range(50):
            result = next(results)
            reference = weakref.ref(result)
            del result
            self.assertIsNone(reference())

    def test_arrays(self):
        if numpy is None:
            self.skipTest("SKIP: numpy is not installed")
        for length in (3, 5000, 100000):
            arrays = [numpy.full(length, n) for n in range(40)]
            for n, result in enumerate(self.pool.map(lambda array: array + 1, arrays)):
                self.assertTrue((result == n + 1).all() and result.flags.writeable)
            self.assertTrue(all(array.flags.writeable for array in arrays))

    def test_a_timeout(self):
        results = self.pool.map(lambda n: n and time.sleep(600), range(50), timeout=0.1)
        with self.assertRaises(cf.TimeoutError):
            list(results)
        self.pool._pool.stop()

    def test_threads_that_map_at_once(self):
        def work(number):
            return all(list(self.pool.map(square, range(200), **options)) == expected for options in ({},) * number)

        expected = [n * n for n in range(200)]
        with cf.ThreadPoolExecutor(4) as threads:
            self.assertEqual(list(threads.map(work, [5] * 4)), [True] * 4)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Ends(unittest.TestCase):
    """Of maps, in pools of one worker, which note the calls that are made."""

    def setUp(self):
        self.gate, self.made = bytearray(1), bytearray(1000)
        share = {"gate": self.gate, "made": ungil.share(self.made, writable=True)}
        self.pool = ungil.InterpreterPoolExecutor(1, share=share)
        self.addCleanup(self.pool.shutdown)
        self.addCleanup(self.gate.__setitem__, 0, 1)  # comes before

    def test_all_calls_are_made_though_nobody_takes_the_results(self):
        def note_and_fail(place):
            note(place)
            return 1 // (place % 3)

        self.pool.map(note_and_fail, range(1000))
        self.pool.shutdown()
        self.assertEqual(sum(self.made), 1000)

    def test_what_is_submitted_later_runs_later(self):
        self.pool.map(note_at_the_gate, range(500))
        total = self.pool.submit(lambda: sum(__import__("__main__").made))
        self.pool.map(note, range(500, 600))
        last = self.pool.submit(lambda: sum(__import__("__main__").made))
        self.gate[0] = 1
        self.assertEqual((total.result(60), last.result(60)), (500, 600))

    def test_the_rest_is_cancelled(self):
        def close(results):
            results.close()

        def shut_down(results):
            self.pool.shutdown(wait=False, cancel_futures=True)

        for end in (close, shut_down):
            with self.subTest(end=end.__name__):
                self.setUp()
                results = self.pool.map(note_at_the_gate, range(1000))
                self.assertEqual(next(results), 0)
                end(results)
                self.gate[0] = 1
                if end is shut_down:
                    self.assertRaises(cf.CancelledError, list, results)
                self.pool.shutdown()
                self.assertLess(sum(self.made), 100)

    def test_many_chunks_are_cancelled(self):
        gate = self.pool.submit(note_at_the_gate, 1)
        results = self.pool.map(abs, range(20000))
        self.pool.submit(abs, 0)  # so all are submitted
        with mock.patch.object(logging.getLogger("concurrent.futures"), "exception") as logged:
            self.pool.shutdown(wait=False, cancel_futures=True)
        logged.assert_not_called()
        self.gate[0] = 1
        self.assertEqual(gate.result(PATIENCE), 1)
        self.assertRaises(cf.CancelledError, next, results)

    def test_what_was_read_ahead_is_submitted_at_the_shutdown(self):
        results = self.pool.map(note_at_the_gate, range(300), buffersize=200)
        self.gate[0] = 1
        self.pool.shutdown()
        self.assertEqual(sum(self.made), 200)
        self.assertEqual([next(results) for _ in range(200)], list(range(200)))

    def test_a_map_that_nobody_began_to_read_keeps_no_pool(self):
        pool = ungil.InterpreterPoolExecutor(1)
        list(pool.map(square, range(300), buffersize=100))
        worker = next(iter(pool._threads))
        pool.map(square, range(300), buffersize=100)
        del pool
        worker.join(PATIENCE)
        self.assertFalse(worker.is_alive())

    def test_after_the_shutdown(self):
        results = self.pool.map(note, itertools.count(), buffersize=4)
        self.pool.shutdown()
        self.assertEqual([next(results) for _ in range(4)], list(range(4)))
        self.assertRaisesRegex(RuntimeError, "after shutdown", next, results)
        self.assertRaisesRegex(RuntimeError, "after shutdown", self.pool.map, note, range(9))


class MapPrograms(Programs):
    def test_a_program_that_ends(self):
        """Its calls are made; a child of it has none."""
        self.assert_prints(
            """
            import os, time

            def wait(n):
                while not gate[0]:
                    time.sleep(0.001)
                os.write(1, b"x" if n < 499 else b"x\\n")

            gate = bytearray(1)
            pool = ungil.InterpreterPoolExecutor(1, share={"gate": gate})
            results = pool.map(wait, range(500))
            child = os.fork()
            if not child:
                try:
                    list(results)
                except ungil.BrokenInterpreterPool:
                    os._exit(7)
                os._exit(1)
            os.write(1, b"%d " % os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            gate[0] = 1
            """,
            "7 " + "x" * 500,
        )
