"""Memory of the program's arrays that tasks read in place: while it is lent, the arrays are not writeable.

A small array is copied instead, and so is one that could not be made writeable again.
"""

from __future__ import annotations

import sys
from typing import Any

from .._native.forks import register_at_fork
from .._native.locks import Lock, Numbers
from ._sharing import COPIED, OutOfBandBuffer, copy_of


def lend(view: memoryview, array: Any) -> OutOfBandBuffer:
    """The memory of an argument, which the task may read, or which is a copy.

    array: the array of numpy's that is being pickled, if it is one.
    """
    if type(view.obj) is bytes:
        return OutOfBandBuffer(view, False)
    if view.nbytes > COPIED:
        arrays = _arrays_of(view, array)
        if arrays is None:  # another library's memory
            return OutOfBandBuffer(view, False)
        if _can_be_unlocked(arrays):
            return OutOfBandBuffer(view, False, loan=Loan(arrays))
    return OutOfBandBuffer(copy_of(view), True, is_copy=True)


def _arrays_of(view: memoryview, array: Any) -> list[Any] | None:
    """The array that owns the memory, then the views of it by which the program has it; None if there is no array."""
    kind: Any = getattr(sys.modules.get("numpy"), "ndarray", ())
    owner: Any = view.obj
    if not isinstance(owner, kind):
        return None
    if owner is array and owner.base is None:
        return [owner]
    found = [owner]
    while isinstance(found[-1].base, kind):
        found.append(found[-1].base)
    # In Fortran order, what has the memory is a view that was made to be pickled.
    if array is not None and ((array.base is not None and array.base is found[-1].base) or array.base is found[-1]):
        found.insert(0, array)
    return found[::-1]


def _can_be_unlocked(arrays: list[Any]) -> bool:
    """Whether numpy allows these arrays to be writeable again: it asks the owner, or the owner's memory."""
    owner = arrays[0]
    if owner.base is None or owner.flags.owndata:
        return True
    try:
        with memoryview(owner.base) as memory:
            is_writable = not memory.readonly
    except TypeError:  # no buffer
        is_writable = False
    return is_writable or not any(array.flags.writeable for array in arrays)


class _Locked:
    """The arrays that use one owner's memory, and are not writeable until its last loan ends."""

    __slots__ = ("arrays", "loans", "owner")

    def __init__(self, owner: Any) -> None:
        self.owner = owner
        self.arrays: list[Any] = []  # the owner first: a view can be made writeable if the owner is
        self.loans: set[int] = set()

    def add(self, loan: int, arrays: list[Any]) -> None:
        self.loans.add(loan)
        for array in arrays:
            if array.flags.writeable:
                self.arrays.append(array)
                array.setflags(write=False)

    def end(self, loan: int) -> None:
        self.loans.discard(loan)
        if self.loans:
            return
        for array in self.arrays:
            try:
                array.setflags(write=True)
            except ValueError:  # the program has made the owner read-only
                pass
        self.arrays = []
        if _locked.get(id(self.owner)) is self:
            del _locked[id(self.owner)]


_locked: dict[int, _Locked] = {}  # by the `id`s of the owners
_lock = Lock()
_numbers = Numbers()


class Loan:
    """Keeps arrays from being written to until it ends, or nothing refers to it any more.

    Garbage collection, and so the end of a loan, may come between any two steps here.
    """

    __slots__ = ("_locked", "_number")

    def __init__(self, arrays: list[Any]) -> None:
        self._number = _numbers.take()
        with _lock:
            while True:
                owner = arrays[0]
                self._locked = _locked.setdefault(id(owner), _Locked(owner))
                self._locked.add(self._number, arrays)
                if _locked.get(id(owner)) is self._locked:  # else its last loan has just ended
                    return

    def end(self) -> None:
        with _lock:
            self._locked.end(self._number)

    def __del__(self) -> None:
        if hasattr(self, "_locked"):
            self.end()


def _end_all_in_child() -> None:
    """The tasks that read the memory are the parent's."""
    for locked in list(_locked.values()):
        for loan in list(locked.loans):
            locked.end(loan)


register_at_fork(after_in_child=_end_all_in_child)
