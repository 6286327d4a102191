"""What the pools are given to do: functions that processes can import.

numpy is imported by those that need it only, as interpreters of the standard library cannot.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
    import numpy

    return numpy.ones(count, dtype=numpy.uint8)


def sorted_roots(numbers: numpy.ndarray) -> numpy.ndarray:
    import numpy

    return numpy.sort(numpy.sqrt(numbers))


def sleep_with_numpy(seconds: float) -> str:
    import numpy

    time.sleep(seconds)
    return str(numpy.float64(1))
