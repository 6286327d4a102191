"""Interpreters that are made in an interpreter: not without end."""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterable
from types import FrameType
from typing import Any

from .._private_apis import current_frame
from . import _pickling, _preload
from ._importable import is_by_value

MAX_DEPTH_IN_IMPORTS = 3
"""How many interpreters may have made one another where modules are imported."""

_ADVICE = """\
A module is imported in an interpreter that needs it for a task, and its body has tasks run in another interpreter,
which would need it too: so it would be imported again, without end.

Interpreters import the modules that have the functions of tasks. What starts a program must not run then. Put it under

    if __name__ == "__main__":

in the program, or into a function of the module."""


def depth() -> int:
    """How many interpreters have made one another until this one; 0 in the program."""
    number: int = getattr(sys.modules.get("_ungil"), "depth", 0)
    return number


def refuse_deep_imports() -> None:
    """Raise RuntimeError if an interpreter is made in an import, and many have made one another."""
    if depth() >= MAX_DEPTH_IN_IMPORTS and _imports()[0]:
        raise RuntimeError(_ADVICE)


def refuse_function(function: Any) -> None:
    """The same if a task needs a module, for this function, whose import is in progress for another task."""
    if not depth():
        return
    while isinstance(function, functools.partial):
        function = function.func
    if not is_by_value(function):
        refuse_modules([getattr(function, "__module__", None)])


def refuse_modules(names: Iterable[str | None]) -> None:
    """The same for modules that a task needs."""
    if depth():
        imported, codes = _imports()
        if not imported.isdisjoint(names) and not codes.isdisjoint(_FOR_TASKS):
            raise RuntimeError(_ADVICE)


_FOR_TASKS = {_pickling.loads.__code__, _preload.import_module.__code__}


def _imports() -> tuple[set[Any], set[Any]]:
    """The names of the modules whose imports this code is part of, and the codes that run around the innermost one."""
    import_system = sys.modules["_ungil"].interrupts.IMPORT_SYSTEM
    frame: FrameType | None = current_frame()
    names: set[Any] = set()
    codes: set[Any] = set()
    while frame is not None:
        back = frame.f_back
        if frame.f_code.co_name == "<module>" and back is not None and back.f_code.co_filename == import_system:
            names.add(frame.f_globals.get("__name__"))
        if names:
            codes.add(frame.f_code)
        frame = back
    return names, codes
