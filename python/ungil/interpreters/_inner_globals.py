"""The program's globals as a message finds them: which names an object has, and which globals are in others.

A global that is in another one, such as an object in a list, is one object on the other side, too: what is around it
arrives with a reference to it, by its name, and after it. The fingerprint of a global is that of all that is in it.
"""

from __future__ import annotations

import contextlib
import sys
from types import FunctionType, ModuleType

from . import _anew, _functions
from ._arrivals import CONSTANTS, settled
from ._fingerprints import fingerprint_of
from ._identity import ATOMS, main_globals, registry, stands_alone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

    from ._arrivals import Piece
    from ._definitions import Definitions


class Namespace:
    """The globals of one dict that a message has."""

    def __init__(self) -> None:
        self.names: dict[str, tuple[bytes, bool]] = {}  # fingerprints, and whether they give way
        self.unsent: dict[str, Any] = {}  # values
        self.optional: dict[str, tuple[bytes, Piece]] = {}
        self.inner: dict[str, list[str]] = {}  # names of those that are in others


class ProgramGlobals:
    """The globals of `__main__`, without names that are left out. If left_out is None, there are none."""

    def __init__(self, left_out: frozenset[str] | None) -> None:
        self._names: dict[int, list[str]] = {}
        self._inner: dict[int, tuple[str | None, Any]] = {}
        values = {} if left_out is None else main_globals().copy()
        for name, value in values.items():
            if name not in left_out and type(value) not in ATOMS:  # type: ignore[operator]
                self._names.setdefault(id(value), []).append(name)
        for key, names in self._names.items():
            value = values[names[0]]
            if type(value) not in _NEVER_INNER and _references(values, names[0]) > _OF_ONE_NAME + 2 * (len(names) - 1):
                self._inner[key] = names[0], value
        self._candidates = frozenset(name for name, _ in self._inner.values())

    def names_of(self, value: Any) -> list[str]:
        """The names of the globals that are this object."""
        return self._names.get(id(value), [])

    def inner_names(self, names: list[str]) -> tuple[str, ...]:
        """Those of the names that are of globals to which others may refer."""
        return tuple(name for name in names if name in self._candidates)

    def inner_name(self, obj: Any) -> str | None:
        """The name of an object that is a global, if others may refer to it."""
        name, value = self._inner.get(id(obj), (None, None))
        return name if name is not None and value is obj and _has_content(obj) else None

    def names_in(self, name: str, value: Any, fingerprint: bytes, trial: Callable[[], Definitions]) -> list[str]:
        """The names of the globals that are in another one, and in those in turn. trial: makes a message to look."""
        if not self._inner or stands_alone(value):
            return []
        state = fingerprint, self._candidates
        before, found = _found_in.get(name, (None, []))
        if before != state:
            references, message = References(self, set()), trial()
            try:
                message.with_references(value, references)
            finally:
                message.release()
            found = [other for other in references.met if other not in self.names_of(value)]
            _found_in[name] = state, found
        return found


class References:
    """The references in a pickle to globals.

    ready: names of those that the other side has when it comes to what is being pickled.
    met: names of all that were met.
    """

    def __init__(self, program: ProgramGlobals, ready: set[str]) -> None:
        self._program, self.ready = program, ready
        self.met: dict[str, None] = {}

    def to(self, obj: Any) -> str | None:
        """The name that is pickled in place of an object."""
        name = self._program.inner_name(obj)
        if name is None:
            return None
        self.met[name] = None
        return name if name in self.ready else None

    def in_order(self, values: dict[str, Any], inner: dict[str, list[str]]) -> dict[str, Any]:
        """Values for a pickle, each after those that are in it. inner: their names."""
        canonical = {name for name, value in values.items() if name in self._program.names_of(value)[:1]}
        order = sorted(values, key=lambda name: (len(inner.get(name, ())), name not in canonical))
        return {name: _Value(self, name, values[name]) for name in order}


class _Value:
    """The value of a global in a pickle. Those after it may refer to it."""

    __slots__ = ("_name", "_references", "_value")

    def __init__(self, references: References, name: str, value: Any) -> None:
        self._references, self._name, self._value = references, name, value

    def __reduce__(self) -> Any:
        return settled, (self._name, self._value, _End(self._references, self._name))


class _End:
    """Comes behind a value: when this is pickled, the value has been."""

    __slots__ = ("_name", "_references")

    def __init__(self, references: References, name: str) -> None:
        self._references, self._name = references, name

    def __reduce__(self) -> Any:
        self._references.ready.add(self._name)
        return tuple, ()


_NEVER_INNER = frozenset([FunctionType, ModuleType, type, *CONSTANTS])


def _has_content(value: Any) -> bool:
    """Whether a value has content of its own, and no token."""
    if stands_alone(value) or isinstance(value, CONSTANTS):
        return False
    return registry.known(value) is None and not _anew.is_anew(value)


_found_in: dict[str, tuple[Any, list[str]]] = {}
"""What was found in globals: a global with the same content, among the same others, is not looked at again."""


def _references(values: dict[str, Any], name: str) -> int:
    """How many refer to a value. All have as many if this cannot be known."""
    return sys.getrefcount(values[name]) if hasattr(sys, "getrefcount") else sys.maxsize


_OF_ONE_NAME = _references({"name": object()}, "name") + 2  # of the program's own dict, and of a local variable


def optional_globals(message: Definitions) -> dict[str, tuple[bytes, Piece]]:
    """All globals of `__main__` that can be sent, each in a pickle of its own, after those that are in it.

    One that could be may fail later, as another thread has changed it: it is left out, too.
    """
    left_out: Any = message.shared_names
    found, inner = {}, {}
    for name, value in main_globals().copy().items():
        if name in left_out or not _functions.may_be_looked_up(name):
            continue
        if type(value) in ATOMS or _can_be_sent(message, value):
            with contextlib.suppress(Exception):
                piece = message.piece(value, "")
                fingerprint = fingerprint_of(piece)
                inner[name] = message.names_in_global(name, value, fingerprint)
                found[name] = fingerprint, piece, value
    sent: dict[str, tuple[bytes, Piece]] = {}
    references = References(message.main, set())
    for name in sorted(found, key=lambda name: len(inner[name])):
        fingerprint, piece, value = found[name]
        with contextlib.suppress(Exception):
            sent[name] = fingerprint, message.with_references(value, references) if inner[name] else piece
            references.ready.add(name)
    return sent


def _can_be_sent(message: Definitions, value: Any) -> bool:
    trial = message.trial()
    try:
        trial.envelope(trial.piece(value, ""))
    except Exception:
        return False
    finally:
        trial.release()
    return True
