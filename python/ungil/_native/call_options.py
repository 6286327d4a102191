"""How the library's long functions are called: number of threads, control, Ctrl-C, and the end of the program."""

from __future__ import annotations

import atexit
import contextlib
import operator
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Callable, NamedTuple, SupportsIndex

from .. import errors
from ..control import Control
from . import signatures
from .forks import register_at_fork
from .interruptible import in_main_thread, run_interruptibly
from .library import last_error
from .scalars import short_repr

if TYPE_CHECKING:
    from .._arrays.buffers import BufferRef

INTERRUPTIBLE_ABOVE_NS = 10_000_000
"""A call that may take longer is made so that Ctrl-C can interrupt it, which costs 50 microseconds."""

SERIAL_BELOW_NS = 50_000
"""A call that takes less time runs on one thread: a second one would not make it faster."""

UNBOUNDED = float("inf")
"""The time of a call of the caller's own C function, which is unknown."""

MAX_THREADS = 256  # as in the library: a larger number means this one


class CallOptions(NamedTuple):
    """The arguments `threads` and `control` of a long function."""

    threads: int  # 0 for the default
    control: Control | None

    @classmethod
    def from_arguments(cls, threads: int | None, control: Control | None) -> CallOptions:
        """The options, if both arguments are valid."""
        if threads is not None:
            threads = _positive("threads", threads)
        if control is not None:
            if not isinstance(control, Control):
                raise TypeError("control: expected an ungil.Control or None, not %s" % type(control).__name__)
            if not control.handle:
                raise ValueError("control: the control is closed")
        return cls(min(threads or 0, MAX_THREADS), control)

    def run(self, call: Callable[[int, int], int], nanoseconds: float, *buffers: BufferRef) -> int:
        """Return the status of call(threads, handle of the control), or raise the exception of a failed call.

        nanoseconds: the most that the call takes, on one thread at the slowest CPU level.
        buffers: memory that the call uses, released at its end. That may be after this function returns, if Ctrl-C
        was pressed twice.
        """
        is_main = in_main_thread()
        control, is_long = self.control, nanoseconds > INTERRUPTIBLE_ABOVE_NS and is_main
        if control is None and (is_long or nanoseconds == UNBOUNDED):
            control = Control()  # the running call holds a reference, so it is freed after the call
        threads = self.threads or (1 if nanoseconds < SERIAL_BELOW_NS else 0)
        # Read once: if the control is closed before the call, the call must fail, and not run without a control.
        handle = control.handle if control is not None else 0

        def run() -> int:
            if control is None or nanoseconds < UNBOUNDED:
                return _checked(call, threads, handle, buffers)
            with _cancelled_at_exit(control, is_main):
                return _checked(call, threads, handle, buffers)

        return run_interruptibly(run, lambda: _cancel(control)) if is_long and control is not None else run()


# The calls of callers' functions that are running. Such a function may be Python code, which would crash after Python's
# end. Each call adds and removes its own entry, by one dict operation each.
_active_calls: dict[object, Control] = {}
_is_exiting = False

_EXIT_TIMEOUT = 1.0
"""Seconds that the program's end waits for cancelled calls. Each needs one call of the caller's function, usually less
than a millisecond; a function that takes longer than this must not keep the program from ending."""


@contextlib.contextmanager
def _cancelled_at_exit(control: Control, is_main: bool) -> Iterator[None]:
    """Cancel the call in the block when the program ends, and end its thread, which is then a daemon thread.

    The main thread goes on: it runs the functions that the program has registered with atexit.
    """
    key = object()
    _active_calls[key] = control
    try:
        if _is_exiting and not is_main:
            raise SystemExit
        yield
    except errors.CancelledError:
        if _is_exiting and not is_main:
            raise SystemExit from None
        raise
    finally:
        _active_calls.pop(key, None)  # a child that was forked during the call has no entry


def _cancel_active_calls() -> None:
    """Before Python ends, end the calls that may need it. A call that ignores its control is not waited for long."""
    global _is_exiting
    _is_exiting = True
    end = time.monotonic() + _EXIT_TIMEOUT
    while _active_calls and time.monotonic() < end:
        for control in list(_active_calls.values()):
            _cancel(control)
        time.sleep(0.001)


atexit.register(_cancel_active_calls)
register_at_fork(after_in_child=_active_calls.clear)  # the parent's threads do not exist in the child


def _positive(name: str, value: SupportsIndex) -> int:
    try:
        number = 0 if isinstance(value, bool) else operator.index(value)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError("%s: expected a positive integer or None, not %s" % (name, short_repr(value)))
    return number


def _checked(call: Callable[[int, int], int], threads: int, handle: int, buffers: tuple[BufferRef, ...]) -> int:
    try:
        status = call(threads, handle)
        if status < signatures.UNGIL_OK:
            raise errors.of_status(status, last_error())
        return status
    finally:
        for buffer in buffers:
            buffer.release()


def _cancel(control: Control) -> None:
    with contextlib.suppress(ValueError):  # the call has ended, and its control is closed
        control.cancel()
