"""Source lines of code that is sent, so that tracebacks on the other side show its file and its lines.

Both sides import this file.
"""

from __future__ import annotations

import sys

from .. import _private_apis

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType
    from typing import Any, Callable

_arrived: set[str] = set()  # names of files whose lines arrived from the other side


def reduce_code(code: CodeType, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """cloudpickle's reduction of a code object, with its file's name, which cloudpickle 3.1.3 drops."""
    make, arguments, *rest = reduced
    return (make_code, (code.co_filename, _lines_of(code), make, arguments), *rest)


def _lines_of(code: CodeType) -> Sequence[str] | None:
    """The lines of code that is in no file: of a notebook or an interactive session. None if linecache lacks them."""
    if sys.modules.get("linecache") is None:
        return None
    import linecache  # waits if another thread is importing it

    name = code.co_filename
    entry = linecache.cache.get(name)
    if entry is not None and len(entry) == 4:
        return entry[2] if entry[1] is None else None  # a file has a time of modification
    lines = _private_apis.lines_of_code(code)
    # doctest replaces getlines().
    return lines or (linecache.getlines(name) if name.startswith("<") else None) or None


def make_code(name: str, lines: Sequence[str] | None, make: Callable[..., CodeType], arguments: Any) -> CodeType:
    """A code object that arrived."""
    code = make(*arguments)
    if code.co_filename != name:
        code = code.replace(co_filename=name)
    if lines:
        _show(code, lines)
    return code


def _show(code: CodeType, lines: Sequence[str]) -> None:
    """Add the lines to linecache, unless it has a file by this name."""
    import linecache

    name = code.co_filename
    if name in linecache.cache and name not in _arrived:
        return
    _arrived.add(name)
    linecache.cache[name] = sum(map(len, lines)), None, list(lines), name
    _private_apis.register_code(code, lines)


def clear() -> None:
    """Drop the lines that arrived."""
    linecache: Any = sys.modules.get("linecache")
    while _arrived:
        name = _arrived.pop()
        if linecache is not None:
            linecache.cache.pop(name, None)
