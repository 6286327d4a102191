"""Addresses of C functions and contexts that ctypes, numba, CFFI, Cython or SciPy made.

Those packages are not imported: their objects are recognised by type or attributes.
"""

from __future__ import annotations

import ctypes
import sys
from numbers import Integral
from typing import Any, NamedTuple

from .._native.scalars import short_repr
from .._private_apis import ctypes_bases, flags_of
from . import c_signatures
from .buffers import BufferRef, as_bytes
from .c_signatures import POINTER, Signature

_CFunction, _Pointer, _SimpleData = ctypes_bases()
_Data: Any = _SimpleData.__mro__[1]
_NEEDS_PYTHON = 4  # FUNCFLAG_PYTHONAPI

_LOWEST = 4096  # no system has code in the first page, which catches NULL
_HIGHEST = ctypes.c_void_p(-1).value or 0


class Function(NamedTuple):
    """A C function. A caller keeps `owner` alive during the call."""

    address: int
    signature: Signature
    owner: Any
    context: int = 0  # the context that the function itself brings along, as a LowLevelCallable may


class Context(NamedTuple):
    """A C function's void * argument. A caller keeps `owner` alive during the call and releases `memory` after it."""

    address: int
    owner: Any = None
    memory: tuple[BufferRef, ...] = ()


def as_function(given: Any, *wanted: Signature) -> Function:
    """The argument `function` as a C function, if its signature, as far as it is known, is one of those wanted."""
    found = _recognise(given)
    if found is None:
        raise TypeError("function: expected a C function, not %s%s" % (type(given).__name__, _advice(given, wanted[0])))
    if not any(found.signature.fits(signature) for signature in wanted):
        expected = " or ".join(map(str, wanted))
        advice = _declaration(given, wanted[0]) if isinstance(given, _CFunction) else ""
        raise TypeError("function: expected a C function %s, not %s%s" % (expected, found.signature, advice))
    if not found.address:
        raise ValueError("function: the pointer is NULL")
    if found.address < _LOWEST:
        raise ValueError("function: %d is not the address of a function" % found.address)
    return found


def as_context(given: Any, function: Function) -> Context:
    """The argument `context` as the context of a call of `function`."""
    if given is None:
        return Context(function.context)
    if function.context:
        raise TypeError("context: the function has a context of its own")
    if isinstance(given, Integral):
        return Context(_address("context", given))
    if isinstance(given, (_Pointer, _CFunction, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_wchar_p)):
        return Context(ctypes.cast(given, ctypes.c_void_p).value or 0, given)
    if isinstance(given, _Data):
        return Context(ctypes.addressof(given), given)
    if type(given).__name__ == "CArgObject":  # byref()'s
        return Context(ctypes.cast(given, ctypes.c_void_p).value or 0, given)
    if type(given).__name__ == "PyCapsule":
        return Context(_Capsule(given).pointer, given)
    if _is_cffi(given):
        return Context(_cffi_address(given), given)
    memory = as_bytes("context", given)
    return Context(memory.address, given, (memory,))


def _recognise(given: Any) -> Function | None:
    if isinstance(given, _CFunction):
        return _from_ctypes(given, given)
    if isinstance(given, (Integral, ctypes.c_void_p)):
        address = given.value or 0 if isinstance(given, ctypes.c_void_p) else given
        return Function(_address("function", address), c_signatures.UNKNOWN, given)
    if _is_cffi(given):
        kind = sys.modules["_cffi_backend"].typeof(given)
        return Function(_cffi_address(given), c_signatures.from_cffi(kind), given) if kind.kind == "function" else None
    if isinstance(given, tuple) and hasattr(given, "user_data") and hasattr(given, "signature"):
        # SciPy's LowLevelCallable: its first item is a capsule with the function, its user data and its signature.
        return _Capsule(tuple.__getitem__(given, 0)).function(given)
    if type(given).__name__ == "PyCapsule":
        return _Capsule(given).function(given)
    if isinstance(getattr(given, "address", None), int) and isinstance(getattr(given, "ctypes", None), _CFunction):
        return _from_ctypes(given.ctypes, given)  # numba's cfunc
    return None


def _from_ctypes(function: Any, owner: Any) -> Function:
    if flags_of(function) & _NEEDS_PYTHON:
        raise TypeError("function: a function of ctypes.PyDLL needs the GIL, which is released during calls")
    return Function(ctypes.cast(function, ctypes.c_void_p).value or 0, c_signatures.from_ctypes(function), owner)


def _address(name: str, value: Any) -> int:
    number = -1 if isinstance(value, bool) else int(value)
    if not 0 <= number <= _HIGHEST:
        raise TypeError("%s: %s is not an address" % (name, short_repr(value)))
    return number


def _is_cffi(given: Any) -> bool:
    backend = sys.modules.get("_cffi_backend")
    return backend is not None and isinstance(given, backend.FFI.CData)


def _cffi_address(given: Any) -> int:
    ffi = sys.modules["_cffi_backend"].FFI()
    kind = ffi.typeof(given).kind
    if kind not in ("pointer", "array", "function"):
        raise TypeError("context: expected a CFFI pointer or array, not a CFFI %s" % kind)
    return int(ffi.cast("uintptr_t", given))


class _Capsule:
    """A PyCapsule, CPython's container for C pointers. Cython and SciPy store a function's signature as its name."""

    def __init__(self, capsule: Any) -> None:
        api = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)
        name = api(("PyCapsule_GetName", ctypes.pythonapi))(capsule)
        pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)
        context_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object)
        self.name = "" if name is None else name.decode("utf-8", "replace")
        self.pointer: int = pointer_of(("PyCapsule_GetPointer", ctypes.pythonapi))(capsule, name) or 0
        self.context: int = context_of(("PyCapsule_GetContext", ctypes.pythonapi))(capsule) or 0

    def function(self, owner: Any) -> Function:
        signature = c_signatures.parse(self.name)
        if signature is None:
            raise TypeError("function: the capsule's name %r is not a function signature" % self.name)
        return Function(self.pointer, signature, owner, self.context)


_OTHER_NAMES = {
    "void": ("None", "void"),
    "float": ("ctypes.c_float", "float32"),
    "double": ("ctypes.c_double", "float64"),
    POINTER: ("ctypes.c_void_p", "voidptr"),
}


def _names_of(kind: str) -> tuple[str, str]:
    """The names of a C type in ctypes and in numba. Those of int32_t are ctypes.c_int32 and int32."""
    integer = kind[: -len("_t")]
    return _OTHER_NAMES.get(kind) or ("ctypes.c_" + integer, integer)


def _declaration(given: Any, wanted: Signature) -> str:
    """How to declare a function of a library whose result nobody has declared, for an error message."""
    if given.restype is not ctypes.c_int:
        return ""
    return ". ctypes takes int for a result that is not declared: if it is %s, set function.restype = %s" % (
        wanted.result,
        _names_of(wanted.result or "")[0],
    )


def _advice(given: Any, wanted: Signature) -> str:
    """How to make a C function with this signature from a Python function, for an error message."""
    if not callable(given):
        return ""
    if type(getattr(given, "__self__", None)).__name__ == "Lib":  # CFFI's, of a library that it has compiled
        return ". Of a CFFI library, use ffi.addressof(lib, %r)" % given.__name__
    kinds = (wanted.result or "",) + (wanted.parameters or ())
    in_ctypes, in_numba = zip(*map(_names_of, kinds))
    ctypes_arguments = ", ".join(in_ctypes)
    numba_signature = "%s(%s)" % (in_numba[0], ", ".join(in_numba[1:]))
    return (
        ". To use a Python function, compile it with numba.cfunc('%s')(function), or wrap it with"
        " ctypes.CFUNCTYPE(%s)(function), whose calls hold the GIL"
    ) % (numba_signature, ctypes_arguments)
