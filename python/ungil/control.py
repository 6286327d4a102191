"""Watching and stopping calls that run: progress, cancellation, deadlines."""

from __future__ import annotations

import ctypes
import gc
import math
import time
from typing import NamedTuple

from ._native import scalars as _numbers
from ._native import signatures
from ._native.handle import Handle
from ._native.library import check, library

_LONGEST = 2**62  # milliseconds


class Progress(NamedTuple):
    """How far a call is: `done` of `total` items (numbers, terms, indices: what the call works on)."""

    done: int
    total: int

    @property
    def fraction(self) -> float:
        """From 0.0 to 1.0; 0.0 before the first call."""
        return self.done / self.total if self.total else 0.0


class Control(Handle):
    """A token that one call at a time takes, so that other threads can watch it and stop it.

    >>> with ungil.Control(deadline=2.5) as control:
    ...     ungil.pi(10**13, control=control)
    Traceback (most recent call last):
    ungil.TimeoutError: ...

    deadline: seconds from now, after which calls end with TimeoutError; None for no deadline.
    Errors: ungil.Error if 65536 controls are in use.
    Threads: any number may use one at once. A call that is stopped ends within 10 ms (where it calls a C function of
    yours, when that returns), with CancelledError or TimeoutError.
    """

    _kind = "control"
    _free = library.ungil_control_free

    def __init__(self, deadline: float | None = None) -> None:
        handle = ctypes.c_int32()
        status = library.ungil_control_new(ctypes.byref(handle))
        if status == signatures.UNGIL_E_EXHAUSTED:
            gc.collect()  # PyPy may not have looked for a while which of them nobody has
            status = library.ungil_control_new(ctypes.byref(handle))
        check(status)
        self._handle = handle.value
        if deadline is not None:
            self.set_deadline(deadline)

    def cancel(self) -> None:
        """Stops the call that is under this control, and each later one. It does not wait."""
        check(library.ungil_control_cancel(self._open()))

    def set_deadline(self, seconds: float | None) -> None:
        """Stops the call that is under this control, or a later one, in so many seconds; never, if that is None."""
        if seconds is None:
            milliseconds = -1
        else:
            milliseconds = math.ceil(min(max(_numbers.seconds("deadline", seconds) * 1000.0, 0.0), _LONGEST))
        check(library.ungil_control_set_deadline_ms(self._open(), milliseconds))

    @property
    def progress(self) -> Progress:
        """How far the latest call under this control is, or was when it ended."""
        done, total = ctypes.c_uint64(), ctypes.c_uint64()
        check(library.ungil_control_progress(self._open(), ctypes.byref(done), ctypes.byref(total)))
        return Progress(done.value, total.value)

    def close(self) -> None:
        """Gives the token back; a call that is under it is cancelled, and waited for."""
        while self._handle:
            status = self._free(self._handle)
            if status == signatures.UNGIL_E_IN_USE:
                library.ungil_control_cancel(self._handle)
                time.sleep(0.001)
            else:
                self._handle = 0
                if status != signatures.UNGIL_E_HANDLE:  # which another thread closed meanwhile
                    check(status)

    def __repr__(self) -> str:
        if not self._handle:
            return "<ungil.Control, closed>"
        return "<ungil.Control, %d of %d done>" % self.progress
