"""Signatures of C functions, as ctypes, CFFI and C itself write them."""

from __future__ import annotations

import ctypes
import re
import sys
from typing import Any, NamedTuple

POINTER = "void *"  # all pointers are alike, as C passes them
OTHER = "a structure"

_LETTERS = {
    **{letter: "int" for letter in "bhilq"},
    **{letter: "uint" for letter in "BHILQ"},
    **{letter: POINTER for letter in "PzZOX"},
    "f": "float",
    "d": "double",
    "g": "long double",
    "?": "bool",
    "c": "char",
}

_WORDS = {"signed", "unsigned", "char", "short", "int", "long"}

_NAMES = {
    **{name: "int" for name in ("ssize_t", "ptrdiff_t", "intptr_t", "Py_ssize_t", "npy_intp")},
    **{name: "uint" for name in ("size_t", "uintptr_t")},
    **{name: name for name in ("void", "float", "double", "long double")},
    "_Bool": "bool",
    "bool": "bool",
}


class Signature(NamedTuple):
    """What a function returns and takes: names like int64_t, double, and void * for any pointer; None if unknown."""

    result: str | None
    parameters: tuple[str, ...] | None

    def __str__(self) -> str:
        parameters = "..." if self.parameters is None else ", ".join(self.parameters) or "void"
        return "%s (%s)" % (self.result or "?", parameters)

    def fits(self, other: Signature) -> bool:
        """Whether they may be the same."""
        return all(a == b or a is None or b is None for a, b in zip(self, other))


UNKNOWN = Signature(None, None)


def of_ctypes(function: Any) -> Signature:
    """That of a ctypes function: in a library it is int (), unless somebody declared it, and no more than a guess."""
    declared = function.argtypes
    result = function.restype
    parameters = None if declared is None else tuple(map(_of_ctypes, declared))
    if parameters is None and result is ctypes.c_int:
        return UNKNOWN
    if result is not None and not isinstance(result, type):  # a Python function, which gets an int
        result = ctypes.c_int
    return Signature(_of_ctypes(result), parameters)


def _of_ctypes(kind: Any) -> str:
    if kind is None:
        return "void"
    letter = getattr(kind, "_type_", None)
    if not isinstance(letter, str):  # POINTER(...) has a type there; structures have nothing
        is_value = isinstance(kind, type) and issubclass(kind, (ctypes.Structure, ctypes.Union))
        return OTHER if is_value else POINTER
    name = _LETTERS.get(letter, OTHER)
    return _sized(name, kind) if name in ("int", "uint") else name


def of_cffi(kind: Any) -> Signature:
    """That of CFFI's type of a pointer to a function."""
    return Signature(_of_cffi(kind.result), tuple(map(_of_cffi, kind.args)))


def _of_cffi(kind: Any) -> str:
    if kind.kind in ("pointer", "array", "function"):
        return POINTER
    if kind.kind == "enum":
        return "int%d_t" % (8 * sys.modules["_cffi_backend"].sizeof(kind))
    return _of_word(kind.cname)


def of_text(text: str) -> Signature | None:
    """That of a text like "double (double, void *)", which SciPy's LowLevelCallable has; None if it is no such text."""
    match = re.fullmatch(r"\s*(.*?)\s*\((.*)\)\s*(noexcept|nogil|\s)*", text)
    if match is None or "(" in match.group(2):
        return None
    inner = match.group(2).strip()
    words = [] if inner in ("", "void") else inner.split(",")
    return Signature(_of_word(match.group(1)), tuple(map(_of_word, words)))


def _of_word(text: str) -> str:
    """The name for a type as C writes it, without the name of a parameter."""
    if "*" in text or "[" in text:
        return POINTER
    words = [word for word in text.split() if word not in ("const", "volatile")]
    if words and _WORDS.issuperset(words):
        return _of_integer(words)
    name = " ".join(words)
    fixed = re.fullmatch(r"(?:npy_)?(u?int)(8|16|32|64)(?:_t)?", name)
    if fixed:
        return "%s%s_t" % fixed.groups()
    found = _NAMES.get(name, name or OTHER)
    return _sized(found, ctypes.c_size_t) if found in ("int", "uint") else found


def _of_integer(words: list[str]) -> str:
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
