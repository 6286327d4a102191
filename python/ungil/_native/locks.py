"""Locks of what the package's threads share.

None of it counts on the global interpreter lock. What is not locked is one operation in C on one dict, list or set,
which has a lock of its own where the interpreter has none.

While a lock of these is held, no code of others runs but a signal's handler, or garbage collection's, on the same
thread: values that are dropped live until it is free.
"""

from __future__ import annotations

import itertools
import operator
import os
import threading
from typing import Iterable, TypeVar

Item = TypeVar("Item")


class Lock:
    """A lock for `with`, that its owner may take again, and the child of a fork has anew: a thread that holds it may
    not be there.

    It lives as long as the process. C alone takes it and gives it back: between steps of methods in Python, Ctrl-C may
    come.
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


os.register_at_fork(after_in_child=_renew_all)


class Numbers:
    """Numbers one after the other, each of which is given once."""

    __slots__ = ("_all", "_lock")

    def __init__(self, first: int = 1) -> None:
        self._all, self._lock = itertools.count(first), Lock()

    def take(self) -> int:
        with self._lock:
            return next(self._all)


def first(items: Iterable[Item]) -> Item | None:
    """The first item; None where there is none, or the items just changed."""
    try:
        return next(iter(items), None)
    except RuntimeError:
        return None
