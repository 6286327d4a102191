"""How fast pure Python is in an interpreter, compared with this program.

A distribution may build libpython with fewer optimisations than its `python3`, which has a Python of its own built in.
"""

from __future__ import annotations

import math
import os
import time
from typing import Any, Callable

ROUNDS = 7
THRESHOLD = 1.1
"""The ratio above which an interpreter is called slower. Two measurements of the same build differ by less."""

ADVICE = """\
Interpreters take %.2f times as long as this program for pure Python: their libpython is a build with fewer
optimisations. To avoid that, use a Python whose libpython is built with --enable-optimizations and --with-lto, for
example from Docker's python images, conda, uv, or pyenv:
    PYTHON_CONFIGURE_OPTS="--enable-shared --enable-optimizations --with-lto" pyenv install VERSION
docs/pythons.md compares where Pythons come from."""


class _Point:
    def __init__(self, x: int, y: int) -> None:
        self.x = x
        self.y = y

    def moved(self, by: int) -> _Point:
        return _Point(self.x + by, self.y - by)


def _objects() -> int:
    point = _Point(0, 0)
    for i in range(5000):
        point = point.moved(i)
    return point.x


def _containers() -> int:
    counts: dict[int, int] = {}
    for i in range(10000):
        key = i * 7919 % 1009
        counts[key] = counts.get(key, 0) + 1
    return len(sorted([(count, key) for key, count in counts.items() if key % 3]))


def _floats() -> float:
    position, speed = 1.0, 0.0
    for _ in range(20000):
        speed -= position * 0.001
        position += speed * 0.001
    return position


def _strings() -> int:
    found = 0
    for _ in range(15):  # few objects at a time: whether more memory has to be mapped for them is a matter of luck
        words = ["%d-%s" % (i, "word") for i in range(200)]
        text = " ".join(words).upper().replace("-", "_")
        found += sum(1 for word in text.split() if word.startswith("1"))
    return found


WORKLOADS: dict[str, Callable[[], object]] = {
    "objects": _objects,
    "containers": _containers,
    "floats": _floats,
    "strings": _strings,
}
"""Small programs that stand for real ones. Each takes a millisecond or two."""

Measure = Callable[[str], float]  # a workload's name -> seconds


def cpu_seconds(name: str) -> float:
    """The processor time of one run of a workload. Other programs do not change it much."""
    workload = WORKLOADS[name]
    start = time.thread_time()
    workload()
    return time.thread_time() - start


def ratios(here: Measure, there: Measure) -> dict[str, float]:
    """The time of each workload there as a multiple of its time here: the best of rounds in which they take turns."""
    best = {name: [math.inf, math.inf] for name in WORKLOADS}
    for _ in range(ROUNDS):
        for name, seconds in best.items():
            seconds[0] = min(seconds[0], here(name))
            seconds[1] = min(seconds[1], there(name))
    return {name: there_best / here_best for name, (here_best, there_best) in best.items()}


def compared(here: Measure, there: Measure, is_same_file: bool) -> dict[str, Any]:
    """The comparison, ready for JSON. `is_same_file`: whether this program runs from the libpython that is copied."""
    try:
        workloads = ratios(here, there)
        ratio = math.exp(sum(map(math.log, workloads.values())) / len(workloads))
    except (ZeroDivisionError, ValueError):  # a time of 0: some sandboxes have a coarse clock
        return {"result": "unsupported", "why": "this system does not measure short processor times"}
    return {
        "result": "ok",
        "ratio": round(ratio, 2),
        "workloads": {name: round(value, 2) for name, value in workloads.items()},
        "is_slower_build": ratio > THRESHOLD and not is_same_file,
    }


def mapped_files() -> set[str]:
    """The files that this process has mapped, such as its libraries."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as maps:
            return {"/" + line.rstrip("\n").partition("/")[2] for line in maps if "/" in line}
    except OSError:
        return set()


def is_mapped(path: str, files: set[str]) -> bool:
    """Whether a file is among those of `mapped_files`."""
    return os.path.realpath(path) in files
