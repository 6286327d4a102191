"""The exceptions that the package raises. They are at the package's top level too.

All of them derive from `Error`. `CancelledError` and `TimeoutError` also derive from exceptions of concurrent.futures,
whose import takes several milliseconds. They are therefore created when they are first used, and at the latest when
`control` is imported, which each module with a call that can raise them does.
"""

from __future__ import annotations

from ._native import signatures as c

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._futures_errors import CancelledError as CancelledError
    from ._futures_errors import TimeoutError as TimeoutError

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
    """A call of the native library failed. The base class of the package's exceptions.

    Attributes
    ----------
    status : int
        The status that the C function returned: one of ungil.h's UNGIL_E_*.

    Examples
    --------
    >>> import ungil
    >>> try:
    ...     ungil.sum_multiples(0, 10, 0)
    ... except ungil.Error as error:
    ...     print(type(error).__name__, error.status)
    InvalidArgumentError -2
    """

    status: int = c.UNGIL_E_INTERNAL


class UnsupportedError(Error):
    """This machine or this Python does not support the operation, or a file is missing: the message says which.

    Attributes
    ----------
    status : int
        UNGIL_E_UNSUPPORTED.
    """

    status = c.UNGIL_E_UNSUPPORTED


class ExitingError(Error):
    """The process is exiting, and interpreters run no more code.

    Attributes
    ----------
    status : int
        UNGIL_E_EXITING.
    """

    status = c.UNGIL_E_EXITING


class ExecutionError(Error):
    """Code in an interpreter raised an exception that cannot be sent to the caller. The traceback is its ``__cause__``.

    Attributes
    ----------
    status : int
        UNGIL_E_PYTHON.
    """

    status = c.UNGIL_E_PYTHON


class InvalidArgumentError(Error, ValueError):
    """An argument has a value that the function does not accept.

    Attributes
    ----------
    status : int
        UNGIL_E_INVALID, UNGIL_E_NULL or UNGIL_E_HANDLE.
    """

    status = c.UNGIL_E_INVALID


class ResultOverflowError(Error, OverflowError):
    """The result does not fit in its type.

    Attributes
    ----------
    status : int
        UNGIL_E_OVERFLOW.
    """

    status = c.UNGIL_E_OVERFLOW


_LAZY = {"CancelledError": c.UNGIL_E_CANCELLED, "TimeoutError": c.UNGIL_E_TIMED_OUT}

# Each class is that of its `status`; these two statuses have none of their own.
_NAME_OF_STATUS = {
    c.UNGIL_E_NULL: "InvalidArgumentError",
    c.UNGIL_E_HANDLE: "InvalidArgumentError",
    **{_status: _name for _name, _status in _LAZY.items()},
    **{globals()[_name].status: _name for _name in __all__ if _name not in _LAZY},
}


if not TYPE_CHECKING:  # type checkers would take any name for one of the module's

    def __getattr__(name: str) -> type[Error]:
        if name not in _LAZY:
            raise AttributeError("module %r has no attribute %r" % (__name__, name))
        return _class(name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_LAZY})


def of_status(status: int, message: str) -> Error:
    """The exception for a status that is not UNGIL_OK."""
    error = _class(_NAME_OF_STATUS.get(status, "Error"))(message)
    error.status = status
    return error


def _class(name: str) -> type[Error]:
    """The exception of this name, created at its first use if it is one of the lazy ones."""
    if name not in globals():
        from . import _futures_errors

        globals()[name] = getattr(_futures_errors, name)
    found: type[Error] = globals()[name]
    return found
