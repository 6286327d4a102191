"""Modules that the interpreters of a pool import before their first task."""

from __future__ import annotations

import importlib
from collections.abc import Iterable

from .._native.scalars import short_repr


def names_of(preload: Iterable[str]) -> tuple[str, ...]:
    """The parameter `preload`, checked."""
    if isinstance(preload, (str, bytes)) or not isinstance(preload, Iterable):
        raise TypeError("preload: expected a list of names of modules, not %s" % short_repr(preload))
    names = tuple(preload)
    for name in names:
        if not isinstance(name, str):
            raise TypeError("preload: expected names of modules, not %s" % type(name).__name__)
        if not all(name.split(".")):
            raise ValueError("preload: %r is not a name of a module" % name)
    return names


def import_module(name: str) -> None:
    """Import a module, in an interpreter. (The module itself could not be returned.)"""
    importlib.import_module(name)
