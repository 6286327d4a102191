"""Element types of arrays, in C and in the buffer protocol."""

from __future__ import annotations

import ctypes
import struct
import sys
from typing import Any, NamedTuple

_KINDS = {
    **dict.fromkeys("bhilqn", "int"),
    **dict.fromkeys("BHILQNP", "uint"),
    **dict.fromkeys("efdg", "float"),
    **dict.fromkeys(("F", "D", "Zf", "Zd", "Zg"), "complex"),
}

_FOREIGN_BYTE_ORDER = ">!" if sys.byteorder == "little" else "<"

BYTE_SWAPPED = "byte-swapped "
"""The start of the names of types with the other byte order."""

_LARGEST_FLOATS = {4: "3.4e38", 8: "1.8e308"}  # by size


class ElementType(NamedTuple):
    """A type of numbers that the library's functions take or return."""

    name: str  # as in numpy
    code: str  # as in array and struct
    c: type[Any]  # as in ctypes
    size: int  # in bytes

    @property
    def domain(self) -> str:
        """The range, in words."""
        if self.name.startswith("float"):
            return "up to %s in magnitude" % _LARGEST_FLOATS[self.size]
        signed = self.name.startswith("int")
        low = -(1 << (8 * self.size - 1)) if signed else 0
        return "%d to %d" % (low, low + (1 << (8 * self.size)) - 1)


INT32 = ElementType("int32", "i", ctypes.c_int32, 4)
INT64 = ElementType("int64", "q", ctypes.c_int64, 8)
UINT64 = ElementType("uint64", "Q", ctypes.c_uint64, 8)
FLOAT64 = ElementType("float64", "d", ctypes.c_double, 8)
BOOL = ElementType("bool", "?", ctypes.c_uint8, 1)
UINT8 = ElementType("uint8", "B", ctypes.c_uint8, 1)

# The spellings that nearly all arrays have, so that one lookup is enough for them: (format, item size).
_COMMON_FORMATS = {
    ("i", 4): INT32,
    ("<i", 4): INT32,
    ("l", 8): INT64,
    ("q", 8): INT64,
    ("<l", 8): INT64,
    ("<q", 8): INT64,
    ("L", 8): UINT64,
    ("Q", 8): UINT64,
    ("<L", 8): UINT64,
    ("<Q", 8): UINT64,
    ("d", 8): FLOAT64,
    ("<d", 8): FLOAT64,
    ("?", 1): BOOL,
    ("B", 1): UINT8,
}
if sys.byteorder == "big":
    _COMMON_FORMATS = {(text.replace("<", ">"), size): element for (text, size), element in _COMMON_FORMATS.items()}

_BY_NAME = {element.name: element for element in _COMMON_FORMATS.values()}


def format_name(text: str, size: int) -> str:
    """The name of the elements of a buffer with this format and this item size.

    The item size counts, not the format's: ctypes says "<l" for long integers, which are 4 bytes to struct.
    """
    letters = text.lstrip("@=<>!")
    if letters == "?":
        return "bool"
    kind = _KINDS.get(letters)
    if kind is None:
        return "elements of the format %r" % text
    swapped = BYTE_SWAPPED if size > 1 and text[0] in _FOREIGN_BYTE_ORDER else ""
    return "%s%s%d" % (swapped, kind, 8 * size)


def byte_order(text: str) -> str:
    """The byte order of elements with this format, as struct writes it."""
    foreign, native = (">", "<") if sys.byteorder == "little" else ("<", ">")
    return foreign if text[0] in _FOREIGN_BYTE_ORDER else native


def from_format(text: str, size: int) -> ElementType | None:
    """The element type of a buffer with this format and this item size; None if the library has no such type."""
    return _COMMON_FORMATS.get((text, size)) or _BY_NAME.get(format_name(text, size))


def item_size(view: memoryview) -> int:
    """The size of an element in bytes. Before 3.10, ctypes reports 0 for an array without elements."""
    if view.itemsize:
        return view.itemsize
    try:
        return struct.calcsize(view.format.lstrip("<>"))  # ctypes writes native letters, whatever the byte order
    except struct.error:
        return 0
