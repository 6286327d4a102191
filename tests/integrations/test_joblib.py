"""joblib's Parallel with the backend "ungil": what joblib's documentation says of backends, and what is ungil's own."""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
import unittest
import warnings

import joblib
import numpy
import threadpoolctl
from joblib import Parallel, delayed

import ungil
from references import PATIENCE, interrupted
from ungil import _inner_threads

VERSION = tuple(int(part) for part in joblib.__version__.split(".")[:2])


def in_interpreter(value=None):
    return "_ungil" in sys.modules, value


def square(x):
    return x * x


def wait_and_return(seconds, value):
    time.sleep(seconds)
    return value


def wait_for(directory, name):
    while not os.path.exists(os.path.join(directory, name)):
        time.sleep(0.01)


def fail(x):
    raise ValueError("no %d" % x)


def sum_of(array):
    return float(array.sum()), array.flags.writeable, type(array) is numpy.ndarray


def threads_of_blas():
    return [it["num_threads"] for it in threadpoolctl.threadpool_info() if it["user_api"] == "blas"]


def nested(x, **options):
    backend, _ = joblib.parallel.get_active_backend()
    return type(backend).__name__, Parallel(n_jobs=2, **options)(delayed(square)(i) for i in range(x))


def parallel(**options):
    return Parallel(**{"backend": "ungil", "n_jobs": 2, **options})


class Backends(unittest.TestCase):
    def test_results_are_in_order(self):
        for batch_size in ("auto", 1, 7):
            results = parallel(batch_size=batch_size)(delayed(in_interpreter)(i) for i in range(50))
            self.assertEqual(results, [(True, i) for i in range(50)])

    def test_lambdas_and_closures(self):
        factor = 3
        self.assertEqual(parallel()(delayed(lambda x: factor * x)(i) for i in range(4)), [0, 3, 6, 9])
        self.assertEqual(parallel()([]), [])

    def test_numbers_of_jobs(self):
        backend = joblib.parallel.BACKENDS["ungil"]()
        processors = joblib.cpu_count()
        self.assertEqual([backend.effective_n_jobs(n) for n in (None, 1, 3, -1, -1000)], [1, 1, 3, processors, 1])
        with self.assertRaisesRegex(ValueError, "n_jobs == 0"):
            parallel(n_jobs=0)([delayed(square)(1)])
        self.assertEqual(parallel(n_jobs=1)([delayed(in_interpreter)(1)]), [(False, 1)])
        with joblib.parallel_config(backend="ungil"):
            self.assertEqual(joblib.effective_n_jobs(-1), processors)
            self.assertEqual(Parallel().n_jobs, -1)

    def test_batches_grow_with_short_calls(self):
        job = parallel()
        self.assertEqual(job(delayed(square)(i) for i in range(2000)), [i * i for i in range(2000)])
        self.assertLess(job.n_dispatched_batches, 1000)

    def test_batch_sizes(self):
        backend = joblib.parallel.BACKENDS["ungil"]()
        self.assertEqual(backend.compute_batch_size(), 1)
        backend.batch_completed(1, 0.001)
        self.assertEqual(backend.compute_batch_size(), 8)
        backend.batch_completed(1, 9.0)  # of an earlier size
        self.assertEqual(backend.compute_batch_size(), 8)
        backend.batch_completed(8, 0.04)
        self.assertEqual(backend.compute_batch_size(), 20)
        backend.batch_completed(20, 2.0)
        self.assertEqual(backend.compute_batch_size(), 1)
        backend.batch_completed(1, 100.0)
        self.assertEqual(backend.compute_batch_size(), 1)

    def test_generators(self):
        results = parallel(return_as="generator")(delayed(square)(i) for i in range(20))
        self.assertEqual(next(results), 0)
        self.assertEqual(list(results), [i * i for i in range(1, 20)])

    @unittest.skipIf(VERSION < (1, 4), "SKIP: joblib 1.4 has this first")
    def test_unordered_generators(self):
        waits = [2.0, 0.0, 0.0, 0.0]
        calls = [delayed(wait_and_return)(seconds, i) for i, seconds in enumerate(waits)]
        results = list(parallel(return_as="generator_unordered", batch_size=1)(calls))
        self.assertEqual(sorted(results), [0, 1, 2, 3])
        self.assertEqual(results[-1], 0)

    def test_a_generator_that_is_left_early(self):
        results = parallel(return_as="generator", batch_size=1)(delayed(wait_and_return)(0.01, i) for i in range(500))
        next(results)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            results.close()
        self.assertEqual(parallel()([delayed(square)(3)]), [9])

    def test_a_context_keeps_the_pool(self):
        with parallel() as job:
            self.assertEqual(job([delayed(square)(2)] * 3), [4] * 3)
            with self.assertRaises(ValueError):
                job([delayed(fail)(2)])
            self.assertEqual(job([delayed(square)(3)]), [9])

    def test_the_program_may_call_it_in_threads(self):
        results = {}

        def work(number):
            results[number] = parallel()(delayed(square)(i) for i in range(number))

        threads = [threading.Thread(target=work, args=(n,)) for n in range(5, 8)]
        [thread.start() for thread in threads], [thread.join(PATIENCE) for thread in threads]
        self.assertEqual(results, {n: [i * i for i in range(n)] for n in range(5, 8)})

    def test_nested_calls(self):
        (found,) = parallel()([delayed(nested)(4)])
        self.assertEqual(found, ("ThreadingBackend", [0, 1, 4, 9]))
        (found,) = parallel()([delayed(nested)(4, backend="ungil")])
        self.assertEqual(found[1], [0, 1, 4, 9])

    def test_shared_memory_is_for_threads(self):
        with joblib.parallel_config(backend="ungil", n_jobs=2):
            self.assertEqual(Parallel(require="sharedmem")([delayed(in_interpreter)()]), [(False, None)])


class Failures(unittest.TestCase):
    def test_an_exception(self):
        with self.assertRaisesRegex(ValueError, "no 7"):
            parallel()(delayed(fail if i == 7 else square)(i) for i in range(20))
        self.assertEqual(parallel()([delayed(square)(5)]), [25])

    def test_an_exception_ends_other_calls(self):
        start = time.monotonic()
        with self.assertRaisesRegex(ValueError, "no 1"):
            parallel(batch_size=1)([delayed(wait_and_return)(PATIENCE, 0), delayed(fail)(1)])
        self.assertLess(time.monotonic() - start, PATIENCE)

    def test_a_timeout(self):
        with self.assertRaises(multiprocessing.TimeoutError):
            parallel(timeout=0.2, batch_size=1)([delayed(wait_and_return)(PATIENCE, i) for i in range(2)])
        self.assertEqual(parallel(timeout=PATIENCE)([delayed(square)(5)]), [25])

    def test_arguments_that_cannot_be_sent(self):
        with self.assertRaisesRegex(Exception, "pickle|sent|generator"):
            parallel()([delayed(square)(x for x in [])])

    def test_a_dead_interpreter(self):
        with self.assertRaises(ungil.errors.InterpreterDiedError):
            parallel()([delayed(os.abort)()])
        self.assertEqual(parallel()([delayed(square)(5)]), [25])

    def test_an_initializer_that_fails(self):
        if VERSION < (1, 4):
            self.skipTest("SKIP: joblib 1.3 has no parameters of backends here")
        with (
            self.assertRaises(ungil.BrokenInterpreterPool),
            joblib.parallel_config(backend="ungil", n_jobs=2, initializer=fail, initargs=(1,)),
        ):
            Parallel()([delayed(square)(5)] * 4)
        self.assertEqual(parallel()([delayed(square)(5)]), [25])

    def test_options(self):
        backend = joblib.parallel.BACKENDS["ungil"](initializer=exec, initargs=("import __main__; __main__.x = 5",))
        results = Parallel(backend=backend, n_jobs=2)(delayed(eval)("__import__('__main__').x") for _ in range(4))
        self.assertEqual(results, [5] * 4)
        backend = joblib.parallel.BACKENDS["ungil"](nonsense=1)
        with self.assertRaisesRegex(TypeError, "nonsense"):
            Parallel(backend=backend, n_jobs=2)([delayed(square)(5)])

    def test_ctrl_c(self):
        program = """
import joblib, time, ungil
def work(i):
    if i == 0:
        print("begun", flush=True)
    while True: pass
try:
    joblib.Parallel(n_jobs=2, backend="ungil", batch_size=1)(joblib.delayed(work)(i) for i in range(4))
except KeyboardInterrupt:
    print(joblib.Parallel(n_jobs=2, backend="ungil")(joblib.delayed(abs)(-i) for i in range(4)))
"""
        self.assertEqual(interrupted(program, "begun"), (0, ["[0, 1, 2, 3]"]))

    @unittest.skipIf(sys.platform != "linux", "SKIP: forks")
    def test_a_fork(self):
        parallel()([delayed(square)(5)])
        child = os.fork()
        if child == 0:
            os._exit(parallel()([delayed(square)(5)]) != [25])
        self.assertEqual(os.waitpid(child, 0)[1], 0)


class Arrays(unittest.TestCase):
    def test_they_are_lent(self):
        array = numpy.ones(1000000)
        self.assertEqual(parallel()([delayed(sum_of)(array)] * 3), [(1e6, False, True)] * 3)
        self.assertTrue(array.flags.writeable)
        small = numpy.ones(1000)
        self.assertEqual(parallel()([delayed(sum_of)(small)]), [(1000.0, True, True)])

    def test_they_are_not_copied(self):
        array = numpy.ones(1000000)
        found = parallel()([delayed(lambda a: a.__array_interface__["data"][0])(array)])
        self.assertEqual(found, [array.__array_interface__["data"][0]])

    def test_results_are_the_programs(self):
        (array,) = parallel()([delayed(numpy.zeros)(1000000)])
        array[0] = 1


class InnerThreads(unittest.TestCase):
    def test_the_limit(self):
        before = threads_of_blas()
        self.assertTrue(before)
        with joblib.parallel_config(backend="ungil", n_jobs=2, inner_max_num_threads=1):
            for found in Parallel()(delayed(threads_of_blas)() for _ in range(4)):
                self.assertEqual(set(found), {1})
        self.assertEqual(threads_of_blas(), before)

    def test_after_a_failure(self):
        before = threads_of_blas()
        with self.assertRaises(ValueError), joblib.parallel_config(backend="ungil", n_jobs=2, inner_max_num_threads=1):
            Parallel()([delayed(fail)(1)])
        self.assertEqual(threads_of_blas(), before)

    def test_calls_that_overlap(self):
        limits = _inner_threads.ProgramLimits()
        before = threads_of_blas()
        limits.begin(_inner_threads.Limits(1, 1))
        threadpoolctl.threadpool_limits(1)
        limits.begin(_inner_threads.Limits(1, 1))
        limits.end()
        self.assertEqual(set(threads_of_blas()), {1})
        limits.end()
        self.assertEqual(threads_of_blas(), before)

    def test_the_environment(self):
        program = "from ungil._inner_threads import limits_of; print(*limits_of(None, 7)); print(*limits_of(3, 7))"
        for settings, expected in (
            ({}, "7 7"),
            ({"OMP_NUM_THREADS": "2,1"}, "2 2"),
            ({"OPENBLAS_NUM_THREADS": "4", "OMP_NUM_THREADS": "0"}, "4 7"),
        ):
            names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS")
            environment = {name: value for name, value in os.environ.items() if name not in names}
            output = subprocess.check_output([sys.executable, "-c", program], env={**environment, **settings})
            self.assertEqual(output.decode().split("\n")[:2], [expected, "3 3"])

    def test_without_threadpoolctl(self):
        program = """
import sys; sys.modules["threadpoolctl"] = None
import joblib, ungil
print(joblib.Parallel(n_jobs=2, backend="ungil")([joblib.delayed(abs)(-1)]))
try:
    with joblib.parallel_config(backend="ungil", n_jobs=2, inner_max_num_threads=1):
        joblib.Parallel()([joblib.delayed(abs)(-1)])
except ImportError as error: print(error.name)
"""
        output = subprocess.check_output([sys.executable, "-c", program], universal_newlines=True)
        self.assertEqual(output.split(), ["[1]", "threadpoolctl"])


class Registration(unittest.TestCase):
    def test_each_order_of_imports(self):
        end = "; print(joblib.Parallel(n_jobs=2, backend='ungil')([joblib.delayed(abs)(-1)]))"
        for start in ("import ungil, joblib", "import joblib, ungil", "import ungil.joblib, joblib"):
            output = subprocess.check_output([sys.executable, "-c", start + end], universal_newlines=True)
            self.assertEqual(output.strip(), "[1]")

    def test_what_joblib_may_have(self):
        """A function that registers the backend, for joblib's own list of other packages' backends."""
        program = """
import joblib, sys
def register():
    import ungil.joblib
joblib.parallel.EXTERNAL_BACKENDS["ungil"] = register
assert "ungil" not in sys.modules
with joblib.parallel_config(backend="ungil", n_jobs=2):
    print(joblib.Parallel()([joblib.delayed(abs)(-1)]))
"""
        self.assertEqual(subprocess.check_output([sys.executable, "-c", program]).split(), [b"[1]"])


if __name__ == "__main__":
    unittest.main()
