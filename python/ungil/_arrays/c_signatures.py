"""Signatures of C functions, from ctypes, CFFI and C declarations."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Any, NamedTuple

POINTER = "void *"  # stands for every pointer type: C passes them all in the same way
OTHER = "a structure"

_CTYPES_CODES = {
    **{letter: "int" for letter in "bhilq"},
    **{letter: "uint" for letter in "BHILQ"},
    **{letter: POINTER for letter in "PzZOX"},
    "f": "float",
    "d": "double",
    "g": "long double",
    "?": "bool",
    "c": "char",
}

_INTEGER_WORDS = {"signed", "unsigned", "char", "short", "int", "long"}

_C_TYPES = {
    **{name: "int" for name in ("ssize_t", "ptrdiff_t", "intptr_t", "Py_ssize_t", "npy_intp")},
    **{name: "uint" for name in ("size_t", "uintptr_t")},
    **{name: name for name in ("void", "float", "double", "long double")},
    "_Bool": "bool",
    "bool": "bool",
}


class Signature(NamedTuple):
    """Result and parameter types of a function: names like int64_t, and void * for any pointer; None if unknown."""

    result: str | None
    parameters: tuple[str, ...] | None

    def __str__(self) -> str:
        parameters = "..." if self.parameters is None else ", ".join(self.parameters) or "void"
        return "%s (%s)" % (self.result or "?", parameters)

    def fits(self, other: Signature) -> bool:
        """Whether the two may be the same: what is unknown matches anything."""
        return all(a == b or a is None or b is None for a, b in zip(self, other))


UNKNOWN = Signature(None, None)


def from_ctypes(function: Any) -> Signature:
    """The signature of a ctypes function; unknown for a function of a library, if nobody has declared it."""
    declared = function.argtypes
    result = function.restype
    parameters = None if declared is None else tuple(map(_ctypes_name, declared))
    if parameters is None and result is ctypes.c_int:
        return UNKNOWN
    if result is not None and not isinstance(result, type):  # a Python function that is called with an int
        result = ctypes.c_int
    return Signature(_ctypes_name(result), parameters)


def _ctypes_name(kind: Any) -> str:
    if kind is None:
        return "void"
    letter = getattr(kind, "_type_", None)
    if not isinstance(letter, str):  # POINTER(...) has a type in this attribute; structures do not have it
        is_value = isinstance(kind, type) and issubclass(kind, (ctypes.Structure, ctypes.Union))
        return OTHER if is_value else POINTER
    name = _CTYPES_CODES.get(letter, OTHER)
    return _sized(name, kind) if name in ("int", "uint") else name


def from_cffi(kind: Any) -> Signature:
    """The signature in a CFFI type of pointers to functions."""
    return Signature(_cffi_name(kind.result), tuple(map(_cffi_name, kind.args)))


def _cffi_name(kind: Any) -> str:
    if kind.kind in ("pointer", "array", "function"):
        return POINTER
    if kind.kind == "enum":
        return "int%d_t" % (8 * sys.modules["_cffi_backend"].sizeof(kind))
    return _c_name(kind.cname)


def parse(text: str) -> Signature | None:
    """The signature in a text like "double (double, void *)", which SciPy writes; None for other texts."""
    match = re.fullmatch(r"\s*(.*?)\s*\((.*)\)\s*(noexcept|nogil|\s)*", text)
    if match is None or "(" in match.group(2):
        return None
    inner = match.group(2).strip()
    words = [] if inner in ("", "void") else inner.split(",")
    return Signature(_c_name(match.group(1)), tuple(map(_c_name, words)))


def _c_name(text: str) -> str:
    """The name of a C type, written without a parameter name."""
    if "*" in text or "[" in text:
        return POINTER
    words = [word for word in text.split() if word not in ("const", "volatile")]
    if words and _INTEGER_WORDS.issuperset(words):
        return _integer_name(words)
    name = " ".join(words)
    fixed = re.fullmatch(r"(?:npy_)?(u?int)(8|16|32|64)(?:_t)?", name)
    if fixed:
        return "%s%s_t" % fixed.groups()
    found = _C_TYPES.get(name, name or OTHER)
    return _sized(found, ctypes.c_size_t) if found in ("int", "uint") else found


def _integer_name(words: list[str]) -> str:
    if words == ["char"]:
        return "char"
    name = "uint" if "unsigned" in words else "int"
    if "char" in words:
        return _sized(name, ctypes.c_byte)
    if "short" in words:
        return _sized(name, ctypes.c_short)
    return _sized(name, (ctypes.c_int, ctypes.c_long, ctypes.c_longlong)[min(words.count("long"), 2)])


def _sized(name: str, kind: Any) -> str:
    return "%s%d_t" % (name, 8 * ctypes.sizeof(kind))
