"""The address of a buffer's memory. ctypes by itself gives it for writable memory only."""

from __future__ import annotations

import array
import ctypes
import functools
import importlib
import operator
import sys
from typing import Any

if sys.implementation.name == "cpython":

    class _PyBuffer(ctypes.Structure):
        """CPython's Py_buffer. Its layout has not changed since 3.3 and is part of the stable ABI since 3.11."""

        _fields_ = [
            ("buf", ctypes.c_void_p),
            ("obj", ctypes.c_void_p),
            ("len", ctypes.c_ssize_t),
            ("itemsize", ctypes.c_ssize_t),
            ("readonly", ctypes.c_int),
            ("ndim", ctypes.c_int),
            ("format", ctypes.c_void_p),
            ("shape", ctypes.c_void_p),
            ("strides", ctypes.c_void_p),
            ("suboffsets", ctypes.c_void_p),
            ("internal", ctypes.c_void_p),
        ]

    def _offset_in(kind: Any) -> int | None:
        """The offset of the Py_buffer in objects of this type, if it comes right before their weak reference list.

        None if that offset is not inside the object. A later version may keep the list elsewhere; its offset is then
        negative.
        """
        end: int = kind.__weakrefoffset__
        start = end - ctypes.sizeof(_PyBuffer)
        is_inside = object.__basicsize__ <= start and end <= kind.__basicsize__
        return start if is_inside and start % ctypes.alignment(_PyBuffer) == 0 else None

    def _is_buffer_offset(offset: int) -> bool:
        """Whether memoryviews have their Py_buffer at this offset, which must lie inside them."""
        # Addresses that the memory's owner reports, compared with those read from views of it.
        text, numbers = b"ungil", array.array("q", range(9))
        text_address, start = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0, numbers.buffer_info()[0]
        memory = bytearray(64)
        first = ctypes.c_char.from_buffer(memory)
        expected = [
            (memoryview(text), text_address),
            (memoryview(text)[2:4], text_address + 2),
            (memoryview(numbers), start),
            (memoryview(numbers)[3::2], start + 24),
            (memoryview(numbers)[::-1].toreadonly(), start + 64),
            (memoryview(memory), ctypes.addressof(first)),
            (memoryview(memory)[16:32].cast("i", (2, 2)), ctypes.addressof(first) + 16),
            (memoryview(memory).toreadonly(), ctypes.addressof(first)),
        ]
        for view, address in expected:
            found = _PyBuffer.from_address(id(view) + offset)
            if (found.buf, found.len, found.itemsize) != (address, view.nbytes, view.itemsize):
                return False
            if (found.ndim, bool(found.readonly)) != (view.ndim, view.readonly):
                return False
        return True

    def _read_field(view: memoryview) -> tuple[int, Any]:
        """The address of the first byte of a view that is not released, and an object that must live as long.

        It is read from the memoryview, whose fields are not public: this is used only if `_is_buffer_offset` has
        confirmed the offset.
        """
        return _PyBuffer.from_address(id(view) + _OFFSET).buf or 0, None

    class _HeldBuffer:
        """A buffer from PyObject_GetBuffer, released when this object is freed.

        C code alone releases it: a method in Python can be interrupted by Ctrl-C between any two steps.
        """

        __slots__ = ("_release", "buffer")
        __del__ = property(operator.attrgetter("_release"))

        def __init__(self) -> None:
            self.buffer = _PyBuffer()  # all NULL: there is nothing to release yet
            self._release = functools.partial(_release_buffer, ctypes.byref(self.buffer))

    _get_buffer = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(_PyBuffer), ctypes.c_int)(
        ("PyObject_GetBuffer", ctypes.pythonapi)
    )
    _release_buffer = ctypes.PYFUNCTYPE(None, ctypes.POINTER(_PyBuffer))(("PyBuffer_Release", ctypes.pythonapi))
    _FULL_RO = 0x011C  # PyBUF_FULL_RO: memory of any layout

    def _read_by_get_buffer(view: memoryview) -> tuple[int, Any]:
        """The same as `_read_field`, with public functions only. It takes about ten times as long."""
        held = _HeldBuffer()
        # Another view of the same memory: if Ctrl-C is pressed here, the traceback keeps that view alive, and the
        # caller's can still be released.
        _get_buffer(memoryview(view), held.buffer, _FULL_RO)
        return held.buffer.buf or 0, None

    _OFFSET = _offset_in(memoryview) or 0
    address_of = _read_field if _OFFSET and _is_buffer_offset(_OFFSET) else _read_by_get_buffer

else:
    # PyPy has no PyObject_GetBuffer. Its ctypes gives the address of writable memory; for read-only memory its CFFI
    # does, which may make a copy.
    _ffi = importlib.import_module("_cffi_backend").FFI()

    def address_of(view: memoryview) -> tuple[int, Any]:
        """The address of the first byte of a view that is not released, and an object that must live as long."""
        if not view.nbytes:
            return 0, None
        if not view.readonly:
            first = ctypes.c_char.from_buffer(view)
            return ctypes.addressof(first), first
        memory = _ffi.from_buffer(view)
        return int(_ffi.cast("uintptr_t", memory)), memory
