"""Memory that is lent until its contents have been copied, as that of bytes: interpreters give it back by a flag.

A release callback that is written in Python waits for this Python's lock, and the task with it: for milliseconds, if
the program computes meanwhile. A flag is looked at when the call is over.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Iterable

from .._native import signatures as c
from .._native.lending import keep_for_ever
from .._native.library import library

_COUNT = 4096
_ENOUGH = 16  # of buffers that are lent: from then on, each time those of other calls are looked at, too

_flags = (ctypes.c_uint8 * _COUNT)()
_START = ctypes.addressof(_flags)
_free = list(range(_COUNT)) if sys.implementation.name == "cpython" else []
_lent: dict[int, memoryview] = {}  # by the flags' numbers. Any thread changes it, by one operation of a dict.
keep_for_ever(_flags)

release = ctypes.cast(library.ungil_release_flag, c.UngilRelease)
"""The release callback of this memory. Its owner is the address of a flag."""


def lend(view: memoryview) -> int | None:
    """The address of the flag for this memory, which is kept until the flag is set; None if there is no flag left."""
    if len(_lent) >= _ENOUGH:
        take_back([_START + number for number in list(_lent)])
    try:
        number = _free.pop()
    except IndexError:
        return None
    _flags[number] = 0
    _lent[number] = view
    return _START + number


def take_back(owners: Iterable[int]) -> None:
    """Let go of the memory whose flags are set. Other owners are ignored."""
    for owner in owners:
        number = owner - _START
        if 0 <= number < _COUNT and _flags[number] and _lent.pop(number, None) is not None:
            _free.append(number)
