"""New arrays for results: numpy's if numpy can be imported, otherwise the standard library's."""

from __future__ import annotations

import array
from typing import Any

from .buffers import BufferRef, ElementTypes, as_output
from .dtypes import BOOL, ElementType

_numpy_module: list[Any] = []  # the module or None, once it is known; two threads may both append it


def result_for(source: BufferRef, out: Any, types: ElementTypes) -> tuple[Any, BufferRef]:
    """The caller's argument `out`, or a new array of the first type if that is None; and the array's memory."""
    try:
        return _new_like(source, types[0]) if out is None else (out, as_output("out", out, types, source))
    except BaseException:
        source.release()
        raise


def _new_like(source: BufferRef, element: ElementType) -> tuple[Any, BufferRef]:
    """A new array with an element of this type for each of the source, and its memory.

    Without numpy, it is a memoryview with the source's shape for bool, and an array.array for other types.
    """
    numpy = numpy_or_none()
    if numpy is not None:
        result = numpy.empty(source.shape, element.name, order="C" if source.in_c_order else "F")
        return result, BufferRef(memoryview(result), element)
    if element is not BOOL:
        result = array.array(element.code, bytes(source.length * element.size))
        return result, BufferRef(memoryview(result), element)
    memory = memoryview(bytearray(source.length))
    if source.length and source.in_c_order:
        return memory.cast("?", source.shape), BufferRef(memory, element)
    return memory.cast("?"), BufferRef(memory, element)


def numpy_or_none() -> Any:
    """numpy, imported at the first use; None if it is not installed."""
    if not _numpy_module:
        try:
            import numpy
        except ImportError:
            numpy = None  # type: ignore[assignment]
        _numpy_module.append(numpy)
    return _numpy_module[0]
