"""Numbers of the library's objects, which are freed with the last reference to them, by code in C alone.

A `__del__` in Python may run a signal handler, and what that raises is lost there: KeyboardInterrupt, for example.
"""

from __future__ import annotations

import ctypes
from typing import Any
from weakref import ref

from .forks import register_at_fork


class OwnedNumber:
    """The number of an object of the library, which is freed with this one.

    It is 0 until the library has set it, and in the child of a fork, which has other objects.

    Parameters
    ----------
    free : ctypes function
        What the library frees such an object with. For 0 it does nothing.
    """

    __slots__ = ("__weakref__", "number")

    def __init__(self, free: Any) -> None:
        self.number = ctypes.c_int64()
        finalizer = _Finalizer(self, free)
        finalizer.set_number(self.number)
        _finalizers[id(finalizer)] = finalizer
        if len(_finalizers) > _limit:
            _remove_dead()


class _Finalizer(ref):  # type: ignore[type-arg]
    """A reference that calls the library's function with the number: ctypes takes this as the argument of that call."""

    __slots__ = ("_as_parameter_",)

    _as_parameter_: ctypes.c_int64

    def set_number(self, number: ctypes.c_int64) -> None:
        self._as_parameter_ = number

    def forget_number(self) -> None:
        self._as_parameter_.value = 0


_MOST_DEAD = 256

# Where they are until they have been called, also if the owner is freed by garbage collection. The keys are not their
# hashes: these are of the owners, of which one after the other is at the same address.
_finalizers: dict[int, _Finalizer] = {}
_limit = _MOST_DEAD


def _remove_dead() -> None:
    """Remove those that have been called. It takes as long as to add as many."""
    global _limit
    finalizers = _finalizers.copy()  # which keeps them, so that no new one gets the key of one of these
    dead = [key for key, finalizer in finalizers.items() if finalizer() is None]
    for key in dead:
        _finalizers.pop(key, None)  # another thread may remove them, too
    _limit = 2 * (len(finalizers) - len(dead)) + _MOST_DEAD


def _forget_in_child() -> None:
    """The numbers are the parent's; the child's objects may have the same."""
    for finalizer in _finalizers.values():
        finalizer.forget_number()
    _finalizers.clear()


register_at_fork(after_in_child=_forget_in_child)
