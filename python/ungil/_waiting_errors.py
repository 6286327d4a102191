"""The exceptions of `ungil.errors` that derive from those of concurrent.futures; only `ungil.errors` imports this."""

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
    """The call's control was cancelled."""

    status = c.UNGIL_E_CANCELLED


class TimeoutError(Error, _TimeoutErrors):
    """The deadline of the call's control came."""

    status = c.UNGIL_E_TIMED_OUT


for _error in (CancelledError, TimeoutError):
    _error.__module__ = "ungil.errors"  # where they are public, and pickled from
