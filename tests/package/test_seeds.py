"""Random numbers of tasks: those of the pool's `seed`, whichever interpreter draws them."""

import random
import threading
import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, installed, numpy

COUNT = 24


def draw(x=0, scale=1):
    import random

    return x + scale * random.random(), random.getrandbits(32)


def draw_by_numpy(array):
    import numpy.random

    return float(numpy.random.rand()), float(array[0] + numpy.random.normal())


def draw_and_fail():
    raise ValueError(draw())


def of_one_group():
    """Pools with this initializer use the same interpreter."""


def pool_of(workers, seed=42, **options):
    return ungil.InterpreterPoolExecutor(workers, seed=seed, **options)


def submitted(workers, function=draw, args=(), seed=42):
    with pool_of(workers, seed) as pool:
        return [future.result() for future in [pool.submit(function, *args) for _ in range(COUNT)]]


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Seeds(unittest.TestCase):
    def test_the_same_for_any_number_of_workers(self):
        first = submitted(1)
        for workers in (1, 2, 4):
            self.assertEqual(submitted(workers), first)
        self.assertEqual(len(set(first)), COUNT)

    def test_others_for_other_seeds(self):
        seeds = [0, 1, -1, 1 << 70]
        drawn = {number for seed in seeds for number in submitted(1, seed=seed)}
        self.assertEqual(len(drawn), len(seeds) * COUNT)

    def test_whichever_worker_runs_a_task(self):
        """One worker is kept busy, so the other one runs the rest."""
        expected = submitted(2)
        with pool_of(2) as pool:
            event = ungil.Event()
            futures = [pool.submit(lambda: (event.wait(), draw())[1])]
            futures += [pool.submit(draw) for _ in range(COUNT - 1)]
            rest = [future.result() for future in futures[1:]]
            event.set()
            self.assertEqual([futures[0].result(), *rest], expected)

    def test_elements_of_map_are_tasks(self):
        expected = submitted(1)
        for options in ({}, {"chunksize": 1}, {"chunksize": 5}, {"chunksize": 100}, {"buffersize": 3}):
            for workers in (1, 3):
                with self.subTest(options=options, workers=workers), pool_of(workers) as pool:
                    drawn = [*pool.map(draw, [0] * 10, **options), pool.submit(draw).result()]
                    drawn += pool.map(draw, [0] * (COUNT - 11), **options)
                    self.assertEqual(drawn, expected)

    def test_functions_and_arguments_of_all_kinds(self):
        scale = 1
        expected = submitted(1)[:4]
        with pool_of(2) as pool:
            futures = [
                pool.submit(draw, 0, scale=1),
                pool.submit(lambda: draw(scale=scale)),
                pool.submit(eval, "(__import__('random').random(), __import__('random').getrandbits(32))"),
                pool.submit(draw_and_fail),
            ]
            self.assertEqual([future.result() for future in futures[:3]], expected[:3])
            self.assertEqual(futures[3].exception().args[0], expected[3])

    def test_what_a_task_has_drawn_or_seeded_is_forgotten(self):
        def spoil():
            random.seed(0)
            return [random.random() for _ in range(100)]

        expected = submitted(1)
        with pool_of(1) as pool:
            pool.submit(spoil).result()
            self.assertEqual(pool.submit(draw).result(), expected[1])

    def test_initializers_draw_the_same_in_each_worker(self):
        def begin():
            random.drawn = draw()

        barrier = ungil.Barrier(2)
        with pool_of(2, initializer=begin) as pool:
            futures = [pool.submit(lambda: (barrier.wait(), random.drawn, draw())) for _ in range(2)]
            (_, first, one), (_, second, two) = [future.result() for future in futures]
        self.assertEqual(first, second)
        self.assertEqual([one, two], submitted(1)[:2])
        self.assertNotIn(first, [one, two])

    def test_streams_and_actors_are_seeded_once(self):
        class Source:
            def next(self):
                return draw()

        def items():
            while True:
                yield draw()

        def run():
            with pool_of(1) as pool, pool.actor(Source) as source, pool.stream(items) as stream:
                drawn = [source.next().result() for _ in range(3)], [next(stream) for _ in range(3)]
                return (*drawn, pool.submit(draw).result())

        actor, stream, task = run()
        self.assertEqual(run(), (actor, stream, task))
        self.assertEqual([actor[0], stream[0], task], submitted(1)[:3])
        self.assertEqual(len({*actor, *stream}), 6)

    def test_threads_may_submit(self):
        """Each number is given once; which task has it depends on the threads."""
        expected = submitted(1)
        with pool_of(2) as pool:
            futures = []
            threads = [threading.Thread(target=lambda: futures.append(pool.submit(draw))) for _ in range(COUNT)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(sorted(future.result() for future in futures), sorted(expected))

    @unittest.skipUnless(numpy, "SKIP: numpy is not installed")
    def test_of_numpy(self):
        for size in (2, 1 << 18):  # one is copied, the other lent
            array = numpy.zeros(size)
            first = submitted(1, draw_by_numpy, (array,))
            self.assertEqual(submitted(3, draw_by_numpy, (array,)), first)
            with pool_of(2) as pool:
                self.assertEqual(list(pool.map(draw_by_numpy, [array] * COUNT)), first)
            self.assertEqual(len(set(first)), COUNT)
            self.assertTrue(array.flags.writeable)

    def test_a_generator_that_is_imported_by_a_later_task(self):
        def draw_if(is_wanted):
            if is_wanted:
                import ungil_draws

                return ungil_draws.random.random()
            return None

        expected = submitted(1)[1][0]
        with installed("ungil_draws", "import random\n"), pool_of(1, fresh=True) as pool:
            self.assertEqual([pool.submit(draw_if, i).result() for i in range(2)], [None, expected])

    def test_without_a_seed_nothing_stays(self):
        drawn = set(submitted(1))
        for _ in range(3):
            with ungil.InterpreterPoolExecutor(1) as pool:
                drawn.add(pool.submit(draw).result())
        self.assertEqual(len(drawn), COUNT + 3)

    def test_a_generator_that_a_later_pool_imports_is_not_seeded(self):
        def forget():
            import sys

            del sys.modules["random"]

        drawn = set()
        for _ in range(3):
            with pool_of(1, initializer=of_one_group) as pool:
                pool.submit(draw).result()
                pool.submit(forget).result()
            with ungil.InterpreterPoolExecutor(1, initializer=of_one_group) as pool:
                drawn.add(pool.submit(draw).result())
        self.assertEqual(len(drawn), 3)

    def test_the_program_keeps_its_own_state(self):
        random.seed(1)
        expected = random.random()
        random.seed(1)
        submitted(2)
        self.assertEqual(random.random(), expected)

    def test_wrong_seeds(self):
        for seed in ("42", 1.5, b""):
            with self.assertRaises(TypeError):
                pool_of(1, seed=seed)


if __name__ == "__main__":
    unittest.main()
