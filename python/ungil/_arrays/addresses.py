"""Where a buffer's memory is. ctypes alone tells only that of memory that may be written to."""

from __future__ import annotations

import array
import ctypes
import functools
import importlib
import operator
import sys
from typing import Any

if sys.implementation.name == "cpython":

    class _Buffer(ctypes.Structure):
        """Py_buffer of CPython, whose layout has been the same since 3.3, and is part of the stable ABI since 3.11."""

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
        """Where objects of this type have their Py_buffer, if it comes before the list of their weak references.

        None where that would not be inside of the object: the list may lie elsewhere in a later version, and the
        offset is negative then.
        """
        end: int = kind.__weakrefoffset__
        start = end - ctypes.sizeof(_Buffer)
        is_inside = object.__basicsize__ <= start and end <= kind.__basicsize__
        return start if is_inside and start % ctypes.alignment(_Buffer) == 0 else None

    def _is_right(offset: int) -> bool:
        """Whether memoryviews have their Py_buffer at this offset, which is inside of them."""
        # What an owner itself says its address is, and views of it.
        text, numbers = b"ungil", array.array("q", range(9))
        address, start = ctypes.cast(ctypes.c_char_p(text), ctypes.c_void_p).value or 0, numbers.buffer_info()[0]
        memory = bytearray(64)
        first = ctypes.c_char.from_buffer(memory)
        expected = [
            (memoryview(text), address),
            (memoryview(text)[2:4], address + 2),
            (memoryview(numbers), start),
            (memoryview(numbers)[3::2], start + 24),
            (memoryview(numbers)[::-1].toreadonly(), start + 64),
            (memoryview(memory), ctypes.addressof(first)),
            (memoryview(memory)[16:32].cast("i", (2, 2)), ctypes.addressof(first) + 16),
            (memoryview(memory).toreadonly(), ctypes.addressof(first)),
        ]
        for view, where in expected:
            found = _Buffer.from_address(id(view) + offset)
            if (found.buf, found.len, found.itemsize) != (where, view.nbytes, view.itemsize):
                return False
            if (found.ndim, bool(found.readonly)) != (view.ndim, view.readonly):
                return False
        return True

    def _read(view: memoryview) -> tuple[int, Any]:
        """The address of the first byte of a view that is not released, and what keeps it there until it is.

        It is read from the memoryview itself, whose fields are not public: only where `_is_right` has said so.
        """
        return _Buffer.from_address(id(view) + _OFFSET).buf or 0, None

    class _Request:
        """An answer of PyObject_GetBuffer, which is given back when this dies.

        That is done by C alone, as Ctrl-C may come between two steps of a method in Python.
        """

        __slots__ = ("_release", "buffer")
        __del__ = property(operator.attrgetter("_release"))

        def __init__(self) -> None:
            self.buffer = _Buffer()  # of NULLs: there is nothing to be given back yet
            self._release = functools.partial(_give_back, ctypes.byref(self.buffer))

    _ask = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int)(
        ("PyObject_GetBuffer", ctypes.pythonapi)
    )
    _give_back = ctypes.PYFUNCTYPE(None, ctypes.POINTER(_Buffer))(("PyBuffer_Release", ctypes.pythonapi))
    _FULL_RO = 0x011C  # PyBUF_FULL_RO: whatever the memory is like

    def _request(view: memoryview) -> tuple[int, Any]:
        """As `_read`, by functions that are public. It takes some ten times as long."""
        request = _Request()
        # Of another view of the same memory: where Ctrl-C comes, its traceback keeps that one, and not the caller's,
        # which can be released.
        _ask(memoryview(view), request.buffer, _FULL_RO)
        return request.buffer.buf or 0, None

    _OFFSET = _offset_in(memoryview) or 0
    address_of = _read if _OFFSET and _is_right(_OFFSET) else _request

else:
    # PyPy has no PyObject_GetBuffer. Its ctypes tells where writable memory is; for other memory there is its CFFI,
    # which may make a copy.
    _ffi = importlib.import_module("_cffi_backend").FFI()

    def address_of(view: memoryview) -> tuple[int, Any]:
        """The address of the first byte of a view that is not released, and what keeps it there until it is."""
        if not view.nbytes:
            return 0, None
        if not view.readonly:
            first = ctypes.c_char.from_buffer(view)
            return ctypes.addressof(first), first
        memory = _ffi.from_buffer(view)
        return int(_ffi.cast("uintptr_t", memory)), memory
