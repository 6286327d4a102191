"""How threads wait for the shared objects: in the library, without the GIL, and so that Ctrl-C and interrupts end it.

A signal ends the library's wait, and then Python runs the signal's handler. One that arrives just before the wait is
noticed at the end of a slice of it.
"""

from __future__ import annotations

import ctypes
import math
import time
from typing import Any, Callable

from .._native import signatures as c
from .._native.interruptible import POLL_INTERVAL, check_asyncio, in_main_thread
from .._native.library import last_error, library
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
        call = controlled(call, control)
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


def controlled(call: Callable[[int, int], int], control: Control) -> Callable[[int, int], int]:
    """The call for slices of one wait, with a control, which the library does not know to be in use between them."""
    if not isinstance(control, Control):
        raise TypeError("control: expected an ungil.Control or None, not %s" % type(control).__name__)
    handle = control._open()
    has_begun = False

    def once(milliseconds: int, _: int) -> int:
        nonlocal has_begun
        status = call(milliseconds, handle)
        if has_begun and status == c.UNGIL_E_HANDLE and _is_closed(handle):
            raise of_status(c.UNGIL_E_CANCELLED, "its control was closed")
        if has_begun and status == c.UNGIL_E_IN_USE:  # until the other call has ended
            status = call(min(milliseconds, _SHORT), 0)
        if status == c.UNGIL_E_TIMED_OUT and control._has_expired:  # of the slice or of the control: they look the same
            raise of_status(status, "stopped at the deadline of its control")
        has_begun = True
        return status

    return once


def _is_closed(control: int) -> bool:
    done, total = ctypes.c_uint64(), ctypes.c_uint64()
    status = library.ungil_control_progress(control, ctypes.byref(done), ctypes.byref(total))
    return bool(status == c.UNGIL_E_HANDLE)


_SHORT = 1
"""Milliseconds of a slice while another call uses the control."""


def raise_for(status: int) -> Any:
    """Raise the exception for the status of this thread's latest call."""
    raise of_status(status, last_error())
