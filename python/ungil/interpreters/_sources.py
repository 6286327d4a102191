"""Code of functions between interpreters, so that tracebacks there show its file and its lines.

Both sides use this file, as they use `_pickling`.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any, Callable, Sequence

_arrived: set[str] = set()  # names of files whose lines came from the other side


def reduce_code(code: CodeType, reduced: tuple[Any, ...]) -> tuple[Any, ...]:
    """cloudpickle's reduction of a code object, with its file's name, which cloudpickle 3.1.3 drops."""
    make, arguments, *rest = reduced
    return (make_code, (code.co_filename, _lines_of(code), make, arguments), *rest)


def _lines_of(code: CodeType) -> Sequence[str] | None:
    """The lines of code that is in no file: of a notebook or an interactive session. None if nobody has them."""
    linecache: Any = sys.modules.get("linecache")
    if linecache is None:
        return None
    name = code.co_filename
    entry = linecache.cache.get(name)
    if entry is not None and len(entry) == 4:
        return entry[2] if entry[1] is None else None  # no time of modification: it is no file
    # Interactive sessions of Python 3.14 keep lines by code objects; doctest has a getlines() of its own.
    of_code = getattr(linecache, "_getlines_from_code", None)
    lines = of_code and of_code(code)
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
    """Makes linecache know the lines, if it has none of its own by this name."""
    import linecache

    name = code.co_filename
    if name in linecache.cache and name not in _arrived:
        return
    _arrived.add(name)
    linecache.cache[name] = sum(map(len, lines)), None, list(lines), name
    if hasattr(linecache, "_getlines_from_code"):
        linecache._register_code(code, "".join(lines), name)  # type: ignore[attr-defined]


def forget() -> None:
    """Drops the lines that arrived."""
    linecache: Any = sys.modules.get("linecache")
    while _arrived:
        name = _arrived.pop()
        if linecache is not None:
            linecache.cache.pop(name, None)
