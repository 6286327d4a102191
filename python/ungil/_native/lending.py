"""Memory that goes through the library: this Python's, which is lent, and the library's, which has views here.

Interpreters may use what they were given after the end of this module: so it is never freed.
"""

from __future__ import annotations

import atexit
import ctypes
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._arrays.addresses import address_of
from . import signatures as c
from .library import library
from .locks import Numbers


def keep_for_ever(*objects: Any) -> None:
    """Never free these objects."""
    if sys.implementation.name == "cpython":
        for each in objects:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(each))


class Lent(NamedTuple):
    """Memory that is lent.

    memory: the view, and what its address needs.
    loan: what keeps the program from writing to it.
    interpreter: the handle of the only one that has it, or 0.
    """

    memory: tuple[memoryview, Any]
    loan: Any
    interpreter: int


lent: dict[int, Lent] = {}
"""By the numbers of loans. Any thread adds to it or removes from it, by one operation of a dict."""

_numbers = Numbers()


def end_loan(number: int, pop: Any = lent.pop) -> None:
    """Let go of memory, if that has not happened yet. Receivers do it, by a callback."""
    pop(number, None)


_release = c.UngilRelease(end_loan)
keep_for_ever(_release)
# A receiver may outlast this Python, and would crash in a callback then.
atexit.register(library.ungil_interp_end_release, _release)


def lend(view: memoryview, writable: bool, loan: Any = None, interpreter: int = 0) -> c.UngilBuffer:
    """Lend memory. The buffer's owner is the number of the loan, which lasts until that is passed to `end_loan`."""
    address, keeper = address_of(view)
    number = _numbers.take()
    lent[number] = Lent((view, keeper), loan, interpreter)
    return c.UngilBuffer(address, view.nbytes, not writable, _release, number)


# Making an array type for each length would take 20 us. All memory is a part of this array instead.
_AllMemory = ctypes.c_char * sys.maxsize


def view_of(owner: Any, address: int | None, length: int) -> memoryview:
    """A view of memory of the library's, which is freed with its owner. The view keeps that."""
    memory: Any = _AllMemory.from_address(address or 0)
    memory.owner = owner
    return memoryview(memory).cast("B")[:length]


def views_of(owner: Any) -> Sequence[memoryview]:
    """Views of the buffers of a message or a reply, which they keep."""
    views = []
    for i in range(owner.count):
        buffer = owner.buffers[i]
        view = view_of(owner, buffer.address, buffer.length)
        views.append(view.toreadonly() if buffer.readonly else view)
    return views
