"""Progress, cancellation and deadlines of running calls."""

from __future__ import annotations

import ctypes
import gc
import math
import time
from typing import NamedTuple

from ._native import signatures
from ._native.handle import Handle
from ._native.library import check, library
from ._native.scalars import as_seconds

__all__ = ["Control", "Progress"]

_MAX_MILLISECONDS = 2**62  # millions of years, and within int64


class Progress(NamedTuple):
    """How far a call has come.

    Parameters
    ----------
    done : int
        How many items (numbers, terms, indices) the call has finished.
    total : int
        How many it has in all; 0 before the first call.

    See Also
    --------
    Control.progress : the progress of a call.

    Examples
    --------
    >>> import ungil
    >>> ungil.Progress(done=1, total=4).fraction
    0.25
    """

    done: int
    total: int

    @property
    def fraction(self) -> float:
        """The finished part, from 0.0 to 1.0; 0.0 before the first call."""
        return self.done / self.total if self.total else 0.0


class Control(Handle):
    """A cancellation token with progress and a deadline.

    One call at a time uses it, through its argument `control`. Other threads can then watch and cancel that call.

    Parameters
    ----------
    deadline : float, optional
        Seconds from now. When they have passed, calls that use the control end with `TimeoutError`. By default there
        is no deadline.

    Attributes
    ----------
    progress : Progress
        How far the latest call is.
    handle : int
        The handle for calls of the C API; 0 if the control is closed.

    Raises
    ------
    TypeError
        If `deadline` is not a number.
    ValueError
        If `deadline` is NaN.
    Error
        If 65536 controls are in use.

    See Also
    --------
    track : a progress bar for the calls that use a control.

    Notes
    -----
    A control is closed at the end of a ``with`` block, by `close`, or when nothing refers to it any more. Any number of
    threads may use it at the same time, but a second call that takes it raises `Error` while the first one runs.

    A call that is stopped ends within 10 ms; if it calls a C function of yours, when that function returns.

    Examples
    --------
    >>> import ungil
    >>> with ungil.Control() as control:
    ...     primes = ungil.count_primes(range(1000), control=control)
    ...     control.progress
    Progress(done=1000, total=1000)

    >>> with ungil.Control(deadline=0.1) as control:
    ...     ungil.compat.pi(10**13, control=control)
    Traceback (most recent call last):
    ungil.errors.TimeoutError: ...
    """

    _kind = "control"
    _free = library.ungil_control_free

    def __init__(self, deadline: float | None = None) -> None:
        handle = ctypes.c_int32()
        status = library.ungil_control_new(ctypes.byref(handle))
        if status == signatures.UNGIL_E_EXHAUSTED:
            gc.collect()  # PyPy frees unused objects late
            status = library.ungil_control_new(ctypes.byref(handle))
        check(status)
        self._handle = handle.value
        self._until: float | None = None
        if deadline is not None:
            self.set_deadline(deadline)

    def cancel(self) -> None:
        """Stop the call that uses this control, and every later one, with `CancelledError`.

        This does not wait for the call to end.

        Raises
        ------
        ValueError
            If the control is closed.
        """
        check(library.ungil_control_cancel(self._open()))

    def set_deadline(self, seconds: float | None) -> None:
        """Set or remove the deadline.

        Parameters
        ----------
        seconds : float or None
            Seconds from now, after which calls that use the control end with `TimeoutError`. None removes the deadline.

        Raises
        ------
        TypeError
            If `seconds` is not a number.
        ValueError
            If `seconds` is NaN, or the control is closed.
        """
        if seconds is None:
            milliseconds, until = -1, None
        else:
            milliseconds = math.ceil(min(max(as_seconds("deadline", seconds) * 1000.0, 0.0), _MAX_MILLISECONDS))
            until = time.monotonic() + milliseconds / 1000
        handle, self._until = self._open(), until
        check(library.ungil_control_set_deadline_ms(handle, milliseconds))

    @property
    def _has_expired(self) -> bool:
        """Whether the deadline has passed, perhaps a little earlier than the library finds."""
        until = self._until
        return until is not None and time.monotonic() >= until

    @property
    def progress(self) -> Progress:
        """How far the latest call that used this control is, or was when it ended."""
        done, total = ctypes.c_uint64(), ctypes.c_uint64()
        check(library.ungil_control_progress(self._open(), ctypes.byref(done), ctypes.byref(total)))
        return Progress(done.value, total.value)

    def close(self) -> None:
        """Free the control. A call that uses it is cancelled first, and waited for."""
        while self._handle:
            status = self._free(self._handle)
            if status == signatures.UNGIL_E_IN_USE:
                library.ungil_control_cancel(self._handle)
                time.sleep(0.001)
            else:
                self._handle = 0
                if status != signatures.UNGIL_E_HANDLE:  # another thread has freed it at the same time
                    check(status)

    def __repr__(self) -> str:
        if not self._handle:
            return "<ungil.Control, closed>"
        return "<ungil.Control, %d of %d done>" % self.progress
