"""The exceptions that the package raises.

All derive from `Error`. `CancelledError` and `TimeoutError` are made when they are first asked for, as they derive from
exceptions of concurrent.futures, whose import takes as long as half of the package's.
"""

from __future__ import annotations

from ._native import signatures as c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._waiting_errors import CancelledError as CancelledError
    from ._waiting_errors import TimeoutError as TimeoutError

__all__ = [
    "CancelledError",
    "Error",
    "ExecutionError",
    "ExitingError",
    "InvalidArgumentError",
    "ResultOverflowError",
    "TimeoutError",
    "UnsupportedError",
]


class Error(RuntimeError):
    """A call of the library failed.

    Attributes
    ----------
    status : int
        One of ungil.h's UNGIL_E_*.
    """

    status: int = c.UNGIL_E_INTERNAL


class UnsupportedError(Error):
    """This machine or this Python cannot do it, or a file is missing: the message says which."""

    status = c.UNGIL_E_UNSUPPORTED


class ExitingError(Error):
    """The process is exiting, and interpreters run no more code."""

    status = c.UNGIL_E_EXITING


class ExecutionError(Error):
    """Code in an interpreter raised an exception that cannot be sent here; its cause has the traceback."""

    status = c.UNGIL_E_PYTHON


class InvalidArgumentError(Error, ValueError):
    """An argument has a value that the function does not accept."""

    status = c.UNGIL_E_INVALID


class ResultOverflowError(Error, OverflowError):
    """The result does not fit in its type."""

    status = c.UNGIL_E_OVERFLOW


_OF_STATUS = {
    c.UNGIL_E_NULL: "InvalidArgumentError",
    c.UNGIL_E_INVALID: "InvalidArgumentError",
    c.UNGIL_E_HANDLE: "InvalidArgumentError",
    c.UNGIL_E_OVERFLOW: "ResultOverflowError",
    c.UNGIL_E_CANCELLED: "CancelledError",
    c.UNGIL_E_TIMED_OUT: "TimeoutError",
    c.UNGIL_E_PYTHON: "ExecutionError",
    c.UNGIL_E_UNSUPPORTED: "UnsupportedError",
    c.UNGIL_E_EXITING: "ExitingError",
}


def __getattr__(name: str) -> object:
    if name not in ("CancelledError", "TimeoutError"):
        raise AttributeError("module %r has no attribute %r" % (__name__, name))
    from . import _waiting_errors

    value = globals()[name] = getattr(_waiting_errors, name)
    return value


def of_status(status: int, message: str) -> Error:
    """The exception for a status that is not UNGIL_OK."""
    name = _OF_STATUS.get(status, "Error")
    kind: type[Error] = globals().get(name) or __getattr__(name)  # type: ignore[assignment]
    error = kind(message)
    error.status = status
    return error
