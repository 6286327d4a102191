"""Report what works on this machine, and how fast. Please include the output in bug reports.

    python -m ungil [--json]
    python -m ungil [--json] --libraries MODULE [MODULE ...]

The command `ungil` does the same.

With --libraries, it imports the modules in a new interpreter, and prints which libraries that loads, whether each is
private to the interpreter or shared, and why. Libraries that ungil itself has loaded there are left out. The exit
status is 1 if an import fails.

Otherwise it tries C functions in Python threads, threads inside the library, and isolated interpreters, and compares
the speed of pure Python in this program and in an interpreter. The exit status is 0 if each of them gives correct
results or is unsupported here, otherwise 1.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import sys
import threading
import time
from importlib import util
from typing import Any, Callable, NamedTuple

from . import Interpreter, InterpreterPoolExecutor, UnsupportedError, _libraries, _python_speed, compat, kernels
from ._native.library import library, path, version
from ._private_apis import IS_FREE_THREADED, is_gil_enabled

DESCRIPTION = (__doc__ or "").partition("\n")[0]  # there are no docstrings under python -OO
TARGET_SECONDS = 0.05  # the approximate time of each call that is timed
PACKAGES = ("numpy", "cloudpickle", "numba", "cffi", "scipy", "threadpoolctl", "tqdm", "rich")


class Outcome(NamedTuple):
    """What a way past the GIL gave."""

    is_correct: bool
    speed_up: float
    """Of several workers over one, in the same build of Python."""
    over_program: float | None = None
    """The speed-up over this program, where the workers run another build of Python."""


Way = Callable[[int], Outcome]  # the argument is the number of workers


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


def in_python_threads(workers: int) -> Outcome:
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
    is_correct = len(first) == len(second) == workers and all((x - expected) % 2**32 == 0 for x in first + second)
    return Outcome(is_correct, serial_time / parallel_time)


def in_the_library(workers: int) -> Outcome:
    """Threads inside the library."""
    terms = calibrated(lambda n: compat.pi(n, threads=1), 1 << 20, 1 << 40) * workers
    serial_time, first = best(lambda: compat.pi(terms, threads=1))
    parallel_time, second = best(lambda: compat.pi(terms, threads=workers))
    is_correct = first == second and abs(first - 3.141592653589793 - 2 / terms) < 1e-9
    return Outcome(is_correct, serial_time / parallel_time)


def in_interpreters(workers: int) -> Outcome:
    """Python code in isolated interpreters: all of them, compared with one of them, and with this program."""
    count = calibrated(loop, 1 << 10, 1 << 40)
    with InterpreterPoolExecutor(workers) as pool:
        list(pool.map(loop, [1] * workers))
        here, expected = best(lambda: loop(count))
        one, first = best(lambda: pool.submit(loop, count).result())
        all_of_them, second = best(lambda: list(pool.map(loop, [count] * workers)))
    is_correct = [first, *second] == [expected] * (1 + workers)
    return Outcome(is_correct, workers * one / all_of_them, workers * here / all_of_them)


WAYS: dict[str, Way] = {
    "a C function from Python threads": in_python_threads,
    "threads inside the library": in_the_library,
    "isolated interpreters": in_interpreters,
}


def pure_python() -> tuple[str, dict[str, Any]]:
    """The libpython that interpreters are copies of, or the reason why there are none, and how fast Python is there."""
    files = _python_speed.mapped_files()  # before the first interpreter, which may map that file as well
    try:
        with Interpreter() as interpreter:
            libpython = str(interpreter.eval("__import__('_ungil').libpython"))
            is_same_file = _python_speed.is_mapped(libpython, files)
            measure = _python_speed.cpu_seconds
            return libpython, _python_speed.compared(
                measure, lambda name: interpreter.call(measure, name), is_same_file
            )
    except Exception as error:
        return str(error), failure(error)


def failure(error: Exception) -> dict[str, Any]:
    """The entry of the report for what raised an exception."""
    for cause in (error, error.__cause__):  # a pool whose interpreters cannot start is broken by that
        if isinstance(cause, UnsupportedError):
            return {"result": "unsupported", "why": re.sub("^(unsupported|ungil_interp_new): ", "", str(cause))}
    return {"result": "failed", "why": "%s: %s" % (type(error).__name__, error)}


def tried(way: Way, workers: int) -> dict[str, Any]:
    """One entry of the report: the result, and the speed-up or the reason for a failure."""
    try:
        outcome = way(workers)
    except Exception as error:
        return failure(error)
    entry: dict[str, Any] = {"result": "ok" if outcome.is_correct else "wrong", "speed_up": round(outcome.speed_up, 2)}
    if outcome.over_program is not None:
        entry["speed_up_over_program"] = round(outcome.over_program, 2)
    return entry


def report() -> dict[str, Any]:
    """The report, ready for JSON."""
    threads = kernels.num_threads()
    workers = max(2, min(threads, 8))
    libpython, speed = pure_python()
    return {
        "ungil": version,
        "library": os.path.abspath(path) if os.path.exists(path) else path,
        "python": "%s %s" % (platform.python_implementation(), platform.python_version()),
        "free_threaded": IS_FREE_THREADED,
        "gil": is_gil_enabled(),
        "executable": sys.executable,
        "system": "%s, %s" % (platform.platform(), " ".join(platform.libc_ver())),
        "cpu_level": library.ungil_cpu_active().decode(),
        "cpu_level_detected": library.ungil_cpu_detected().decode(),
        "threads": threads,
        "environment": {name: value for name, value in os.environ.items() if name.startswith(("UNGIL_", "OMP_NUM_"))},
        "libpython": libpython,
        "packages": [name for name in PACKAGES if util.find_spec(name)],
        "workers": workers,
        "ways": {name: tried(way, workers) for name, way in WAYS.items()},
        "pure_python": speed,
    }


def about_threads(found: dict[str, Any]) -> str:
    """What a free-threaded Python means for the ways below; empty for others."""
    if not found["free_threaded"]:
        return ""
    if found["gil"]:
        return "free-threaded, but its GIL is on: by PYTHON_GIL, -X gil, or a package that needs it"
    return "free-threaded: threads run Python code at the same time; interpreters have no GIL either, and only isolate"


def text(found: dict[str, Any]) -> str:
    """The report for people."""
    level = found["cpu_level"]
    if level != found["cpu_level_detected"]:
        level += " (the machine supports %s)" % found["cpu_level_detected"]
    lines = [
        ("ungil", "%(ungil)s, %(library)s" % found),
        ("Python", "%(python)s, %(executable)s" % found),
        *(("", text) for text in [about_threads(found)] if text),
        ("system", found["system"]),
        ("CPU level", level),
        ("threads", str(found["threads"])),
        ("environment", " ".join("%s=%s" % item for item in found["environment"].items()) or "not set"),
        ("libpython", found["libpython"]),
        ("packages", ", ".join(found["packages"]) or "none"),
    ]
    parts = ["%-12s %s" % line for line in lines] + [""]
    parts += ["%-34s %-12s %s" % (name, way["result"], detail(way, found)) for name, way in found["ways"].items()]
    speed = found["pure_python"]
    if speed["result"] != "unsupported":
        parts.append("%-34s %-12s %s" % ("pure Python in an interpreter", speed["result"], speed_text(speed)))
    if speed.get("is_slower_build"):
        parts += ["", _python_speed.ADVICE % speed["ratio"]]
    return "\n".join(parts)


def detail(way: dict[str, Any], found: dict[str, Any]) -> str:
    """The speed-up, or the reason why there is none."""
    if "speed_up" not in way:
        return str(way["why"])
    words = "speed-up %.2f with %d threads" % (way["speed_up"], found["workers"])
    if found["pure_python"].get("is_slower_build") and "speed_up_over_program" in way:
        words += ", %.2f over this program" % way["speed_up_over_program"]
    return words


def speed_text(speed: dict[str, Any]) -> str:
    """The time in an interpreter as a multiple of this program's, or the reason why there is none."""
    if "ratio" not in speed:
        return str(speed["why"])
    each = ", ".join("%s %.2f" % workload for workload in speed["workloads"].items())
    return "%.2f times as long as in this program (%s)" % (speed["ratio"], each)


def main() -> int:
    is_module = os.path.basename(sys.argv[0]) == "__main__.py"  # and not the command
    parser = argparse.ArgumentParser(prog="python -m ungil" if is_module else "ungil", description=DESCRIPTION)
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    what = "print which libraries modules load, which are private, and why"
    parser.add_argument("--libraries", nargs="+", metavar="MODULE", help=what)
    arguments = parser.parse_args()
    if arguments.libraries:
        return _libraries.main(arguments.libraries, arguments.json)
    found = report()
    print(json.dumps(found, indent=2) if arguments.json else text(found))
    entries = [*found["ways"].values(), found["pure_python"]]
    return 0 if all(entry["result"] in ("ok", "unsupported") for entry in entries) else 1


if __name__ == "__main__":
    sys.exit(main())
