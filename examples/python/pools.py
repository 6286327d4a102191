"""What the gallery's examples share: the same calls in pools of each kind, and a table of times."""

import os
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import ungil

WORKERS = max(2, os.cpu_count() or 2)
# Processes come before interpreters: they are forked, by default, while the program has few threads.
POOLS = {"threads": ThreadPoolExecutor, "processes": ProcessPoolExecutor, "interpreters": ungil.InterpreterPoolExecutor}


def timed(function):
    start = time.perf_counter()
    result = function()
    return time.perf_counter() - start, result


def row(way, start, seconds, sequence):
    print("  %-16s%12s%12.3f s%10.2f" % (way, start, seconds, seconds / sequence), flush=True)


def compare(function, calls):
    """Calls function(call) for each call: in sequence, and by each pool. Prints the times, returns the results.

    The start of a pool includes a first call on each worker, as that imports what the function needs.
    """
    print("\n  %-16s%12s%14s%10s" % ("%d workers" % WORKERS, "start", "work", "ratio"))
    function(calls[0])
    sequence, expected = timed(lambda: [function(call) for call in calls])
    row("in sequence", "", sequence, sequence)
    for way, pool in POOLS.items():
        with pool(WORKERS) as workers:
            start, _ = timed(lambda: list(workers.map(function, [calls[0]] * WORKERS)))
            seconds, results = timed(lambda: list(workers.map(function, calls)))
        assert results == expected, way
        row(way, "%.2f s" % start, seconds, sequence)
    print()
    return expected
