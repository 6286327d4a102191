"""What can go wrong, as exceptions."""

from __future__ import annotations

from ._native import signatures as c


class Error(RuntimeError):
    """A call of the library failed. Its `status` is one of ungil.h's UNGIL_E_*."""

    status: int = c.UNGIL_E_INTERNAL


class Cancelled(Error):
    """The call's control was cancelled."""


class TimedOut(Error, TimeoutError):
    """The deadline of the call's control came."""


class Unsupported(Error):
    """This machine or this Python cannot do it, or a file is missing: the message says which."""


class Exiting(Error):
    """The process is exiting, and interpreters run no code any more."""

    status = c.UNGIL_E_EXITING


class ExecutionFailed(Error):
    """Code in an interpreter ended with an exception that cannot be had here; its cause is the traceback."""

    status = c.UNGIL_E_PYTHON


class Invalid(Error, ValueError):
    """A parameter has a value that the function has no answer for."""


class Overflow(Error, OverflowError):
    """The result does not fit in its type."""


_OF_STATUS = {
    c.UNGIL_E_NULL: Invalid,
    c.UNGIL_E_INVALID: Invalid,
    c.UNGIL_E_HANDLE: Invalid,
    c.UNGIL_E_OVERFLOW: Overflow,
    c.UNGIL_E_CANCELLED: Cancelled,
    c.UNGIL_E_TIMED_OUT: TimedOut,
    c.UNGIL_E_PYTHON: ExecutionFailed,
    c.UNGIL_E_UNSUPPORTED: Unsupported,
    c.UNGIL_E_EXITING: Exiting,
}


def of_status(status: int, message: str) -> Error:
    """The exception for a status that is not UNGIL_OK."""
    error = _OF_STATUS.get(status, Error)(message)
    error.status = status
    return error
