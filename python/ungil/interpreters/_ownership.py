"""Whose memory a result is: that of an array which nothing here keeps goes to the program, else a copy of it does.

Interpreters use this file for results, and each imports it at its start, so it imports little. Queues use it, too.
"""

from __future__ import annotations

import sys
from _weakref import getweakrefcount

from .._private_apis import is_only_thread
from ._sharing import copy_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ._sharing import OutOfBandBuffer


def give_away(buffers: Sequence[OutOfBandBuffer]) -> None:
    """Make the memory of a message the program's alone, and writable. Memory of `share`, and memoryviews, stay lent.

    The objects that were pickled must be gone, so that only the message refers to their memory.
    """
    given = []
    for buffer in buffers:
        if _is_immutable(buffer.view):
            buffer.writable = buffer.writable and buffer.is_shared
        elif not buffer.is_shared:
            given.append(buffer)
    if not given:
        return
    for buffer, is_free in zip(given, _are_free(given)):
        if not is_free or buffer.view.readonly:
            buffer.view = copy_of(buffer.view)


def _is_immutable(view: memoryview) -> bool:
    """Whether the memory never changes: that of a bytes object, or of Apache Arrow's arrays."""
    kind = type(view.obj)
    return kind is bytes or kind.__module__ == "pyarrow.lib"


def _are_free(buffers: Sequence[OutOfBandBuffer]) -> Sequence[bool]:
    """For each buffer, whether the memory belongs to an array or bytearray that only these buffers refer to.

    Memory that overlaps that of another buffer is not free, except for the first of them.
    """
    objects, uses, chains = _owners_of(buffers)
    alone = [count == use for count, use in zip(_other_references(objects), uses)]
    free = [all(alone[i] for i in chain) and _owns_memory(objects[chain[-1]]) for chain in chains]
    for group in _groups(chain[-1] for chain in chains):
        end = 0
        for start, i in sorted((_address(buffers[i].view), i) for i in group):
            if start < end:
                free[i] = False
            else:
                end = start + buffers[i].view.nbytes
    return free


def _owners_of(buffers: Sequence[OutOfBandBuffer]) -> tuple[list[Any], list[int], list[list[int]]]:
    """The objects with the memory, how often the buffers refer to each, and for each buffer the numbers of its objects.

    A buffer's objects are the array that was pickled, the array of which that is a view, and so on to the owner.
    """
    objects: list[Any] = []
    uses: list[int] = []
    numbers: dict[int, int] = {}
    chains: list[list[int]] = []
    array_type = _array_type()
    for buffer in buffers:
        chain: list[int] = []
        item: Any = buffer.view.obj
        is_new = True
        while True:
            number = numbers.setdefault(id(item), len(objects))
            if number == len(objects):
                objects.append(item)
                uses.append(0)
                is_next_new = True
            else:
                is_next_new = False
            uses[number] += is_new  # what is known to be a view has been counted
            is_new = is_next_new
            chain.append(number)
            if not isinstance(item, array_type) or item.base is None:
                break
            item = item.base
        chains.append(chain)
    return objects, uses, chains


def _other_references(objects: list[Any]) -> Sequence[int]:
    """For each object, how many references to it there are besides the list's; a large number if it is not known.

    A weak reference is one too. What the expression itself adds depends on the version of Python, and is measured by an
    object that nothing else refers to.
    """
    if not hasattr(sys, "getrefcount") or not is_only_thread():  # PyPy has none
        return [sys.maxsize] * len(objects)
    objects.append(object())
    counts = [sys.getrefcount(objects[i]) + getweakrefcount(objects[i]) for i in range(len(objects))]
    objects.pop()
    return [count - counts[-1] for count in counts[:-1]]


def _owns_memory(item: Any) -> bool:
    """Whether the memory is of the object's own, and nobody can have it but by this object."""
    if isinstance(item, _array_type()):
        return item.base is None and item.flags.owndata
    return type(item) is bytearray or (type(item).__module__, type(item).__name__) == ("array", "array")


def _groups(owners: Any) -> Sequence[list[int]]:
    """The indices of equal owners, where there are several."""
    groups: dict[int, list[int]] = {}
    for i, owner in enumerate(owners):
        groups.setdefault(owner, []).append(i)
    return [group for group in groups.values() if len(group) > 1]


def _address(view: memoryview) -> int:
    interface = getattr(view.obj, "__array_interface__", None)
    return interface["data"][0] if interface else 0


def _array_type() -> Any:
    return getattr(sys.modules.get("numpy"), "ndarray", ())
