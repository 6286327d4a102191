"""Numbers of other types than a C function takes, which are copied to its type."""

from __future__ import annotations

import array
import operator
import struct
from collections.abc import Iterable
from typing import Any, NamedTuple

from . import dtypes
from .buffers import BufferRef, as_input, from_view, require_contiguous, view_of
from .dtypes import FLOAT64, INT64, ElementType
from .results import numpy_or_none

_INTEGERS = ["%s%d" % (kind, bits) for kind in ("int", "uint") for bits in (8, 16, 32, 64)]

# The types that are converted to each: all their numbers have one of that type, at least a nearest one. The numbers of
# uint64 are compared with int64's range.
_SOURCES = {FLOAT64: {"bool", "float16", "float32", "float64", *_INTEGERS}, INT64: {"bool", *_INTEGERS}}

_CODES = {
    **dict(zip(_INTEGERS, "bhiqBHIQ")),
    **{"bool": "?", "float16": "e", "float32": "f", "float64": "d"},
}


_TYPES = ("dtype", "typecode", "_type_", "__array__")
"""The attributes that arrays have for their type: numpy's and pandas's, array's, ctypes's, and those of others."""


class Converted(NamedTuple):
    """Numbers as a function takes them, and the type that they were given in: numpy's name or, in a list, Python's."""

    memory: BufferRef
    given_type: str

    @property
    def were_integers(self) -> bool:
        return self.given_type.startswith(("int", "uint"))


def as_converted_input(name: str, given: Any, element: ElementType) -> Converted:
    """The numbers of the argument `name`, to be read: in place if they have this type, otherwise as a copy."""
    view = view_of(name, given)
    if view is None:
        if isinstance(given, Iterable) and not isinstance(given, (str, list, tuple, range)):
            given = list(given)
        memory = as_input(name, given, (element,))
        return Converted(memory, _type_of_first(given))
    size = dtypes.item_size(view)
    found = dtypes.format_name(view.format, size).replace(dtypes.BYTE_SWAPPED, "")
    if dtypes.from_format(view.format, size) is element or not _is_converted(given, found, element):
        return Converted(from_view(name, given, view, (element,)), element.name)
    with view:
        require_contiguous(name, given, view)
        return Converted(_copy(name, view, found, element), found)


def _is_converted(given: Any, found: str, element: ElementType) -> bool:
    """Bytes of an object that has no type of elements are not: bytes, mmap, memoryview, pyarrow.Buffer. They may be
    the memory of other numbers.
    """
    is_memory = found in ("uint8", "int8") and not any(hasattr(given, name) for name in _TYPES)
    return found in _SOURCES[element] and not is_memory


def _type_of_first(numbers: Any) -> str:
    for number in numbers[:1]:
        try:
            operator.index(number)
        except TypeError:
            return type(number).__name__
        return "bool" if isinstance(number, bool) else "int"
    return ""


def _copy(name: str, view: memoryview, found: str, element: ElementType) -> BufferRef:
    numpy = numpy_or_none()
    try:
        if numpy is None:
            return BufferRef(memoryview(_array_of(view, found, element)), element)
        numbers = _numpy_array_of(view, found, numpy)
        if found == "uint64" and element is INT64 and numbers.size and numbers.max() >> 63:
            raise OverflowError
        return BufferRef(memoryview(numbers.astype(element.name)), element)
    except OverflowError:
        raise OverflowError(
            "%s: a number of %s is out of range for %s (%s)" % (name, found, element.name, element.domain)
        ) from None


def _numpy_array_of(view: memoryview, found: str, numpy: Any) -> Any:
    """The view's memory. Its type is given: numpy misreads the formats of some ctypes arrays."""
    in_c_order = view.c_contiguous
    kind = numpy.dtype(found).newbyteorder(dtypes.byte_order(view.format))
    memory = view if in_c_order else _bytes_of(view)
    return numpy.ndarray(view.shape, kind, memory, order="C" if in_c_order else "F")


def _bytes_of(view: memoryview) -> bytes:
    """The bytes in the order in which they are in memory."""
    return view.tobytes() if view.c_contiguous else view.tobytes(order="A")  # PyPy has no order


def _array_of(view: memoryview, found: str, element: ElementType) -> Any:
    """An array of the view's numbers, in the order in which they are in memory."""
    numbers = struct.iter_unpack(dtypes.byte_order(view.format) + _CODES[found], _bytes_of(view))
    return array.array(element.code, (number for (number,) in numbers))
