"""The options of `Interpreter` as the text that ungil_interp_new() takes."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any, Callable

from .._native.scalars import as_int, short_repr
from ..errors import InvalidArgumentError

Convert = Callable[[str, Any], Iterable[str]]


def _path(name: str, value: Any) -> Iterable[str]:
    try:
        return (os.fsdecode(value),)
    except TypeError:
        raise TypeError("%s: expected a path, not %s" % (name, type(value).__name__)) from None


def _items(name: str, value: Any, kind: str) -> list[Any]:
    """The items of a list, which has at least one: in the text for C, an empty list would be no option."""
    if isinstance(value, (str, bytes)):
        raise TypeError("%s: expected a list of %s, not one %s" % (name, kind, type(value).__name__))
    try:
        iterator = iter(value)
    except TypeError:
        raise TypeError("%s: expected a list of %s, not %s" % (name, kind, type(value).__name__)) from None
    items = list(iterator)
    if not items:
        raise InvalidArgumentError("%s: expected a list of %s that is not empty, or None" % (name, kind))
    return items


def _strings(name: str, value: Any) -> Iterable[str]:
    strings = _items(name, value, "strings")
    for item in strings:
        if not isinstance(item, str):
            raise TypeError("%s: expected a list of strings, and one is %s" % (name, type(item).__name__))
    return strings


def _string(name: str, value: Any) -> Iterable[str]:
    if not isinstance(value, str):
        raise TypeError("%s: expected a str, not %s" % (name, type(value).__name__))
    return (value,)


def _paths(name: str, value: Any) -> Iterable[str]:
    return [path for item in _items(name, value, "paths") for path in _path(name, item)]


def _patterns(name: str, value: Any) -> Iterable[str]:
    """Names, paths and patterns of libraries. An empty one would match nothing."""
    patterns = _paths(name, value)
    if "" in patterns:
        raise InvalidArgumentError("%s: expected names of libraries, and one is empty" % name)
    return patterns


def checked_flag(name: str, value: Any) -> bool:
    """The bool. Raises TypeError for anything else."""
    if not isinstance(value, bool):
        raise TypeError("%s: expected a bool, not %s" % (name, type(value).__name__))
    return value


def _true(name: str, value: Any) -> Iterable[str]:
    return ("1" if checked_flag(name, value) else "0",)


def _only_true(name: str, value: Any) -> Iterable[str]:
    """For an option that is false where it is not given."""
    return [text for text in _true(name, value) if text == "1"]


def _false(name: str, value: Any) -> Iterable[str]:
    """For an option whose meaning is the opposite in C."""
    _true(name, value)  # checks its type
    return ("0" if value else "1",)


def _level(name: str, value: Any) -> Iterable[str]:
    level = as_int(name, value)
    if not 0 <= level <= 9:
        raise InvalidArgumentError("%s: expected an int from 0 to 9, not %s" % (name, short_repr(level)))
    return (str(level),)


def _digits(name: str, value: Any) -> Iterable[str]:
    digits = as_int(name, value)
    if digits != 0 and not 640 <= digits < 1 << 31:
        raise InvalidArgumentError(
            "%s: expected 0, or an int from 640 to 2**31 - 1, not %s" % (name, short_repr(digits))
        )
    return (str(digits),)


# Keywords of Interpreter, which are named as in PyConfig and sys; their names for the C function; their types.
_OPTIONS: dict[str, tuple[str, Convert]] = {
    "libpython": ("libpython", _path),
    "fresh": ("fresh", _only_true),
    "group": ("group", _string),
    "executable": ("executable", _path),
    "home": ("home", _path),
    "module_search_paths": ("path", _paths),
    "argv": ("argv", _strings),
    "warnoptions": ("warnoption", _strings),
    "xoptions": ("xoption", _strings),
    "private": ("private", _patterns),
    "shared": ("shared", _patterns),
    "pycache_prefix": ("pycache_prefix", _path),
    "int_max_str_digits": ("int_max_str_digits", _digits),
    "optimization_level": ("optimize", _level),
    "write_bytecode": ("dont_write_bytecode", _false),
    "user_site_directory": ("no_user_site", _false),
    "site_import": ("no_site", _false),
    "use_environment": ("ignore_environment", _false),
    "isolated": ("isolated", _true),
    "bytes_warning": ("bytes_warning", _level),
    "verbose": ("verbose", _level),
    "quiet": ("quiet", _true),
    "parser_debug": ("debug", _level),
    "utf8_mode": ("utf8_mode", _true),
    "dev_mode": ("dev_mode", _true),
}


def text_of(given: Mapping[str, Any]) -> bytes:
    """The text for the keywords whose value is not None.

    Raises TypeError and ValueError for values of a wrong type, or out of range. The library checks paths.
    """
    lines: list[str] = []
    for name, (option, convert) in _OPTIONS.items():
        value = given.get(name)
        if value is None:
            continue
        for item in convert(name, value):
            if "\n" in item or "\0" in item:
                raise InvalidArgumentError("%s: %r has a newline or a NUL" % (name, item))
            lines.append("%s=%s" % (option, item))
    return "\n".join(lines).encode("utf-8", "surrogateescape")


def of_pool(private: Any, shared: Any, fresh: Any, initializer: Any) -> dict[str, Any]:
    """Options for the interpreters of a pool, checked. Iterables give their items once, and there are several."""
    given = {"private": private, "shared": shared}
    checked: dict[str, Any] = {
        name: None if value is None else list(_patterns(name, value)) for name, value in given.items()
    }
    checked["fresh"] = fresh
    if initializer is not None:
        checked["group"] = _group_of(initializer)
    text_of(checked)
    return checked


def _group_of(initializer: Any) -> str:
    """The group of pools with this initializer: its name. One that changed at each call would add interpreters."""
    while hasattr(initializer, "func"):  # functools.partial
        initializer = initializer.func
    owner = initializer if hasattr(initializer, "__qualname__") else type(initializer)
    return ascii("%s.%s" % (owner.__module__, owner.__qualname__))
