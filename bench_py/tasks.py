"""What the pools are given to do: functions that processes can import, and that import nothing but numpy."""

from __future__ import annotations

import time
from typing import Any

import numpy


def same(value: Any) -> Any:
    return value


def loop(count: int) -> int:
    total = 0
    for i in range(count):
        total += i * i % 7
    return total


def ends(data: numpy.ndarray) -> tuple[int, int, int]:
    """What shows that all of it came: its length, and its first and last byte."""
    return len(data), int(data[0]), int(data[-1])


def ones(count: int) -> numpy.ndarray:
    return numpy.ones(count, dtype=numpy.uint8)


def sorted_roots(numbers: numpy.ndarray) -> numpy.ndarray:
    return numpy.sort(numpy.sqrt(numbers))


def sleep_with_numpy(seconds: float) -> str:
    time.sleep(seconds)
    return str(numpy.float64(1))
