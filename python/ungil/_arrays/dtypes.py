"""The types of an array's elements, in C and in the buffer protocol."""

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

_SWAPPED = ">!" if sys.byteorder == "little" else "<"


class ElementType(NamedTuple):
    """A type of numbers that functions of the library take or give."""

    name: str  # as numpy has it
    code: str  # as array and struct have it
    c: type[Any]  # as ctypes has it
    size: int  # in bytes

    @property
    def domain(self) -> str:
        """The range, in words."""
        if self.name.startswith("float"):
            return "up to 1.8e308 in magnitude"
        signed = self.name.startswith("int")
        low = -(1 << (8 * self.size - 1)) if signed else 0
        return "from %d to %d" % (low, low + (1 << (8 * self.size)) - 1)


INT32 = ElementType("int32", "i", ctypes.c_int32, 4)
INT64 = ElementType("int64", "q", ctypes.c_int64, 8)
UINT64 = ElementType("uint64", "Q", ctypes.c_uint64, 8)
FLOAT64 = ElementType("float64", "d", ctypes.c_double, 8)
BOOL = ElementType("bool", "?", ctypes.c_uint8, 1)
UINT8 = ElementType("uint8", "B", ctypes.c_uint8, 1)

# The formats that memory of this machine has, each spelling of the same: a look is enough for nearly all arrays.
COMMON = {
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
    COMMON = {(text.replace("<", ">"), size): kind for (text, size), kind in COMMON.items()}

_BY_NAME = {kind.name: kind for kind in COMMON.values()}


def name_of(text: str, size: int) -> str:
    """The name of the elements that a buffer's format tells, each of `size` bytes.

    Sizes are the buffer's, and not the format's: ctypes has "<l" for long integers, which are 4 bytes to struct.
    """
    letters = text.lstrip("@=<>!")
    if letters == "?":
        return "bool"
    kind = _KINDS.get(letters)
    if kind is None:
        return "elements of the format %r" % text
    swapped = "byte-swapped " if size > 1 and text[0] in _SWAPPED else ""
    return "%s%s%d" % (swapped, kind, 8 * size)


def of_format(text: str, size: int) -> ElementType | None:
    """The type that a buffer's format tells, if it is one of those that the library knows."""
    return COMMON.get((text, size)) or _BY_NAME.get(name_of(text, size))


def size_of(view: memoryview) -> int:
    """The size of an element. ctypes before 3.9 says 0 in an array without elements."""
    if view.itemsize:
        return view.itemsize
    try:
        return struct.calcsize(view.format.lstrip("<>"))  # these are the native letters, whatever the order
    except struct.error:
        return 0
