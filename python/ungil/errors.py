"""The exceptions that the package raises. They are at the package's top level too.

All of them derive from `Error`. Some derive from exceptions of concurrent.futures, whose import takes milliseconds:
isolated interpreters do not import this module at their start.
"""

from __future__ import annotations

import builtins
import concurrent.futures

from ._native import signatures as c

__all__ = [
    "CancelledError",
    "Error",
    "ExecutionError",
    "ExitingError",
    "InterpreterDiedError",
    "InvalidArgumentError",
    "ResultOverflowError",
    "TimeoutError",
    "UnsupportedError",
]

TYPE_CHECKING = False
if TYPE_CHECKING or concurrent.futures.TimeoutError is builtins.TimeoutError:  # from Python 3.11 on
    _TimeoutErrors = builtins.TimeoutError
else:

    class _TimeoutErrors(builtins.TimeoutError, concurrent.futures.TimeoutError):
        """Both."""


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


class InterpreterDiedError(Error):
    """Code in an interpreter did something that ends a process, such as calling ``abort()``, and ended the interpreter.

    The message says what it did. The Python stack of that code, if it is known, is the ``__cause__``. All other calls
    in that interpreter end with this exception too, and so do later ones.

    Attributes
    ----------
    status : int
        UNGIL_E_DIED.

    Examples
    --------
    >>> import os, ungil
    >>> with ungil.Interpreter() as interpreter:
    ...     try:
    ...         interpreter.call(os._exit, 3)
    ...     except ungil.InterpreterDiedError as error:
    ...         print(error)
    the interpreter died: _exit(3) was called
    """

    status = c.UNGIL_E_DIED


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


class CancelledError(Error, concurrent.futures.CancelledError):
    """The call's control was cancelled.

    Attributes
    ----------
    status : int
        UNGIL_E_CANCELLED.

    See Also
    --------
    ungil.Control.cancel : cancels a call.

    Examples
    --------
    >>> import ungil
    >>> with ungil.Control() as control:
    ...     control.cancel()
    ...     try:
    ...         ungil.count_primes(range(100), control=control)
    ...     except ungil.CancelledError:
    ...         print("cancelled")
    cancelled
    """

    status = c.UNGIL_E_CANCELLED


class TimeoutError(Error, _TimeoutErrors):
    """The deadline of the call's control passed.

    Attributes
    ----------
    status : int
        UNGIL_E_TIMED_OUT.

    See Also
    --------
    ungil.Control : a control with a deadline.

    Examples
    --------
    >>> import ungil
    >>> with ungil.Control(deadline=0) as control:
    ...     try:
    ...         ungil.count_primes(range(100), control=control)
    ...     except ungil.TimeoutError:
    ...         print("too late")
    too late
    """

    status = c.UNGIL_E_TIMED_OUT


# Each class is that of its `status`. NULL and HANDLE share the class of INVALID. Statuses without a class, as IN_USE,
# EXHAUSTED and FORKED, become `Error`.
_CLASSES = {
    c.UNGIL_E_NULL: InvalidArgumentError,
    c.UNGIL_E_HANDLE: InvalidArgumentError,
    **{globals()[_name].status: globals()[_name] for _name in __all__},
}


def of_status(status: int, message: str) -> Error:
    """The exception for a status that is not UNGIL_OK."""
    error: Error = _CLASSES.get(status, Error)(message)
    error.status = status
    return error
