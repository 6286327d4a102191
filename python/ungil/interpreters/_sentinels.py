"""Sentinels of `__main__`: each is one object in the program, and one in each interpreter. Python 3.15 brought them.

Python pickles a sentinel by its name and its module's, and the other side imports that module. It cannot import
`__main__`. Both sides import this file.
"""

from __future__ import annotations

import builtins

from ._identity import main_globals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Sentinel: Any = getattr(builtins, "sentinel", None)

_made: dict[str, Any] = {}  # by their names; each access is one operation of a dict


def reduce_sentinel(sentinel: Any) -> Any:
    """The reduction of a sentinel of `__main__`."""
    return sentinel_of, (sentinel.__name__, repr(sentinel))


def sentinel_of(name: str, text: str) -> Any:
    """The sentinel of this name: the program's own, or one that stands for it in an interpreter."""
    first, *others = name.split(".")
    found = main_globals().get(first)
    for other in others:
        found = getattr(found, other, None)
    if type(found) is Sentinel:
        return found
    # A sentinel belongs to the module whose code makes it.
    made = eval("make(name, repr=text)", {"__name__": "__main__", "make": Sentinel, "name": name, "text": text})
    return _made.setdefault(name, made)
