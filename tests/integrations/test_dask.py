"""Dask with pools of interpreters: as a scheduler, in a LocalCluster, and in `dask worker` processes over TCP."""

import contextlib
import logging
import os
import subprocess
import sys
import tempfile
import time
import unittest

import dask
import dask.array
import dask.bag
import dask.dataframe
import numpy
import pandas
import stress
from distributed import Client, LocalCluster, get_worker, wait

import ungil
from references import PATIENCE, interrupted
from ungil.dask import InterpreterPool

WHOLE = unittest.skipIf(stress.is_short(), "SKIP: the whole runs with %s=full" % stress.NAME)


def in_interpreter(*_):
    return "_ungil" in sys.modules


def square(x):
    return x * x


def digits(number):
    return sum(int(digit) for digit in str(number))


def sleep_until(path):
    wait_for(path)
    return in_interpreter()


def fail_once(path):
    """Fail unless the file is there, and make it."""
    if not os.path.exists(path):
        open(path, "w").close()
        raise ValueError("the first time")
    return in_interpreter()


def spin(path):
    open(path, "w").close()
    while True:
        time.sleep(0.01)


def wait_for(path):
    end = time.monotonic() + PATIENCE
    while not os.path.exists(path):
        if time.monotonic() > end:
            raise AssertionError("no %s" % path)
        time.sleep(0.01)


def is_writable(array):
    return array.flags.writeable


def two_arrays():
    return [numpy.ones(100000), numpy.ones(100000)]


def table(part):
    return pandas.DataFrame({"n": numpy.arange(100000) + part})


def address(array):
    return array.ctypes.data


def address_of_table(frame):
    return pandas.Series([address(frame.n.to_numpy())])


def meet(own, other):
    """Make a file, and wait for that of another task."""
    open(own, "w").close()
    return sleep_until(other)


class Workloads:
    """What Dask computes, by the scheduler that is set."""

    def test_arrays(self):
        array = dask.array.arange(1000000, chunks=250000)
        self.assertEqual(int((array * 2).sum().compute()), 999999000000)
        self.assertEqual(int(array.map_blocks(lambda block: block + in_interpreter())[0].compute()), 1)
        matrix = dask.array.ones((300, 300), chunks=100)
        self.assertTrue((matrix.dot(matrix).compute() == 300).all())

    def test_dataframes(self):
        frame = pandas.DataFrame({"n": range(1000), "kind": ["a", "b"] * 500, "text": ["x"] * 1000})
        lazy = dask.dataframe.from_pandas(frame, npartitions=4)
        self.assertEqual(lazy.n.apply(digits, meta=("n", "i8")).sum().compute(), 13500)
        found = lazy.groupby("kind").n.mean().compute()
        self.assertEqual(found.to_dict(), {"a": 499.0, "b": 500.0})
        pandas.testing.assert_frame_equal(lazy.compute(), frame, check_dtype=False)

    def test_bags(self):
        bag = dask.bag.from_sequence(range(100), npartitions=4)
        self.assertEqual(bag.map(lambda n: n * n).filter(lambda n: n % 2).sum().compute(), 166650)
        self.assertTrue(all(bag.map(in_interpreter).compute()))

    def test_delayed(self):
        parts = [dask.delayed(square)(n) for n in range(10)]
        self.assertEqual(dask.delayed(sum)(parts).compute(), 285)
        self.assertTrue(dask.delayed(in_interpreter)().compute())

    def test_exceptions(self):
        with self.assertRaises(ZeroDivisionError):
            dask.delayed(divmod)(1, 0).compute()


class Scheduler(Workloads, unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pool = ungil.InterpreterPoolExecutor(2)
        cls.settings = dask.config.set(scheduler=cls.pool)

    @classmethod
    def tearDownClass(cls):
        cls.settings.__exit__(None, None, None)
        cls.pool.shutdown()

    def test_ctrl_c(self):
        program = """
import dask, ungil
def work():
    print("begun", flush=True)
    while True: pass
try:
    with ungil.InterpreterPoolExecutor(2) as pool:
        dask.delayed(work)().compute(scheduler=pool)
except KeyboardInterrupt:
    print("interrupted")
"""
        self.assertEqual(interrupted(program, "begun"), (0, ["interrupted"]))


class InOneProcess(Workloads, unittest.TestCase):
    """A LocalCluster with one worker in this process."""

    @classmethod
    def setUpClass(cls):
        logging.getLogger("distributed").setLevel(logging.CRITICAL)
        cls.cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
        cls.client = Client(cls.cluster)
        cls.client.register_plugin(InterpreterPool())

    @classmethod
    def tearDownClass(cls):
        cls.client.close()
        cls.cluster.close()

    def test_retries(self):
        with tempfile.TemporaryDirectory() as directory:
            future = self.client.submit(fail_once, os.path.join(directory, "it"), retries=1)
            self.assertTrue(future.result(PATIENCE))

    def test_threads_by_annotation(self):
        with dask.annotate(executor="threads"):
            self.assertFalse(dask.delayed(in_interpreter)("threads").compute())
            self.assertTrue(dask.delayed(get_worker)().compute().address)

    def test_data_is_lent(self):
        (array,) = self.client.scatter([numpy.ones(1000000)])
        self.assertFalse(self.client.submit(is_writable, array).result(PATIENCE))

    def data(self):
        """What the worker keeps."""
        return next(iter(self.cluster.workers.values())).data

    def test_other_names_of_data_are_not_copies(self):
        frame = dask.dataframe.from_map(table, range(2)).persist()
        wait(frame)
        kept = {address(it.n.to_numpy()) for it in self.data().values() if isinstance(it, pandas.DataFrame)}
        found = frame.map_partitions(address_of_table, meta=(None, "i8")).compute()
        self.assertEqual(len(found), 2)
        self.assertLessEqual(set(found), kept)

    def test_items_of_lists_are_not_copies(self):
        arrays = dask.delayed(two_arrays)().persist()
        wait(arrays)
        kept = self.data()[arrays.key]
        found = dask.compute(*[dask.delayed(address)(arrays[i]) for i in range(2)])
        self.assertEqual(list(found), [address(array) for array in kept])

    def test_a_task_that_ends_its_interpreter(self):
        with self.assertRaises(ungil.errors.InterpreterDiedError):
            self.client.submit(os.abort, pure=False).result(PATIENCE)
        self.assertEqual(self.client.submit(square, 12).result(PATIENCE), 144)

    def test_many_tasks(self):
        self.assertEqual(sum(self.client.gather(self.client.map(square, range(50)))), 40425)

    def test_wrong_options(self):
        with self.assertRaises(TypeError):
            self.client.register_plugin(InterpreterPool(name="wrong", nonsense=1))


class Plugins(unittest.TestCase):
    def setUp(self):
        logging.getLogger("distributed").setLevel(logging.CRITICAL)

    def test_a_name_and_the_end_of_a_cluster_with_a_task_that_runs(self):
        with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
            cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster))
            client.register_plugin(InterpreterPool(1, name="python", initializer=exec, initargs=("import json",)))
            self.assertFalse(client.submit(in_interpreter).result(PATIENCE))
            with dask.annotate(executor="python"):
                self.assertTrue(dask.delayed(in_interpreter)().compute())
                path = os.path.join(directory, "begun")
                running = dask.delayed(spin)(path).persist()
            wait_for(path)
        del running

    def test_the_own_python_of_a_worker(self):
        with tempfile.TemporaryDirectory() as directory, contextlib.ExitStack() as stack:
            cluster = LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None)
            stack.enter_context(cluster)
            client = stack.enter_context(Client(cluster))
            client.register_plugin(InterpreterPool(own_python=True))
            self.assertTrue(client.submit(in_interpreter).result(PATIENCE))
            paths = [os.path.join(directory, name) for name in ("one", "other")]
            futures = [client.submit(meet, *paths), client.submit(meet, *reversed(paths))]
            self.assertEqual(sorted(client.gather(futures)), [False, True])

    @WHOLE
    def test_a_cluster_of_processes(self):
        with (
            LocalCluster(
                n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None, preload=["ungil.dask"]
            ) as cluster,
            Client(cluster) as client,
        ):
            self.assertTrue(all(client.gather(client.map(in_interpreter, range(8)))))


@contextlib.contextmanager
def command(*words):
    """A process of the command line of Dask."""
    path = os.pathsep.join([os.path.dirname(os.path.abspath(__file__)), *filter(None, sys.path)])  # for this module
    process = subprocess.Popen(
        [sys.executable, "-m", "dask", *words],
        env=dict(os.environ, PYTHONPATH=path),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


class OverTcp(unittest.TestCase):
    """A scheduler and workers that are processes of their own."""

    @contextlib.contextmanager
    def cluster(self, workers):
        options = ["--no-dashboard"]
        with contextlib.ExitStack() as stack, tempfile.TemporaryDirectory() as directory:
            file = os.path.join(directory, "scheduler.json")
            address = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", file]
            stack.enter_context(command("scheduler", *address, *options))
            options += ["--nthreads", "2", "--no-nanny", "--scheduler-file", file, "--local-directory", directory]
            processes = [
                stack.enter_context(command("worker", "--preload", "ungil.dask", *options)) for _ in range(workers)
            ]
            wait_for(file)
            client = stack.enter_context(Client(scheduler_file=file, timeout=PATIENCE))
            client.wait_for_workers(workers, timeout=PATIENCE)
            yield client, processes, directory

    def test_a_worker_that_is_killed(self):
        with self.cluster(2) as (client, processes, directory):
            self.assertTrue(client.submit(in_interpreter).result(PATIENCE))
            path = os.path.join(directory, "go")
            futures = client.map(sleep_until, [path] * 4, pure=False)
            time.sleep(0.5)
            processes[0].kill()
            open(path, "w").close()
            self.assertEqual(client.gather(futures), [True] * 4)

    @WHOLE
    def test_ctrl_c_ends_a_worker_with_a_task_that_runs(self):
        with self.cluster(1) as (client, processes, directory):
            path = os.path.join(directory, "begun")
            future = client.submit(spin, path)
            wait_for(path)
            processes[0].send_signal(2)
            self.assertIsNotNone(processes[0].wait(PATIENCE))
            del future


if __name__ == "__main__":
    unittest.main()
