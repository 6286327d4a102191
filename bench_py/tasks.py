"""The tasks of the pools: functions that processes can import.

numpy is imported by those that need it only, as interpreters of the standard library cannot.
"""

from __future__ import annotations

import ctypes
import functools
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy


def same(value: Any) -> Any:
    return value


def increment(value: int) -> int:
    return value + 1


class Echo:
    """What an actor is made of."""

    def same(self, value: Any) -> Any:
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


def sleep_in_c(microseconds: int, value: Any) -> Any:
    """Sleeps in a C function, which ctypes calls without any lock."""
    c_library().usleep(microseconds)
    return value


@functools.cache
def c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


queues: tuple[Any, ...] = ()  # of a process, which gets them at its start only


def keep_queues(*given: Any) -> None:
    global queues
    queues = given


def send_back(there: Any = None, back: Any = None) -> None:
    """Puts all messages that come to a queue into another, up to None."""
    there, back = (there, back) if there is not None else queues
    for message in iter(there.get, None):
        back.put(message)


def ask(count: int, there: Any = None, back: Any = None) -> int:
    """Sends messages to `send_back`, each when the answer to the one before is here. Returns the sum of the answers."""
    there, back = (there, back) if there is not None else queues
    total = 0
    for i in range(count):
        there.put(i)
        total += back.get()
    return total


def ask_at_once(count: int, there: Any = None, back: Any = None) -> int:
    """The same without waiting for answers in between."""
    there, back = (there, back) if there is not None else queues
    for i in range(count):
        there.put(i)
    return sum(back.get() for _ in range(count))
