"""New arrays for results: numpy's where numpy can be had, else the standard library's."""

from __future__ import annotations

import array
from typing import Any

from .buffers import Memory, Types, room_of
from .dtypes import BOOL, ElementType

_found: list[Any] = []  # several threads may find the same, and each append it


def result_for(source: Memory, out: Any, types: Types) -> tuple[Any, Memory]:
    """The caller's parameter `out` if it is not None, else a new array of the first type, and the array's memory."""
    try:
        return _new_like(source, types[0]) if out is None else (out, room_of("out", out, types, source))
    except BaseException:
        source.release()
        raise


def _new_like(source: Memory, element: ElementType) -> tuple[Any, Memory]:
    """An array, and its memory: an element of this type for each of the source.

    Without numpy it is a memoryview for bool, with the source's shape, and an array.array for others.
    """
    numpy = _numpy()
    if numpy is not None:
        result = numpy.empty(source.shape, element.name, order="C" if source.in_c_order else "F")
        return result, Memory(memoryview(result), element)
    if element is not BOOL:
        result = array.array(element.code, bytes(source.length * element.size))
        return result, Memory(memoryview(result), element)
    memory = memoryview(bytearray(source.length))
    if source.length and source.in_c_order:
        return memory.cast("?", source.shape), Memory(memory, element)
    return memory.cast("?"), Memory(memory, element)


def _numpy() -> Any:
    """The module, imported when it is first needed; None where there is none."""
    if not _found:
        try:
            import numpy
        except ImportError:
            numpy = None  # type: ignore[assignment]
        _found.append(numpy)
    return _found[0]
