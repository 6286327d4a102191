"""The exceptions of `ungil.errors` that derive from those of concurrent.futures. Only `ungil.errors` imports this."""

from __future__ import annotations

import builtins
import concurrent.futures

from ._native import signatures as c
from .errors import Error

TYPE_CHECKING = False
if TYPE_CHECKING or concurrent.futures.TimeoutError is builtins.TimeoutError:  # from Python 3.11 on
    _TimeoutErrors = builtins.TimeoutError
else:

    class _TimeoutErrors(builtins.TimeoutError, concurrent.futures.TimeoutError):
        """Both."""


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


for _error in (CancelledError, TimeoutError):
    _error.__module__ = "ungil.errors"  # their public module, and the one that pickle looks in
