"""The tasks of the pools: functions that processes can import.

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


def length(data: numpy.ndarray) -> int:
    """Takes an array and does not read it."""
    return len(data)


def total(data: numpy.ndarray) -> int:
    """Reads the whole array: the sum of its 64-bit words."""
    return int(data.sum())


def words(size: int) -> numpy.ndarray:
    """An array of this many bytes, in which all words differ."""
    import numpy

    return numpy.arange(size // 8, dtype=numpy.uint64)


def sorted_roots(numbers: numpy.ndarray) -> numpy.ndarray:
    import numpy

    return numpy.sort(numpy.sqrt(numbers))


def sleep_with_numpy(seconds: float) -> str:
    import numpy

    time.sleep(seconds)
    return str(numpy.float64(1))
