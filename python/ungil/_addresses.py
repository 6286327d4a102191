"""Where a buffer's memory is. ctypes alone tells only that of memory that may be written to."""

from __future__ import annotations

import ctypes
import importlib
import sys
from typing import Any

if sys.implementation.name == "cpython":

    class _Buffer(ctypes.Structure):
        """Py_buffer of CPython, whose layout has been the same since 3.3."""

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

    # A memoryview's own Py_buffer is, in each CPython since 3.3, what its weak references' list comes after.
    # PyObject_GetBuffer would take a second hold of the memory, which an interrupt could leave there.
    _IN_VIEW = memoryview.__weakrefoffset__ - ctypes.sizeof(_Buffer)

    def address_of(view: memoryview) -> tuple[int, Any]:
        """The address of the first byte of a view that is not released, and what keeps it there until it is."""
        return _Buffer.from_address(id(view) + _IN_VIEW).buf or 0, None

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
