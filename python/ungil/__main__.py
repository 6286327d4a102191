"""Report what works on this machine, and how fast. Please include the output in bug reports.

    python -m ungil [--json]

It tries C functions in Python threads, threads inside the library, and isolated interpreters. The exit status is 0 if
each of them gives correct results or is unsupported here, otherwise 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import threading
import time
from importlib import util
from typing import Any, Callable

from . import Interpreter, InterpreterPoolExecutor, UnsupportedError, compat, kernels
from ._native.library import library, path, version

DESCRIPTION = (__doc__ or "").partition("\n")[0]  # there are no docstrings under python -OO
TARGET_SECONDS = 0.05  # the approximate time of each call that is timed
PACKAGES = ("numpy", "cloudpickle", "numba", "cffi", "scipy", "threadpoolctl", "tqdm", "rich")

Way = Callable[[int], tuple[bool, float]]  # number of workers -> (correct, speed-up)


def loop(count: int) -> int:
    """A workload in pure Python."""
    total = 0
    for i in range(count):
        total += i * i % 7
    return total


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """(seconds, result) of a call."""
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def calibrated(call: Callable[[int], Any], first: int, most: int) -> int:
    """The size for which call(size) takes about TARGET_SECONDS, between `first` and `most`."""
    size = first
    while size < most:
        seconds = timed(lambda: call(size))[0]  # noqa: B023, it is called at once
        if seconds > TARGET_SECONDS / 4:
            return max(1, min(most, int(size * TARGET_SECONDS / seconds)))
        size *= 4
    return most


def best(call: Callable[[], Any], rounds: int = 3) -> tuple[float, Any]:
    """(seconds, result) of the fastest of several calls."""
    return min((timed(call) for _ in range(rounds)), key=lambda found: found[0])


def in_python_threads(workers: int) -> tuple[bool, float]:
    """C functions called from Python threads."""
    count = calibrated(lambda n: library.test(0, n), 1 << 20, 2**31 - 1)
    expected = kernels.sum_multiples(0, count, 3)

    def concurrently() -> list[int]:
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(library.test(0, count))) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    serial_time, first = best(lambda: [library.test(0, count) for _ in range(workers)])
    parallel_time, second = best(concurrently)
    is_correct = len(first) == len(second) == workers
    return is_correct and all((x - expected) % 2**32 == 0 for x in first + second), serial_time / parallel_time


def in_the_library(workers: int) -> tuple[bool, float]:
    """Threads inside the library."""
    terms = calibrated(lambda n: compat.pi(n, threads=1), 1 << 20, 1 << 40) * workers
    serial_time, first = best(lambda: compat.pi(terms, threads=1))
    parallel_time, second = best(lambda: compat.pi(terms, threads=workers))
    return first == second and abs(first - 3.141592653589793 - 2 / terms) < 1e-9, serial_time / parallel_time


def in_interpreters(workers: int) -> tuple[bool, float]:
    """Python code in isolated interpreters."""
    count = calibrated(loop, 1 << 10, 1 << 40)
    with InterpreterPoolExecutor(workers) as pool:
        list(pool.map(loop, [1] * workers))
        serial_time, first = best(lambda: [loop(count) for _ in range(workers)])
        parallel_time, second = best(lambda: list(pool.map(loop, [count] * workers)))
    return first == second, serial_time / parallel_time


WAYS: dict[str, Way] = {
    "a C function from Python threads": in_python_threads,
    "threads inside the library": in_the_library,
    "isolated interpreters": in_interpreters,
}


def libpython() -> str:
    """The path of the libpython that interpreters are copies of, or the reason why there are none."""
    try:
        with Interpreter() as interpreter:
            return str(interpreter.eval("__import__('_ungil').libpython"))
    except UnsupportedError as reason:
        return str(reason)


def tried(way: Way, workers: int) -> dict[str, Any]:
    """One entry of the report: the result, and the speed-up or the reason for a failure."""
    try:
        is_correct, speed_up = way(workers)
    except UnsupportedError as reason:
        return {"result": "unsupported", "why": str(reason).replace("unsupported: ", "", 1)}
    except Exception as error:
        return {"result": "failed", "why": "%s: %s" % (type(error).__name__, error)}
    return {"result": "ok" if is_correct else "wrong", "speed_up": round(speed_up, 2)}


def report() -> dict[str, Any]:
    """The report, ready for JSON."""
    threads = kernels.num_threads()
    workers = max(2, min(threads, 8))
    return {
        "ungil": version,
        "library": os.path.abspath(path) if os.path.exists(path) else path,
        "python": "%s %s" % (platform.python_implementation(), platform.python_version()),
        "executable": sys.executable,
        "system": "%s, %s" % (platform.platform(), " ".join(platform.libc_ver())),
        "cpu_level": library.ungil_cpu_active().decode(),
        "cpu_level_detected": library.ungil_cpu_detected().decode(),
        "threads": threads,
        "environment": {name: value for name, value in os.environ.items() if name.startswith(("UNGIL_", "OMP_NUM_"))},
        "libpython": libpython(),
        "packages": [name for name in PACKAGES if util.find_spec(name)],
        "workers": workers,
        "ways": {name: tried(way, workers) for name, way in WAYS.items()},
    }


def text(found: dict[str, Any]) -> str:
    """The report for people."""
    level = found["cpu_level"]
    if level != found["cpu_level_detected"]:
        level += " (the machine supports %s)" % found["cpu_level_detected"]
    lines = [
        ("ungil", "%(ungil)s, %(library)s" % found),
        ("Python", "%(python)s, %(executable)s" % found),
        ("system", found["system"]),
        ("CPU level", level),
        ("threads", str(found["threads"])),
        ("environment", " ".join("%s=%s" % item for item in found["environment"].items()) or "not set"),
        ("libpython", found["libpython"]),
        ("packages", ", ".join(found["packages"]) or "none"),
    ]
    parts = ["%-12s %s" % line for line in lines] + [""]
    for name, way in found["ways"].items():
        detail = (
            "speed-up %.2f with %d threads" % (way["speed_up"], found["workers"]) if "speed_up" in way else way["why"]
        )
        parts.append("%-34s %-12s %s" % (name, way["result"], detail))
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ungil", description=DESCRIPTION)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    arguments = parser.parse_args()
    found = report()
    print(json.dumps(found, indent=2) if arguments.json else text(found))
    return 0 if all(way["result"] in ("ok", "unsupported") for way in found["ways"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
