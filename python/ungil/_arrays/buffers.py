"""Memory of arrays, for the library to read and write: of whatever has a buffer, without a copy.

Lists, ranges and other iterables of numbers have none: they are copied into an array.array.
"""

from __future__ import annotations

import array
import ctypes
import sys
from typing import TYPE_CHECKING, Any, Iterable, SupportsFloat, SupportsIndex, Tuple, Union

from . import dtypes
from .addresses import address_of
from .dtypes import UINT8, UINT64, ElementType

if TYPE_CHECKING:
    from typing_extensions import Buffer, TypeAlias

    Integers: TypeAlias = Union[Buffer, Iterable[SupportsIndex]]
    Reals: TypeAlias = Union[Buffer, Iterable[Union[SupportsFloat, SupportsIndex]]]

Types = Tuple[ElementType, ...]


class Memory:
    """Contiguous memory of numbers. Until release() its owner keeps it, and cannot change its size."""

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
        """For a parameter that is a pointer to elements."""
        return ctypes.byref(self.element.c.from_address(self.address))

    def release(self) -> None:
        """Gives it back to its owner."""
        self._keep = None
        if self._view is not None:
            self._view.release()
            self._view = None


def numbers_of(name: str, given: Any, types: Types) -> Memory:
    """The numbers of the parameter `name`, to be read: of one of these types, which memory without a type is of the
    first of."""
    view = _view_of(name, given)
    if view is None:
        return _copied(name, given, types)
    return _checked(name, given, view, types)


def room_of(name: str, given: Any, types: Types, source: Memory) -> Memory:
    """The memory of the parameter `name`, to be written to: an element for each of the source."""
    try:
        view = memoryview(given)
    except (TypeError, ValueError, BufferError):
        raise TypeError("%s: expected a writable array of %s, not %s" % (name, _names(types), _kind(given))) from None
    if view.readonly:
        view.release()
        raise ValueError("%s: it is read-only" % name)
    memory = _checked(name, given, view, types)
    try:
        _require_same_shape(name, memory, source)
    except ValueError:
        memory.release()
        raise
    return memory


def bytes_of(name: str, given: Any) -> Memory:
    """The memory of the parameter `name`, of whatever type."""
    view = _view_of(name, given)
    if view is None:
        raise TypeError("%s: %s has no memory that C can use" % (name, _kind(given)))
    return _checked(name, given, view, None)


def _view_of(name: str, given: Any) -> memoryview | None:
    """None where only a copy can be had."""
    try:
        return memoryview(given)
    except TypeError:
        if not hasattr(type(given), "__array__"):
            return None
    except (ValueError, BufferError) as error:  # numpy has types without a format, dates for example
        raise TypeError("%s: its memory cannot be had: %s" % (name, error)) from None
    numpy = sys.modules.get("numpy")  # a pandas.Series, for example
    return None if numpy is None else _view_of(name, numpy.asarray(given))


def _checked(name: str, given: Any, view: memoryview, types: Types | None) -> Memory:
    """types: None for any."""
    try:
        if types is None:
            element = UINT8
        elif isinstance(given, (bytes, bytearray)):
            element = types[0]
            _require_whole(name, view.nbytes, element)
        else:
            element = _typed(name, given, view, types)
        if not view.contiguous:
            copy = ("numpy.ascontiguousarray(%s)" if hasattr(given, "dtype") else "%s.tolist()") % name
            found = "shape %r, strides %r" % (view.shape, view.strides)
            raise ValueError("%s: expected contiguous memory, not %s; use %s" % (name, found, copy))
        return Memory(view, element)
    except BaseException:
        view.release()
        raise


def _typed(name: str, given: Any, view: memoryview, types: Types) -> ElementType:
    size = dtypes.size_of(view)
    element = dtypes.of_format(view.format, size)
    if element is None or element not in types:
        found = dtypes.name_of(view.format, size)
        raise TypeError(
            "%s: expected %s, not %s; use %s" % (name, _names(types), found, _conversion(name, given, found, types[0]))
        )
    return element


def _conversion(name: str, given: Any, found: str, wanted: ElementType) -> str:
    """Python code that makes an array of the type that is wanted."""
    if hasattr(given, "astype"):
        return "%s.astype('%s')" % (name, wanted.name)
    if found == "uint8":
        return "memoryview(%s).cast('%s')" % (name, wanted.code)
    if found.startswith("float"):
        return "array.array('%s', map(int, %s))" % (wanted.code, name)
    return "array.array('%s', %s)" % (wanted.code, name)


def _require_whole(name: str, size: int, element: ElementType) -> None:
    if size % element.size:
        parts = (name, size, element.name, element.size)
        raise ValueError("%s: %d bytes are no whole number of %s, which has %d" % parts)


def _require_same_shape(name: str, memory: Memory, source: Memory) -> None:
    """An array with one dimension goes with any of as many elements in C's order."""
    if memory.length != source.length:
        raise ValueError("%s: expected %d elements, not %d" % (name, source.length, memory.length))
    if (len(memory.shape) <= 1 and source.in_c_order) or (len(source.shape) <= 1 and memory.in_c_order):
        return
    if memory.shape != source.shape:
        raise ValueError("%s: expected the shape %r, not %r" % (name, source.shape, memory.shape))
    if memory.in_c_order != source.in_c_order:
        raise ValueError("%s: expected %s order" % (name, "C" if source.in_c_order else "Fortran"))


def _copied(name: str, given: Any, types: Types) -> Memory:
    """A copy, of the first type; where numbers are beyond that, of uint64, if that is one of the types."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError("%s: expected an array or an iterable of numbers, not %s" % (name, _kind(given)))
    numbers = given if isinstance(given, (list, tuple, range)) else list(given)
    tried = types[:1] + tuple(element for element in types[1:] if element is UINT64)
    for element in tried:
        try:
            return Memory(memoryview(array.array(element.code, numbers)), element)
        except TypeError as error:
            raise TypeError("%s: expected %s: %s" % (name, element.name, error)) from None
        except OverflowError:
            pass
    domains = " or ".join("%s, which is %s" % (element.name, element.domain) for element in tried)
    raise OverflowError("%s: a number is beyond %s" % (name, domains))


def _names(types: Types) -> str:
    return " or ".join(element.name for element in types)


def _kind(given: Any) -> str:
    return type(given).__name__
