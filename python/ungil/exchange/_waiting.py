"""How threads wait for the shared objects: in the library, without the GIL, and so that Ctrl-C and interrupts end it.

A signal ends the library's wait, and then Python runs the signal's handler. One that arrives just before the wait is
noticed at the end of a slice of it.
"""

from __future__ import annotations

import math
import time
from typing import Any, Callable

from .._native import signatures as c
from .._native.interruptible import POLL_INTERVAL, check_asyncio, in_main_thread
from .._native.library import last_error
from .._native.scalars import as_seconds
from ..control import Control
from ..errors import of_status
from ._objects import HOLDER

SLICE = int(1000 * POLL_INTERVAL)
"""Milliseconds of a wait in the program's main thread, and of the first one in all threads."""

LONG_SLICE = 500
"""Milliseconds of a wait in other threads. (The library wakes interrupted threads of interpreters several times.)"""

FOREVER = 2**53  # seconds, for float arithmetic


def seconds_of(timeout: float | None) -> float | None:
    """The timeout as the functions here take it. Raises ValueError as queue.Queue does."""
    if timeout is not None and not timeout >= 0:
        raise ValueError("'timeout' must be a non-negative number")
    return timeout


def threading_seconds(timeout: float | None) -> float | None:
    """The timeout. As in threading, one that is negative has passed."""
    return None if timeout is None else max(as_seconds("timeout", timeout), 0)


def wait(call: Callable[[int, int], int], timeout: float | None = None, control: Control | None = None) -> int:
    """The status of call(milliseconds, handle of the control), which waits for so long, when there is one."""
    if control is not None:
        return _controlled(call, timeout, control)
    if timeout is None:
        status = call(SLICE, 0)
        while status == c.UNGIL_E_TIMED_OUT or status == c.UNGIL_E_INTERRUPTED:
            status = call(_slice(), 0)
        return status
    end = time.monotonic() + timeout
    status = call(_milliseconds(timeout, SLICE), 0)
    while status == c.UNGIL_E_TIMED_OUT or status == c.UNGIL_E_INTERRUPTED:
        left = end - time.monotonic()
        if left <= 0 and status == c.UNGIL_E_TIMED_OUT:
            break
        status = call(_milliseconds(left, _slice()), 0)
    return status


def _slice() -> int:
    if not HOLDER and in_main_thread():
        check_asyncio()
        return SLICE
    return LONG_SLICE


def _milliseconds(seconds: float, longest: int) -> int:
    return max(0, min(math.ceil(1000 * seconds) if seconds < FOREVER else longest, longest))


def _controlled(call: Callable[[int, int], int], timeout: float | None, control: Control) -> int:
    """The same, with a control that cancels the wait. Between slices the library does not know that it is in use."""
    if not isinstance(control, Control):
        raise TypeError("control: expected an ungil.Control or None, not %s" % type(control).__name__)
    handle = control._open()
    slices = 0

    def once(milliseconds: int, _: int) -> int:
        nonlocal slices
        status = call(milliseconds, handle)
        if status == c.UNGIL_E_TIMED_OUT and control._has_expired:  # of the slice or of the control: they look the same
            raise of_status(status, "stopped at the deadline of its control")
        if slices and status == c.UNGIL_E_HANDLE:
            raise of_status(c.UNGIL_E_CANCELLED, "its control was closed")
        if slices and status == c.UNGIL_E_IN_USE:  # a short call came between
            time.sleep(_SHORT)
            status = c.UNGIL_E_TIMED_OUT
        slices += 1
        return status

    return wait(once, timeout, control=None)


_SHORT = 0.001
"""Seconds until a control is looked at again that another call uses."""


def raise_for(status: int) -> Any:
    """Raise the exception for the status of this thread's latest call."""
    raise of_status(status, last_error())
