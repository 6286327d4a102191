"""Locks for state that threads of the package share.

The package does not rely on the global interpreter lock. An access without a lock is one operation in C on one dict,
list or set; free-threaded builds lock these objects.

While one of these locks is held, no foreign code runs, except a signal handler or garbage collection on the same
thread: values that are removed are kept until the lock is free.
"""

from __future__ import annotations

import itertools
import operator
import threading
from collections.abc import Iterable
from typing import TypeVar

from .forks import register_at_fork

Item = TypeVar("Item")


class Lock:
    """A reentrant lock for `with`. The child of a fork gets a new one: it lacks the thread that may hold the old one.

    It is never freed. As a property, `__enter__` gives the `with` statement the lock's own method, which is in C:
    Ctrl-C between the steps of a method in Python would leave the lock taken.
    """

    __slots__ = ("_lock",)

    __enter__ = property(operator.attrgetter("_lock.__enter__"))
    __exit__ = property(operator.attrgetter("_lock.__exit__"))

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.append(self)


_locks: list[Lock] = []


def _renew_all() -> None:
    for lock in _locks:
        lock._lock = threading.RLock()


register_at_fork(after_in_child=_renew_all)


class Numbers:
    """Consecutive numbers, each given once. itertools.count alone is not safe in free-threaded Python before 3.13."""

    __slots__ = ("_all", "_lock")

    def __init__(self, first: int = 1) -> None:
        self._all, self._lock = itertools.count(first), Lock()

    def take(self) -> int:
        with self._lock:
            return next(self._all)


def first(items: Iterable[Item]) -> Item | None:
    """The first item; None if there is none, or another thread has just changed the items."""
    try:
        return next(iter(items), None)
    except RuntimeError:
        return None
