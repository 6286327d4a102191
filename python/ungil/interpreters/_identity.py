"""Which object is which: the tokens of objects that are one object in the program, and one in each interpreter.

Functions, classes, sentinels and locks of the program have tokens, and what `_anew` lists. So do the cells of closures
and the dicts of globals, which functions hold. An object gets its token when it is sent first; what arrives is known by
its token from then on. Objects are referred to weakly, where their types allow it. Both sides import this file.
"""

from __future__ import annotations

import os
import sys
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType

from .._native.forks import register_at_fork
from .._private_apis import RLock, weak_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Optional

    Find = Callable[[], Optional[Any]]
    """Returns the object, or None if it is gone."""

MAIN = "main"
"""The token of the dict of `__main__`'s globals, where a program's functions arrive."""

ATOMS = frozenset([type(None), bool, int, float, complex, str, bytes, type(...), type(NotImplemented)])
"""Types whose objects never change, and are not asked which object they are."""


def stands_alone(value: Any) -> bool:
    """Whether a value has no content of its own: it never changes, or has a token or a name. Methods are bound."""
    if isinstance(value, (BuiltinFunctionType, MethodType)):
        return isinstance(value.__self__, (type(None), type, ModuleType))
    return type(value) in ATOMS or isinstance(value, (type, FunctionType, ModuleType))


def main_globals() -> dict[str, Any]:
    return sys.modules["__main__"].__dict__


def finder(obj: Any) -> Find:
    """What finds an object. It does not keep it, if there are weak references to it."""
    try:
        return weak_reference(obj)
    except TypeError:
        return lambda: obj


class Entry:
    """An object with a token.

    is_own: whether it was made in this interpreter, and did not arrive.
    find: returns the object, or None if it is gone.
    fingerprint: that of the definition that arrived last; "" if nothing, or not all of it, is known to have arrived.
    fingerprints: those of the definition's parts.
    definition: the definition that arrived last, for those who send the object back.
    cache: what the sending side remembers.
    """

    __slots__ = ("cache", "definition", "find", "fingerprint", "fingerprints", "is_own", "token")

    def __init__(self, token: str, find: Find, is_own: bool) -> None:
        self.token, self.find, self.is_own = token, find, is_own
        self.fingerprint: bytes = b""
        self.fingerprints: dict[str, bytes] = {}
        self.definition: Any = None
        self.cache: Any = None


class _Reference(weak_reference):  # type: ignore[type-arg]
    __slots__ = ("key", "token")
    if TYPE_CHECKING:
        key: int
        token: str


class Held:
    """A cell or a dict, to which there is no weak reference: found through the functions and modules that hold it."""

    __slots__ = ("_holders", "_unheld")

    def __init__(self, obj: Any) -> None:
        self._unheld = obj  # until there is a holder
        self._holders: dict[Any, Callable[[Any], Any]] = {}

    def __call__(self) -> Any:
        if self._unheld is not None:
            return self._unheld
        for reference, get in self._holders.copy().items():
            holder = reference()
            if holder is not None:
                return get(holder)
        return None

    def is_gone(self) -> bool:
        return self() is None

    def add(self, holder: Any, get: Callable[[Any], Any]) -> None:
        """holder: a function or module, for which get(holder) is the object."""
        self._holders[weak_reference(holder, self._remove)] = get
        self._unheld = None

    def _remove(self, reference: Any) -> None:
        self._holders.pop(reference, None)


class Kept:
    """An object to which there is no weak reference, such as a sentinel, and that nothing else may refer to."""

    __slots__ = ("_obj",)

    def __init__(self, obj: Any) -> None:
        self._obj = obj

    def __call__(self) -> Any:
        return self._obj

    def references(self) -> int:
        return sys.getrefcount(self._obj) if hasattr(sys, "getrefcount") else 0  # PyPy has none, and no interpreters

    def is_gone(self) -> bool:
        """Whether nothing else refers to it, so that nobody can tell it from another one."""
        return self.references() <= _REFERENCES_OF_NOBODY


_REFERENCES_OF_NOBODY = Kept(object()).references()


def globals_of(holder: Any) -> Any:
    """The dict of globals of a function or module."""
    return holder.__dict__ if isinstance(holder, ModuleType) else holder.__globals__


def cell_getter(index: int) -> Callable[[Any], Any]:
    return lambda function: function.__closure__[index]


class Registry:
    """The objects of this interpreter that have tokens. All threads share it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._origin = os.urandom(8).hex()
        self._number = 0  # of the latest token
        self._added = 0  # entries
        self._by_token: dict[str, Entry] = {}
        self._by_id: dict[int, Entry] = {}
        self.clear()

    def clear(self) -> None:
        """Forget all objects."""
        with self._lock:
            dropped = self._by_token.copy()  # kept until the lock is released: destructors may run any code
            self._by_token.clear()
            self._by_id.clear()
            self._by_token[MAIN] = Entry(MAIN, main_globals, True)
        del dropped

    def after_fork(self) -> None:
        self._lock = RLock()

    def at(self, token: str) -> Entry | None:
        """The entry of a token, if there is one."""
        return self._by_token.get(token)

    def known(self, obj: Any) -> Entry | None:
        """The entry of an object, if it has one."""
        entry = self._by_id.get(id(obj))
        return entry if entry is not None and entry.find() is obj else None

    def of(self, obj: Any) -> Entry:
        """The entry of an object, which gets one if it has none."""
        with self._lock:
            return self.known(obj) or self._add(self._next(), obj, self._finder(obj), True)

    def of_cell(self, cell: Any, function: Any, index: int) -> Entry:
        """The entry of a cell: that with this index in the closure of a function."""
        with self._lock:
            entry = self.known(cell) or self._add(self._next(), cell, Held(cell), True)
            self.hold(entry, function, cell_getter(index))
        return entry

    def of_globals(self, holder: Any) -> Entry:
        """The entry of the dict of globals of a function or module."""
        with self._lock:
            namespace = globals_of(holder)
            entry = self.known(namespace)
            if entry is None:
                is_main = namespace is main_globals()
                find = main_globals if is_main else Held(namespace)
                entry = self._add(self._next(), namespace, find, True)
            self.hold(entry, holder, globals_of)
        return entry

    def hold(self, entry: Entry, holder: Any, get: Callable[[Any], Any]) -> None:
        """Let an entry know a holder of its object."""
        if type(entry.find) is Held:
            entry.find.add(holder, get)

    def arrive(self, token: str, obj: Any, is_held: bool) -> Entry:
        """Make an entry for an object that was made for a token. is_held: whether it is a cell or a dict."""
        with self._lock:
            find = Held(obj) if is_held else self._finder(obj)
            return self._add(token, obj, find, False)

    def drop(self, entry: Entry) -> None:
        with self._lock:
            if self._by_token.get(entry.token) is entry:
                del self._by_token[entry.token]

    def _next(self) -> str:
        self._number += 1
        return "%s:%x" % (self._origin, self._number)

    def _add(self, token: str, obj: Any, find: Find, is_own: bool) -> Entry:
        self._added += 1
        if not self._added & 1023:
            self._sweep()
        entry = self._by_token[token] = self._by_id[id(obj)] = Entry(token, find, is_own)
        if type(find) is _Reference:
            find.key, find.token = id(obj), token
        return entry

    def _finder(self, obj: Any) -> Find:
        try:
            return _Reference(obj, self._forget)
        except TypeError:  # there are no weak references to it
            return Kept(obj)

    def _forget(self, reference: Any) -> None:
        """Called when an object is gone, at any time. Each access is one operation of a dict."""
        self._pop(self._by_id, reference.key, reference)
        self._pop(self._by_token, reference.token, reference)

    @staticmethod
    def _pop(entries: dict[Any, Entry], key: Any, find: Any) -> None:
        entry = entries.get(key)
        if entry is not None and entry.find is find:
            entries.pop(key, None)

    def _sweep(self) -> None:
        """Forget what nothing holds any more: cells, dicts, and objects that are kept."""
        entries: Any
        for entries in self._by_token, self._by_id:
            for key, entry in entries.copy().items():
                if isinstance(entry.find, (Held, Kept)) and entry.find.is_gone():
                    entries.pop(key, None)


registry = Registry()
register_at_fork(after_in_child=registry.after_fork)
