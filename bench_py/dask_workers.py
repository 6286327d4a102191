"""Dask's workers of one machine: two processes, and one process with two interpreters. Time and memory of both.

`python -m bench_py.dask_workers [CASE ...]` prints a table. Each cluster has a process of its own, and both take turns.
The memory is the proportional set size (Pss) of the workers when the work is done, and the highest one meanwhile.
It needs `dask[dataframe,distributed]`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any, Callable

from ungil.dask import InterpreterPool

from .memory import pss

PLUGINS = {
    "two processes": None,
    "one worker, two interpreters": InterpreterPool(),
    "one worker, own_python=True": InterpreterPool(own_python=True),
}


ROUNDS = 8
Work = Callable[[int], int]  # takes the number of the round, so that no result of an earlier one is used again


def digits(number: int, times: int = 1) -> int:
    return times * sum(int(digit) for digit in str(number))


def small() -> tuple[Work, int]:
    """100,000 numbers, to which a function in pure Python is applied"""
    import dask.dataframe
    import pandas

    frame = dask.dataframe.from_pandas(pandas.DataFrame({"n": range(100_000)}), npartitions=8)

    def work(times: int) -> int:
        return int(frame.n.apply(digits, args=(times,), meta=("n", "i8")).sum().compute())

    return work, sum(map(digits, range(100_000)))


def numbers(part: int, rows: int) -> Any:
    import numpy
    import pandas

    first = part * rows
    return pandas.DataFrame({f"n{i}": numpy.arange(first + i, first + i + rows) for i in range(8)})


def every_50th(frame: Any, times: int) -> Any:
    return frame.n0[frame.n0 % 50 == 0].apply(digits, args=(times,))


def large() -> tuple[Work, int]:
    """a table of 320 MB, which the workers keep; the function is applied to one row in 50"""
    import dask.dataframe
    from distributed import wait

    parts, rows = 16, 312_500
    frame = dask.dataframe.from_map(numbers, range(parts), rows=rows).persist()
    wait(frame)

    def work(times: int) -> int:
        return int(frame.map_partitions(every_50th, times, meta=("n0", "i8")).sum().compute())

    return work, sum(map(digits, range(0, parts * rows, 50)))


def table(rows: int) -> Any:
    import numpy
    import pandas

    keys = numpy.arange(rows)
    return pandas.DataFrame({"key": keys, "a": keys * 3, "b": keys / 7, "c": keys % 1000})


def looked_up(keys: Any, table: Any, times: int) -> int:
    """The sum of the digits of what the table has for the keys."""
    return int(table.a.take(keys).apply(digits, args=(times,)).sum())


def lookup() -> tuple[Work, int]:
    """100,000 rows of a table of 200 MB, which each task needs; the function is applied to them"""
    import dask
    import numpy
    from distributed import wait

    rows, parts = 6_250_000, 8
    whole = dask.delayed(table)(rows).persist()
    wait(whole)
    keys = numpy.arange(0, rows, rows // 100_000)

    def work(times: int) -> int:
        return int(sum(dask.compute(*[dask.delayed(looked_up)(keys[i::parts], whole, times) for i in range(parts)])))

    return work, sum(digits(3 * int(key)) for key in keys)


CASES = {"small": small, "large": large, "lookup": lookup}


class Watch:
    """The highest Pss of some processes together, while the block runs."""

    def __init__(self, processes: list[int]) -> None:
        self._processes, self.highest, self._ends = processes, 0, threading.Event()

    def now(self) -> int:
        return sum(map(pss, self._processes))

    def _run(self) -> None:
        while not self._ends.wait(0.05):
            self.highest = max(self.highest, self.now())

    def __enter__(self) -> Watch:
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._thread.join()


def cpu_time(client: Any) -> float:
    """Seconds that the workers have taken of processors."""
    times: list[os.times_result] = list(client.run(os.times).values())
    return sum(of.user + of.system for of in times)


def measure(cluster: str, case: str) -> dict[str, float]:
    """Seconds and bytes, in this process, which has the scheduler and the client."""
    from distributed import Client, LocalCluster

    plugin = PLUGINS[cluster]
    workers, threads = (1, 2) if plugin else (2, 1)
    options = {"n_workers": workers, "threads_per_worker": threads, "dashboard_address": None}
    with LocalCluster(processes=True, **options) as made, Client(made) as client:
        if plugin:
            client.register_plugin(plugin)
        watch, times = Watch(list(client.run(os.getpid).values())), []
        work, expected = CASES[case]()
        for round in range(1, ROUNDS + 2):
            if round == 2:
                before = cpu_time(client)
            start = time.perf_counter()
            assert work(round) == round * expected
            times.append(time.perf_counter() - start)
        cpu, bytes = (cpu_time(client) - before) / ROUNDS, watch.now()
        with watch:  # after the times, because the workers wait while their memory is looked at
            for round in range(ROUNDS + 2, ROUNDS + 5):
                assert work(round) == round * expected
        return {"first": times[0], "best": min(times[1:]), "cpu": cpu, "bytes": bytes, "highest": watch.highest}


def print_measured(cluster: str, case: str) -> None:
    print(json.dumps(measure(cluster, case)))


def measure_in_new_process(cluster: str, case: str) -> dict[str, float]:
    program = f"""
from bench_py import dask_workers
if __name__ == "__main__":
    dask_workers.print_measured({cluster!r}, {case!r})
"""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "measure.py")  # a file: the workers of Dask are spawned, and import it
        path.write_text(program)
        search = os.pathsep.join([str(Path(__file__).parent.parent), *filter(None, sys.path)])
        command, environment = [sys.executable, str(path)], dict(os.environ, PYTHONPATH=search)
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=environment).stdout
    measured: dict[str, float] = json.loads(output.splitlines()[-1])
    return measured


def main(names: list[str]) -> None:
    for name in names or CASES:
        print(f"{name}: {CASES[name].__doc__}")
        print(f"  {'':30}{'first':>9}{'best':>9}{'CPU':>9}{'memory':>10}{'highest':>10}")
        for cluster in PLUGINS:
            of = measure_in_new_process(cluster, name)
            times, sizes = (of["first"], of["best"], of["cpu"]), (of["bytes"] / 1e6, of["highest"] / 1e6)
            print("  %-30s%7.2f s%7.2f s%7.2f s%7.0f MB%7.0f MB" % (cluster, *times, *sizes), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
