"""How the library's long functions are called: on how many threads, under which control, and where Ctrl-C is heard."""

from __future__ import annotations

import atexit
import contextlib
import operator
import os
import time
from typing import TYPE_CHECKING, Callable, Iterator, NamedTuple, SupportsIndex

from .. import errors as _errors
from ..control import Control
from . import signatures
from .interruptible import run_interruptibly, in_main_thread
from .library import last_error
from .scalars import shown

if TYPE_CHECKING:
    from .._arrays.buffers import Memory

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
        is_main = in_main_thread()
        control, is_long = self.control, nanoseconds > SHORT and is_main
        if control is None and (is_long or nanoseconds == UNKNOWN):
            control = Control()  # freed with the last reference to it, which is the call's as long as that runs
        threads = self.threads or (1 if nanoseconds < ALONE else 0)
        handle = control.handle if control is not None else 0

        def run() -> int:
            current = control.handle or handle if control is not None else 0
            if control is None or nanoseconds < UNKNOWN:
                return _checked(call, threads, current, memories)
            with _until_exit(control, is_main):
                return _checked(call, threads, current, memories)

        return run_interruptibly(run, lambda: _cancel(control)) if is_long and control is not None else run()


# Calls of functions of others, which may be in Python: after Python's end, such a function crashes.
_under_way: dict[object, Control] = {}  # each adds and removes its own, by one operation of a dict
_is_ending = False
_PATIENCE = 1.0  # seconds


@contextlib.contextmanager
def _until_exit(control: Control, is_main: bool) -> Iterator[None]:
    """A call that the end of the program cancels, with its thread, which a daemon's is then. The main thread goes on:
    it runs what the program has registered by atexit."""
    token = object()
    _under_way[token] = control
    try:
        if _is_ending and not is_main:
            raise SystemExit
        yield
    except _errors.CancelledError:
        if _is_ending and not is_main:
            raise SystemExit from None
        raise
    finally:
        _under_way.pop(token, None)  # the child of a fork inside the call has none


def _end() -> None:
    """Before Python ends, calls that may need it do; one that does not look at its control is not waited for long."""
    global _is_ending
    _is_ending = True
    end = time.monotonic() + _PATIENCE
    while _under_way and time.monotonic() < end:
        for control in list(_under_way.values()):
            _cancel(control)
        time.sleep(0.001)


atexit.register(_end)
os.register_at_fork(after_in_child=_under_way.clear)  # the parent's threads are not there


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
        if status < signatures.UNGIL_OK:
            raise _errors.of_status(status, last_error())
        return status
    finally:
        for memory in memories:
            memory.release()


def _cancel(control: Control) -> None:
    with contextlib.suppress(ValueError):  # it is over, and its control closed
        control.cancel()
