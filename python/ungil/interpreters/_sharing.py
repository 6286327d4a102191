"""Memory that goes between interpreters without a copy: pickle's out-of-band buffers, and `share`.

Both sides import this file: the process's Python, and the interpreters.
"""

from __future__ import annotations

import sys

from .._private_apis import pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any
else:
    Any = object  # for typing.get_type_hints(share); see `_pickling` for why typing is not imported

PROTOCOL = 5
LARGE = 1 << 16
"""Bytes objects, strings and bytearrays of this length or more go beside the pickle: see `_beside`."""

SMALL = 1 << 14
"""Bytes. Memory up to this size is part of the pickle: to copy it a few times takes less time than to lend it once."""

COPIED = 1 << 19
"""Bytes. Memory of arguments up to this size is copied, as a task may change it. To copy this much takes less than
half of the time of a task there and back."""


class OutOfBandBuffer:
    """Memory that goes beside a pickle: one-dimensional bytes, contiguous.

    is_shared: both sides are meant to use it. Other memory is the receiver's, or is locked by a loan.
    is_copy: it is a copy that was made to be given away.
    is_copied: it is a bytes object's, of which the receiver makes a copy at once.
    is_kept: it is of a global or a function, which the other side keeps when the call is over.
    """

    __slots__ = ("is_copied", "is_copy", "is_kept", "is_shared", "loan", "view", "writable")

    def __init__(
        self, view: memoryview, writable: bool, *, is_shared: bool = False, is_copy: bool = False, loan: Any = None
    ) -> None:
        self.view, self.writable = view, writable
        self.is_shared, self.is_copy, self.is_kept, self.loan = is_shared, is_copy, False, loan
        self.is_copied = False

    def again(self) -> OutOfBandBuffer:
        """The memory for one of several receivers. If it is lent, the loan is not theirs: it ends with this buffer."""
        view = copy_of(self.view) if self.is_copy else self.view
        again = OutOfBandBuffer(view, self.writable, is_shared=self.is_shared)
        again.is_copied = self.is_copied
        return again

    def __reduce__(self) -> Any:
        """For a buffer in a message that is itself pickled."""
        if self.is_shared:
            return _shared_buffer, (Shared(self.view, self.writable), self.writable)
        return OutOfBandBuffer, (pickle.PickleBuffer(self.view), self.writable)


def _shared_buffer(view: memoryview, writable: bool) -> OutOfBandBuffer:
    return OutOfBandBuffer(view, writable, is_shared=True)


class Shared:
    """The result of `share`. It arrives as a view of the memory."""

    __slots__ = ("data", "writable")

    def __init__(self, data: Any, writable: bool) -> None:
        data = _plain_array(data)
        view = _memory_of_array(data) if hasattr(data, "dtype") else memoryview(data)
        if not view.c_contiguous:
            raise ValueError("share() needs contiguous memory, not memory with strides %r" % (view.strides,))
        if view.format.strip("<>=!@") == "O":
            raise TypeError("share() needs numbers or bytes, not Python objects")
        if writable and view.readonly:
            raise ValueError("share(writable=True) needs writable memory, and this is read-only")
        self.data, self.writable = data, writable

    def __reduce__(self) -> Any:
        raise TypeError("the result of share() can only be sent to an interpreter of ungil")


def share(data: Any, *, writable: bool = False) -> Any:
    """Send memory to a task, or back from one, without a copy.

    Parameters
    ----------
    data : numpy.ndarray or buffer
        A numpy array, which arrives as a numpy array; so does one of a subclass, such as numpy.memmap, whose memory
        stays that of the file. Or any other object with a buffer (bytes, bytearray, array.array, mmap, a ctypes array),
        which arrives as a memoryview of the same format and shape. The memory must be contiguous.
    writable : bool, optional
        Whether the other side may write to the memory.

    Returns
    -------
    object
        A placeholder, to be used as an argument or a result of a task, or as an element of one.

    Raises
    ------
    TypeError
        If `data` has no buffer, has one of Python objects, or is an array that is more than contiguous memory: masked,
        of dates, with strides.
    ValueError
        If the memory is not contiguous, or is read-only and `writable` is true.

    Notes
    -----
    Neither side gets a copy, and nothing is locked, unlike for arrays that are passed as they are (see
    `Interpreter.call`). Both sides use the same memory: synchronise access to it as you would between threads. It stays
    in use as long as the other side has a view of it; a bytearray cannot be resized until then. (In free-threaded
    Python it may be in use until the thread that submitted the task runs Python code again.)

    Examples
    --------
    >>> import ungil
    >>> numbers = bytearray(3)
    >>> def fill(memory):
    ...     memory[:] = b"abc"
    >>> ungil.run(fill, ungil.share(numbers, writable=True))
    >>> numbers
    bytearray(b'abc')
    """
    return Shared(data, writable)


def _plain_array(data: Any) -> Any:
    """A view of an array of a subclass of numpy's, as an array of that class itself; other data as it is.

    Raises TypeError for masked arrays: they are two arrays.
    """
    numpy = sys.modules.get("numpy")
    if numpy is None or type(data) is numpy.ndarray or not isinstance(data, numpy.ndarray):
        return data
    if isinstance(data, numpy.ma.MaskedArray):
        raise TypeError(
            "share() needs a contiguous array of numbers, not a masked array; share its data and its mask instead: "
            "share(array.data), share(numpy.ma.getmaskarray(array))"
        )
    return data.view(numpy.ndarray)


def _memory_of_array(array: Any) -> memoryview:
    """The memory of an array of numpy's, or of another library's, as it pickles itself."""
    for item in array.__reduce_ex__(PROTOCOL)[1]:
        if isinstance(item, pickle.PickleBuffer):
            return item.raw()
    raise TypeError(
        "share() needs a contiguous array of numbers of a plain type, not this %s; numpy.ascontiguousarray() makes one"
        % type(array).__name__
    )


def reduced_as_writable(array: Any, memory_of: Any) -> Any:
    """`reduced_by` of a read-only array of numpy's while it is writable; None if it cannot be so."""
    changed: list[Any] = []
    arrays = [array]
    while isinstance(arrays[-1].base, type(array)):
        arrays.append(arrays[-1].base)
    try:
        for each in reversed(arrays):  # a view can be made writable if its base is
            if not each.flags.writeable:
                each.setflags(write=True)
                changed.append(each)
        return reduced_by(array, memory_of)
    except ValueError:
        return None
    finally:
        for each in changed:
            each.setflags(write=False)


def reduced_by(array: Any, memory_of: Any) -> Any:
    """How an array of numpy's reduces itself, but with memory_of(buffer) in place of each PickleBuffer."""
    make, items, *more = array.__reduce_ex__(PROTOCOL)
    changed = (memory_of(item) if isinstance(item, pickle.PickleBuffer) else item for item in items)
    return (make, tuple(changed), *more)


def reduced_plainly(array: Any) -> Any:
    """As an array of numpy's reduces itself, in half of the time; None unless it is contiguous and of plain numbers."""
    dtype = array.dtype
    is_plain = dtype.kind in "biufc" and dtype.isnative and dtype.metadata is None
    if is_plain and array.flags.c_contiguous and array.size:
        return _array_of, (pickle.PickleBuffer(array), dtype.str, array.shape)
    return None


def _array_of(buffer: Any, dtype: str, shape: tuple[int, ...]) -> Any:
    import numpy

    return numpy.frombuffer(buffer, dtype).reshape(shape)


def array_of_numbers(typecode: str, memory: Any) -> Any:
    """An array of the standard library's, with a copy of the memory."""
    from array import array

    numbers = array(typecode)
    numbers.frombytes(memory)
    return numbers


_HUGE = 1 << 22
"""Bytes. For memory of this size, numpy asks for huge pages, which make a copy three times as fast if there are any."""


def copy_of(view: memoryview) -> memoryview:
    """A writable copy of memory: one-dimensional bytes."""
    numpy: Any = sys.modules.get("numpy")
    if view.nbytes >= _HUGE and hasattr(numpy, "frombuffer"):  # else it is not imported, or not yet
        return memoryview(numpy.array(numpy.frombuffer(view, "u1")))
    return memoryview(bytearray(view))


def view_of(buffer: Any, format: str, shape: tuple[int, ...]) -> memoryview:
    """A view of memory that arrived, with the format and shape that it was sent with."""
    view = memoryview(buffer).cast("B")
    return view.cast(format, shape) if view.nbytes else view.cast(format)  # type: ignore[call-overload, no-any-return]


def native_format(view: memoryview) -> str:
    """The format as memoryview.cast() takes it: ctypes writes "<i" for "i". "B" for structures."""
    code = view.format.lstrip("@=<") if sys.byteorder == "little" else view.format.lstrip("@")
    for candidate in (code, {"l": "q", "L": "Q"}.get(code, code)):
        try:
            if memoryview(b"").cast(candidate).itemsize == view.itemsize:  # type: ignore[call-overload]
                return candidate
        except ValueError:  # no such format
            pass
    return "B"
