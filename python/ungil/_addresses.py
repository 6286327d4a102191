"""Where a buffer's memory is. ctypes alone tells only that of memory that may be written to."""

from __future__ import annotations

import ctypes
import importlib
import sys
from typing import Any

if sys.implementation.name == "cpython":

    class _Buffer(ctypes.Structure):
        """Py_buffer of CPython, whose layout has been the same since 3.0."""

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

    _FULL_RO = 0x11C  # any format, any strides, written to or not

    # Prototypes of this module's own: those of ctypes.pythonapi are everybody's, and anybody may declare them.
    _get = ctypes.PYFUNCTYPE(ctypes.c_int, ctypes.py_object, ctypes.c_void_p, ctypes.c_int)(
        ("PyObject_GetBuffer", ctypes.pythonapi)
    )
    _release = ctypes.PYFUNCTYPE(None, ctypes.c_void_p)(("PyBuffer_Release", ctypes.pythonapi))

    def address_of(view: memoryview) -> tuple[int, Any]:
        """The address of the view's first byte, and what keeps it there as long as the view is not released."""
        buffer = _Buffer()
        _get(view, ctypes.byref(buffer), _FULL_RO)
        address = buffer.buf or 0
        _release(ctypes.byref(buffer))
        return address, None

else:
    # PyPy has no PyObject_GetBuffer. Its ctypes tells where writable memory is; for other memory there is its CFFI,
    # which may make a copy.
    _ffi = importlib.import_module("_cffi_backend").FFI()

    def address_of(view: memoryview) -> tuple[int, Any]:
        """The address of the view's first byte, and what keeps it there as long as the view is not released."""
        if not view.nbytes:
            return 0, None
        if not view.readonly:
            first = ctypes.c_char.from_buffer(view)
            return ctypes.addressof(first), first
        memory = _ffi.from_buffer(view)
        return int(_ffi.cast("uintptr_t", memory)), memory
