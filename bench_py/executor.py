"""The pool of interpreters beside the standard library's pool of processes, in one run, as ratios.

    python3 bench_py/executor.py [--rounds N] [--json FILE]

It needs the package (`pip install .`, or PYTHONPATH=python and UNGIL_LIBRARY) and numpy. Both pools have two workers
and are warm; they take turns, answers are compared, and the times are medians.
"""

import argparse
import json
import os
import platform
import statistics
from concurrent.futures import ProcessPoolExecutor

import numpy
from kernels import processor, timed

import ungil

TRIPS = 1000
TASKS = 10000
CALLS = 4000000  # of the loop: 0.3 s or so
NUMBERS = numpy.ones(25_000_000)  # 200 MB


def same(value):
    return value


def loop(count):
    total = 0
    for i in range(count):
        total += i * i % 7
    return total


def check(found, expected):
    if found != expected:
        raise SystemExit("WRONG: %r, not %r" % (found, expected))


def round_trips(pool):
    for i in range(TRIPS):
        check(pool.submit(same, i).result(), i)


def big_argument(pool):
    check(pool.submit(len, NUMBERS).result(), len(NUMBERS))


def big_result(pool):
    check(pool.submit(numpy.zeros, 25_000_000).result().nbytes, 200_000_000)


def pure_python(pool):
    first, second = pool.map(loop, [CALLS] * 2)
    check(first, second)


def small_tasks(pool):
    check(sum(pool.map(same, range(TASKS))), sum(range(TASKS)))


def chunks(pool):
    check(sum(pool.map(same, range(TASKS), chunksize=100)), sum(range(TASKS)))


# name, what is timed, how many of it, the unit's seconds, the unit, rounds for each round
SUITE = [
    ("no-op round trip", round_trips, TRIPS, 1e-6, "us", 3),
    ("200 MB numpy argument", big_argument, 1, 1e-3, "ms", 2),
    ("200 MB numpy result", big_result, 1, 1e-3, "ms", 1),
    ("pure Python on two workers", pure_python, 1, 1e-3, "ms", 3),
    ("map of %d small tasks" % TASKS, small_tasks, 1, 1e-3, "ms", 1),
    ("the same with chunksize=100", chunks, 1, 1e-3, "ms", 3),
]


def measured(work, pools, rounds):
    """The medians of each pool's times. Which of them is first changes from round to round."""
    for pool in pools:
        work(pool)  # imports what it needs
    times = {pool: [] for pool in pools}
    for i in range(rounds):
        for pool in pools if i % 2 else reversed(pools):
            times[pool].append(timed(lambda: work(pool))[0])  # noqa: B023, it is called at once
    return [statistics.median(times[pool]) for pool in pools]


def rows(rounds):
    with ProcessPoolExecutor(2) as processes:
        list(processes.map(loop, [1000000] * 4))  # forked while there is one thread
        with ungil.InterpreterPoolExecutor(2) as interpreters:
            list(interpreters.map(loop, [1000000] * 4))
            for name, work, count, unit, symbol, more in SUITE:
                ours, theirs = measured(work, [interpreters, processes], rounds * more)
                row = dict(name=name, value=ours / count / unit, unit=symbol, a_process_pools=theirs / count / unit)
                row["times_as_fast"] = theirs / ours
                text = "%-32s%10.3f %s   a process pool's%11.3f   %9.2f times as fast"
                print(text % (name, row["value"], symbol, row["a_process_pools"], row["times_as_fast"]), flush=True)
                yield row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", metavar="FILE", help="write the results there")
    arguments = parser.parse_args()
    print("Python %s, numpy %s, %s\n" % (platform.python_version(), numpy.__version__, processor()))
    results = list(rows(max(1, arguments.rounds)))
    if arguments.json:
        machine = dict(processor=processor(), processors=os.cpu_count(), python=platform.python_version())
        with open(arguments.json, "w") as file:
            json.dump(dict(machine=machine, rounds=arguments.rounds, rows=results), file, indent=1)


if __name__ == "__main__":
    main()
