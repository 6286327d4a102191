"""How the library's long functions are called: on how many threads, under which control, and where Ctrl-C is heard."""

from __future__ import annotations

import contextlib
import operator
from typing import TYPE_CHECKING, Callable, NamedTuple, SupportsIndex

from . import _errors, _signatures
from ._library import last_error
from ._numbers import shown
from ._waiting import hearing_signals, in_main_thread
from .control import Control

if TYPE_CHECKING:
    from ._buffers import Memory

SHORT = 10_000_000
"""Nanoseconds. A call that may take longer is made where Ctrl-C is heard, which costs 50 microseconds."""

ALONE = 50_000
"""Nanoseconds. A call that takes less is nothing for a second thread."""

UNKNOWN = float("inf")
"""Nanoseconds of a call that calls functions of others."""

MOST_THREADS = 256


class Manner(NamedTuple):
    """What callers say about how a long function is to be called."""

    threads: int  # 0 for the default
    control: Control | None

    def run(self, call: Callable[[int, int], int], nanoseconds: float, *memories: Memory) -> int:
        """call(threads, the control's handle): its status, if that is none of the library's errors.

        nanoseconds: what the call may take on one thread at the slowest CPU level.
        memories: what the call uses. They are released when it is over, which is later than this function's end if
        Ctrl-C was pressed twice.
        """
        control = self.control
        threads = self.threads or (1 if nanoseconds < ALONE else 0)
        if nanoseconds > SHORT and in_main_thread():
            watched = control if control is not None else Control()
            handle = watched.handle
            # A private control is freed with the last reference to it, which is the call's as long as that runs.
            return hearing_signals(
                lambda: _checked(call, threads, watched.handle or handle, memories), lambda: _cancel(watched)
            )
        return _checked(call, threads, control.handle if control is not None else 0, memories)


def manner(threads: int | None, control: Control | None) -> Manner:
    """These parameters, when they are right."""
    if threads is not None:
        threads = _positive("threads", threads)
    if control is not None:
        if not isinstance(control, Control):
            raise TypeError("control: expected an ungil.Control or None, not %s" % type(control).__name__)
        if not control.handle:
            raise ValueError("control: it is closed")
    return Manner(min(threads or 0, MOST_THREADS), control)


def _positive(name: str, value: SupportsIndex) -> int:
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError("%s: expected a positive integer or None, not %s" % (name, shown(value)))
    return number


def _checked(call: Callable[[int, int], int], threads: int, handle: int, memories: tuple[Memory, ...]) -> int:
    try:
        status = call(threads, handle)
        if status < _signatures.UNGIL_OK:
            raise _errors.of_status(status, last_error())
        return status
    finally:
        for memory in memories:
            memory.release()


def _cancel(control: Control) -> None:
    with contextlib.suppress(ValueError):  # it is over, and its control closed
        control.cancel()
