"""The memory of arguments: anything with the buffer protocol, without a copy.

Lists, ranges and other iterables of numbers have no buffer: they are copied into an array.array.
"""

from __future__ import annotations

import array
import ctypes
import sys
from collections.abc import Iterable
from typing import Any

from . import dtypes
from .addresses import address_of
from .dtypes import UINT8, UINT64, ElementType

ElementTypes = tuple[ElementType, ...]


class BufferRef:
    """Contiguous memory of numbers. Until release(), its owner keeps it and cannot resize it."""

    __slots__ = ("_keep", "_view", "address", "element", "in_c_order", "length", "shape")

    def __init__(self, view: memoryview, element: ElementType) -> None:
        self._view: memoryview | None = view
        self.address, self._keep = address_of(view)
        self.element = element
        self.length = view.nbytes // element.size
        self.shape: tuple[int, ...] = (view.shape or ()) if view.itemsize == element.size else (self.length,)
        self.in_c_order = view.c_contiguous

    @property
    def pointer(self) -> Any:
        """The argument for a C parameter that points to elements."""
        return ctypes.byref(self.element.c.from_address(self.address))

    def release(self) -> None:
        """Release the buffer: its owner may resize or free it again."""
        self._keep = None
        if self._view is not None:
            self._view.release()
            self._view = None


def as_input(name: str, given: Any, types: ElementTypes) -> BufferRef:
    """The numbers of the argument `name`, of one of these types, to be read. bytes are taken as the first type."""
    view = view_of(name, given)
    if view is None:
        return _copy(name, given, types)
    return from_view(name, given, view, types)


def as_output(name: str, given: Any, types: ElementTypes, source: BufferRef) -> BufferRef:
    """The memory of the argument `name`, to be written: an element of one of these types for each of the source."""
    try:
        view = memoryview(given)
    except (TypeError, ValueError, BufferError):
        raise TypeError(
            "%s: expected a writable array of %s, not %s" % (name, _names(types), type(given).__name__)
        ) from None
    if view.readonly:
        view.release()
        raise ValueError("%s: the array is read-only" % name)
    memory = from_view(name, given, view, types, "an array of %s for the results" % types[0].name)
    try:
        _require_same_shape(name, memory, source)
    except ValueError:
        memory.release()
        raise
    return memory


def as_bytes(name: str, given: Any) -> BufferRef:
    """The memory of the argument `name`, whatever its element type."""
    view = view_of(name, given)
    if view is None:
        raise TypeError("%s: %s does not support the buffer protocol" % (name, type(given).__name__))
    return from_view(name, given, view, None)


def view_of(name: str, given: Any) -> memoryview | None:
    """None for an object without a buffer, which can only be copied."""
    if hasattr(given, "filled") and hasattr(given, "mask"):
        _require_unmasked(name, given)
    try:
        return memoryview(given)
    except TypeError:
        if not hasattr(type(given), "__array__"):
            return None
    except (ValueError, BufferError) as error:  # some of numpy's types have no format: dates, for example
        why: Any = error
        if hasattr(given, "astype"):
            why = "%s is no type of numbers; use %s.astype('float64')" % (given.dtype, name)
        raise TypeError("%s: cannot access the array's memory: %s" % (name, why)) from None
    if sys.modules.get("numpy") is None:
        return None
    import numpy  # waits if another thread is importing it

    return view_of(name, numpy.asarray(given))  # of a pandas.Series, for example


def _require_unmasked(name: str, given: Any) -> None:
    """Raise ValueError for an array of numpy.ma with masked elements: their memory has numbers without a meaning."""
    import numpy

    masked = numpy.count_nonzero(given.mask)
    if masked:
        found = (name, masked, name, name)
        raise ValueError("%s: %d of the numbers are masked; use %s.compressed() or %s.filled(value)" % found)


def from_view(
    name: str, given: Any, view: memoryview, types: ElementTypes | None, advice: str | None = None
) -> BufferRef:
    """The view as a reference, if it is contiguous and of one of the types (of any, if that is None).

    advice: what to use instead of an array of another type; by default, code that converts it.
    """
    try:
        if types is None:
            element = UINT8
        elif isinstance(given, (bytes, bytearray)):
            element = types[0]
            _require_multiple(name, view.nbytes, element)
        else:
            element = _element_type(name, given, view, types, advice)
        require_contiguous(name, given, view)
        return BufferRef(view, element)
    except BaseException:
        view.release()
        raise


def require_contiguous(name: str, given: Any, view: memoryview) -> None:
    """Raise ValueError for memory with gaps."""
    if not view.contiguous:
        copy = ("numpy.ascontiguousarray(%s)" if hasattr(given, "dtype") else "%s.tolist()") % name
        found = "shape %r, strides %r" % (view.shape, view.strides)
        raise ValueError("%s: expected contiguous memory, not %s; use %s" % (name, found, copy))


def _element_type(name: str, given: Any, view: memoryview, types: ElementTypes, advice: str | None) -> ElementType:
    size = dtypes.item_size(view)
    element = dtypes.from_format(view.format, size)
    if element is None or element not in types:
        found = dtypes.format_name(view.format, size)
        if found.startswith("elements"):
            found = str(getattr(given, "dtype", found))  # numpy's name: object, for example
        advice = advice or _conversion(name, given, found, types[0])
        raise TypeError("%s: expected %s, not %s; use %s" % (name, _names(types), found, advice))
    return element


def _conversion(name: str, given: Any, found: str, wanted: ElementType) -> str:
    """Python code that converts the array to the wanted type, for an error message."""
    if found.startswith("complex"):
        return "%s.real, or abs(%s)" % (name, name)
    if getattr(getattr(given, "dtype", None), "names", None):  # a structured array
        return "one of its fields, such as %s[%r]" % (name, given.dtype.names[0])
    if hasattr(given, "astype"):
        return "%s.astype('%s')" % (name, wanted.name)
    if found == "uint8":
        return "memoryview(%s).cast('%s')" % (name, wanted.code)
    if found.startswith("float"):
        return "array.array('%s', map(int, %s))" % (wanted.code, name)
    return "array.array('%s', %s)" % (wanted.code, name)


def _require_multiple(name: str, size: int, element: ElementType) -> None:
    if size % element.size:
        found = (name, size, element.name, element.size)
        raise ValueError("%s: size %d is not a multiple of %s's item size %d" % found)


def _require_same_shape(name: str, memory: BufferRef, source: BufferRef) -> None:
    """A one-dimensional array fits any array of the same length in C order; otherwise shapes and orders are equal."""
    if memory.length != source.length:
        raise ValueError("%s: expected %d elements, not %d" % (name, source.length, memory.length))
    if (len(memory.shape) <= 1 and source.in_c_order) or (len(source.shape) <= 1 and memory.in_c_order):
        return
    if memory.shape != source.shape:
        raise ValueError("%s: expected the shape %r, not %r" % (name, source.shape, memory.shape))
    if memory.in_c_order != source.in_c_order:
        raise ValueError("%s: expected %s order" % (name, "C" if source.in_c_order else "Fortran"))


def _copy(name: str, given: Any, types: ElementTypes) -> BufferRef:
    """A copy, of the first type; of uint64 if that is one of the types and a number is beyond the first."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError("%s: expected an array or an iterable of numbers, not %s" % (name, type(given).__name__))
    numbers = given if isinstance(given, (list, tuple, range)) else list(given)
    tried = types[:1] + tuple(element for element in types[1:] if element is UINT64)
    for element in tried:
        try:
            return BufferRef(memoryview(array.array(element.code, numbers)), element)
        except TypeError as error:
            raise TypeError("%s: expected %s: %s" % (name, element.name, error)) from None
        except OverflowError:
            pass
    domains = " or ".join("%s (%s)" % (element.name, element.domain) for element in tried)
    raise OverflowError("%s: a number is out of range for %s" % (name, domains))


def _names(types: ElementTypes) -> str:
    return " or ".join(element.name for element in types)
