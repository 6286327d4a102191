"""What works here, and how fast: for a first look, and for reports of bugs.

    python -m ungil [--json]

The status is 0 if each of the three ways past the lock gives right answers, or says that it is unsupported here.
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
from typing import Any, Callable, Tuple

from . import Interpreter, InterpreterPoolExecutor, UnsupportedError, compat, kernels
from ._native.library import library, path, version

SECONDS = 0.05  # for each call that is timed
COMPANIONS = ("numpy", "cloudpickle", "numba", "cffi", "scipy", "threadpoolctl", "tqdm", "rich")

Way = Callable[[int], Tuple[bool, float]]


def loop(count: int) -> int:
    """Work in pure Python."""
    total = 0
    for i in range(count):
        total += i * i % 7
    return total


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def amount(call: Callable[[int], Any], first: int, most: int) -> int:
    """For how much work the call takes SECONDS or so."""
    size = first
    while size < most:
        seconds = timed(lambda: call(size))[0]  # noqa: B023, it is called at once
        if seconds > SECONDS / 4:
            return max(1, min(most, int(size * SECONDS / seconds)))
        size *= 4
    return most


def best(call: Callable[[], Any], rounds: int = 3) -> tuple[float, Any]:
    """The shortest time of some rounds, and a result."""
    return min((timed(call) for _ in range(rounds)), key=lambda found: found[0])


def in_python_threads(workers: int) -> tuple[bool, float]:
    """A C function from Python threads: (whether the answers are right, the speed-up)."""
    count = amount(lambda n: library.test(0, n), 1 << 20, 2**31 - 1)
    expected = kernels.sum_multiples(0, count, 3)

    def together() -> list[int]:
        results: list[int] = []
        threads = [threading.Thread(target=lambda: results.append(library.test(0, count))) for _ in range(workers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results

    alone, first = best(lambda: [library.test(0, count) for _ in range(workers)])
    beside, second = best(together)
    is_right = len(first) == len(second) == workers
    return is_right and all((x - expected) % 2**32 == 0 for x in first + second), alone / beside


def in_the_library(workers: int) -> tuple[bool, float]:
    """Threads inside the library: (whether the answers are right, the speed-up)."""
    terms = amount(lambda n: compat.pi(n, threads=1), 1 << 20, 1 << 40) * workers
    alone, first = best(lambda: compat.pi(terms, threads=1))
    beside, second = best(lambda: compat.pi(terms, threads=workers))
    return first == second and abs(first - 3.141592653589793 - 2 / terms) < 1e-9, alone / beside


def in_interpreters(workers: int) -> tuple[bool, float]:
    """Python code in isolated interpreters: (whether the answers are right, the speed-up)."""
    count = amount(loop, 1 << 10, 1 << 40)
    with InterpreterPoolExecutor(workers) as pool:
        list(pool.map(loop, [1] * workers))
        alone, first = best(lambda: [loop(count) for _ in range(workers)])
        beside, second = best(lambda: list(pool.map(loop, [count] * workers)))
    return first == second, alone / beside


WAYS: dict[str, Way] = {
    "a C function from Python threads": in_python_threads,
    "threads inside the library": in_the_library,
    "isolated interpreters": in_interpreters,
}


def libpython() -> str:
    """The file that interpreters are made from."""
    try:
        with Interpreter() as interpreter:
            return str(interpreter.eval("__import__('_ungil').libpython"))
    except UnsupportedError as reason:
        return str(reason)


def tried(way: Way, workers: int) -> dict[str, Any]:
    try:
        is_right, speed_up = way(workers)
    except UnsupportedError as reason:
        return {"result": "unsupported", "why": str(reason).replace("unsupported: ", "", 1)}
    except Exception as error:
        return {"result": "failed", "why": "%s: %s" % (type(error).__name__, error)}
    return {"result": "ok" if is_right else "wrong", "speed_up": round(speed_up, 2)}


def report() -> dict[str, Any]:
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
        "companions": [name for name in COMPANIONS if util.find_spec(name)],
        "workers": workers,
        "ways": {name: tried(way, workers) for name, way in WAYS.items()},
    }


def text(found: dict[str, Any]) -> str:
    level = found["cpu_level"]
    if level != found["cpu_level_detected"]:
        level += ", though the machine has " + found["cpu_level_detected"]
    lines = [
        ("ungil", "%(ungil)s, %(library)s" % found),
        ("Python", "%(python)s, %(executable)s" % found),
        ("system", found["system"]),
        ("CPU level", level),
        ("threads", str(found["threads"])),
        ("environment", " ".join("%s=%s" % item for item in found["environment"].items()) or "nothing set"),
        ("libpython", found["libpython"]),
        ("companions", ", ".join(found["companions"]) or "none"),
    ]
    parts = ["%-12s %s" % line for line in lines] + [""]
    for name, way in found["ways"].items():
        detail = (
            "%.2f times as fast with %d threads" % (way["speed_up"], found["workers"])
            if "speed_up" in way
            else way["why"]
        )
        parts.append("%-34s %-12s %s" % (name, way["result"], detail))
    return "\n".join(parts)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m ungil", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="for programs to read")
    arguments = parser.parse_args()
    found = report()
    print(json.dumps(found, indent=2) if arguments.json else text(found))
    return 0 if all(way["result"] in ("ok", "unsupported") for way in found["ways"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
