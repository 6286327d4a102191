"""Objects with tokens, and globals, that arrive: made when they arrive first, changed where the sender changed them.

A message has the definitions of all objects to which it refers by tokens, and the values of all globals that they use.
A definition is how the object is made, and its parts: the attributes of a class, the defaults of a function. Each part
and each global has a fingerprint. What has not changed since it arrived last is left as it is, so what tasks have made
of it stays. Objects that this interpreter has made itself are never changed. Both sides import this file.
"""

from __future__ import annotations

import io
from types import FunctionType

from .._native.forks import register_at_fork
from .._private_apis import RLock, pickle, thread_local
from ._identity import MAIN, Entry, cell_getter, finder, globals_of, registry, stands_alone
from ._kinds import (
    AFTER_GLOBALS,
    CELL,
    FUNCTION,
    GLOBALS,
    MAKE,
    NEEDS_CLASS,
    SETTERS,
    forget_modules,
    set_placeholder,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable, Union

    Piece = Union[bytes, tuple[bytes, list[Any]]]
    """A pickle, with its memory if it has some."""

    Fingerprints = dict[Any, Any]
    """Those of definitions by tokens, and of globals by (token, name)."""


class Definition:
    """An object as it is sent.

    kind: FUNCTION, CLASS, CELL, GLOBALS or ANEW.
    make: a pickle of what makes the object.
    parts: {name: (fingerprint, pickle, when it is set: AFTER_GLOBALS, NEEDS_CLASS, both or neither)}.
    references: the tokens to which the pickles refer.
    fingerprint: that of all parts.
    """

    __slots__ = ("fingerprint", "kind", "make", "parts", "references", "token")

    def __init__(
        self,
        token: str,
        kind: str,
        make: Piece,
        parts: dict[str, tuple[bytes, Piece, int]],
        references: Iterable[str],
        fingerprint: bytes,
    ) -> None:
        self.token, self.kind, self.make, self.parts = token, kind, make, parts
        self.references, self.fingerprint = references, fingerprint

    def __reduce__(self) -> Any:
        return Definition, (self.token, self.kind, self.make, self.parts, self.references, self.fingerprint)

    @property
    def has_memory(self) -> bool:
        return type(self.make) is tuple or any(type(piece) is tuple for _, piece, _ in self.parts.values())


class Globals:
    """Globals as they are sent: {name: (fingerprint, whether it gives way to another value that the receiver has)}.

    optional: {name: (fingerprint, pickle)} of those that the functions may or may not use.
    inner: names of those that others in the program refer to.
    """

    __slots__ = ("inner", "names", "optional", "token", "values")

    def __init__(
        self,
        token: str,
        names: dict[str, tuple[bytes, bool]],
        values: Piece,
        optional: dict[str, tuple[bytes, Piece]],
        inner: tuple[str, ...],
    ) -> None:
        self.token, self.names, self.values, self.optional, self.inner = token, names, values, optional, inner

    def __reduce__(self) -> Any:
        return Globals, (self.token, self.names, self.values, self.optional, self.inner)


class Token:
    """Stands for an object in a pickle."""

    __slots__ = ("token",)

    def __init__(self, token: str) -> None:
        self.token = token

    def __reduce__(self) -> Any:
        return known, (self.token,)


class GlobalName:
    """Stands for the value of a global in a pickle."""

    __slots__ = ("name", "token")

    def __init__(self, token: str, name: str) -> None:
        self.token, self.name = token, name

    def __reduce__(self) -> Any:
        return value_of_global, (self.token, self.name)


class Envelope:
    """A message that has definitions or globals."""

    def __init__(self, definitions: list[Definition], namespaces: list[Globals], content: Piece) -> None:
        self._arguments = definitions, namespaces, content

    def __reduce__(self) -> Any:
        return receive, self._arguments


class _Loading:
    """What a thread is loading at present."""

    def __init__(self, definitions: Iterable[Definition]) -> None:
        self.definitions = {definition.token: definition for definition in definitions}
        self.done: dict[str, Any] = {}  # objects, which are kept until they are used
        self.late: list[tuple[Entry, Definition, Any]] = []  # objects with parts that refer to globals
        self.settled: dict[str, Any] = {}  # globals, to which values of others refer
        self.dropped: list[Any] = []  # kept until the lock is released: destructors may run any code


_lock = RLock()
_of_thread = thread_local()
changes = [0]
"""How many definitions and globals arrived that were different."""


def _after_fork() -> None:
    global _lock
    _lock = RLock()


register_at_fork(after_in_child=_after_fork)


def clear() -> None:
    _inner.clear()  # without the lock: destructors may run any code
    with _lock:
        registry.clear()
        forget_modules()
        changes[0] += 1


def load_piece(piece: Piece) -> Any:
    return pickle.loads(piece) if isinstance(piece, bytes) else pickle.loads(piece[0], buffers=piece[1])


def receive(definitions: list[Definition], namespaces: list[Globals], content: Piece) -> Any:
    """The content of an envelope."""
    loading = _Loading(definitions)
    before = getattr(_of_thread, "loading", None)
    _of_thread.loading = loading
    try:
        with _lock:
            for namespace in namespaces:
                _set_globals(loading, namespace)
            for token in loading.definitions:
                known(token)
            for entry, definition, obj in loading.late:
                _set_parts(loading, entry, definition, obj, True)
            _record(definitions, namespaces)
        return load_piece(content)
    finally:
        _of_thread.loading = before


def record_arrivals(load: Callable[..., Any], *message: Any) -> tuple[Any, Fingerprints]:
    """load(*message), and the fingerprints of all definitions and globals that arrived with it."""
    before = getattr(_of_thread, "arrived", None)
    arrived = _of_thread.arrived = {}
    try:
        return load(*message), arrived
    finally:
        _of_thread.arrived = before


def _record(definitions: list[Definition], namespaces: list[Globals]) -> None:
    arrived: Fingerprints | None = getattr(_of_thread, "arrived", None)
    if arrived is not None:
        for definition in definitions:
            entry = registry.at(definition.token)
            if entry is not None and not entry.is_own:
                arrived[definition.token] = definition.fingerprint
        for namespace in namespaces:
            for name, (fingerprint, gives_way) in namespace.names.items():
                if not gives_way:
                    arrived[namespace.token, name] = fingerprint


def are_current(fingerprints: Fingerprints) -> bool:
    """Whether no other definitions and values have arrived since these."""
    with _lock:
        for key, fingerprint in fingerprints.items():
            token, name = key if type(key) is tuple else (key, None)
            entry = registry.at(token)
            if entry is None:
                return False
            if fingerprint != (entry.fingerprint if name is None else entry.fingerprints.get(name)):
                return False
    return True


def known(token: str) -> Any:
    """The object of a token: the one that is here, or else one that is made as the message says."""
    loading: _Loading = _of_thread.loading
    found = loading.done.get(token)
    if found is not None:
        return found
    with _lock:
        definition = loading.definitions.get(token)
        entry = registry.at(token)
        obj = None if entry is None else entry.find()
        if obj is None:
            if definition is None:
                raise pickle.UnpicklingError("an object that was sent does not exist any more")
            return _make(loading, definition)
        assert entry is not None
        loading.done[token] = obj
        if definition is not None and not entry.is_own:
            _update(loading, entry, definition, obj)
    return obj


def _make(loading: _Loading, definition: Definition) -> Any:
    make, *arguments = load_piece(definition.make)
    found = loading.done.get(definition.token)
    if found is not None:  # what it is made of refers to it
        return found
    obj = make(*arguments)
    found = loading.done.get(definition.token)
    if found is not None:  # a cell of the function's closure has the function in it
        return found
    loading.done[definition.token] = obj
    entry = registry.arrive(definition.token, obj, definition.kind in (CELL, GLOBALS))
    if definition.kind == FUNCTION:
        _hold(obj)
    entry.fingerprints[MAKE] = _content(definition.make)
    try:
        _set_parts(loading, entry, definition, obj, False)
    except BaseException:
        registry.drop(entry)
        raise
    return obj


def _hold(function: FunctionType) -> None:
    """Let the registry know that a new function holds its globals and cells."""
    entry = registry.known(function.__globals__)
    if entry is not None:
        registry.hold(entry, function, globals_of)
    for index, cell in enumerate(function.__closure__ or ()):
        entry = registry.known(cell)
        if entry is not None:
            registry.hold(entry, function, cell_getter(index))


def _update(loading: _Loading, entry: Entry, definition: Definition, obj: Any) -> None:
    if entry.fingerprint == definition.fingerprint:
        return
    made = _content(definition.make)
    if entry.fingerprints.get(MAKE) != made:
        if definition.kind == FUNCTION:
            obj.__code__ = load_piece(definition.make)[1]
        entry.fingerprints[MAKE] = made
    _set_parts(loading, entry, definition, obj, False)


def _set_parts(loading: _Loading, entry: Entry, definition: Definition, obj: Any, are_late: bool) -> None:
    """Set the parts of an object that are different. Those that refer to globals are set when the globals are."""
    before, after = entry.fingerprints, {MAKE: entry.fingerprints.get(MAKE, b"")}
    entry.fingerprint = b""
    changed: dict[str, Piece] = {}
    late = False
    for name, (fingerprint, piece, when) in definition.parts.items():
        if when & AFTER_GLOBALS and not are_late:
            late = True
            if name in before:
                after[name] = before[name]
            elif when & NEEDS_CLASS:
                set_placeholder(obj, name)
            continue
        if before.get(name) != fingerprint:
            changed[name] = piece
            if when & NEEDS_CLASS and name not in before:
                set_placeholder(obj, name)
        after[name] = fingerprint
    removed = [name for name in before if name not in definition.parts and name != MAKE]
    if changed or removed:
        changes[0] += 1
        set_parts = SETTERS[definition.kind]
        for name, piece in changed.items():
            set_parts(obj, {name: load_piece(piece)}, (), loading.dropped)
        set_parts(obj, {}, removed, loading.dropped)
    entry.fingerprints = after
    if late:
        loading.late.append((entry, definition, obj))
    else:
        entry.fingerprint = definition.fingerprint
        entry.definition = None if definition.has_memory else definition


def _content(piece: Piece) -> bytes:
    return piece if isinstance(piece, bytes) else piece[0]


# Globals


def value_of_global(token: str, name: str) -> Any:
    namespace = known(token)
    return namespace[name]


_inner: dict[str, Callable[[], Any]] = {}
"""What finds the objects of globals of `__main__` that others refer to, as they arrived: tasks may rebind the names."""


def _arrived_as(name: str, value: Any) -> Any:
    """The object that arrived as a global, which is this value now. None if it is gone."""
    return _inner[name]() if name in _inner else value


def settled(name: str, value: Any, _: Any) -> Any:
    """The value of a global of `__main__` to which others refer: the one that is here, if it has not changed."""
    loading: _Loading = _of_thread.loading
    return loading.settled.setdefault(name, value)


class _Unpickler(pickle.Unpickler):
    def persistent_load(self, name: str) -> Any:
        loading: _Loading = _of_thread.loading
        return loading.settled[name] if name in loading.settled else _arrived_as(name, known(MAIN).get(name))


def _load_values(piece: Piece) -> Any:
    data, memory = (piece, ()) if isinstance(piece, bytes) else piece
    return _Unpickler(io.BytesIO(data), buffers=memory).load()


CONSTANTS = (tuple, frozenset, range)  # equal ones may be one object by chance


def _set_globals(loading: _Loading, arrived: Globals) -> None:
    namespace = known(arrived.token)
    entry = registry.at(arrived.token)
    assert entry is not None
    if entry.is_own and entry.token != MAIN:
        return
    latest = entry.fingerprints
    different = []
    for name, (fingerprint, gives_way) in arrived.names.items():
        if latest.get(name) != fingerprint and not (gives_way and name in namespace and name not in latest):
            different.append(name)
    here = {name: _arrived_as(name, namespace.get(name)) for name in arrived.names if name not in different}
    loading.settled = {name: value for name, value in here.items() if value is not None}
    if different:
        values = _load_values(arrived.values)
        kept = {  # by what has arrived again: another name of the same object means the one that is here
            id(value): loading.settled[name]
            for name, value in values.items()
            if name in loading.settled and not stands_alone(value) and not isinstance(value, CONSTANTS)
        }
        for name in different:
            changes[0] += 1
            latest.pop(name, None)  # first: an interrupt may come between these lines
            loading.dropped.append(namespace.get(name))
            namespace[name] = kept.get(id(values[name]), values[name])
            latest[name] = arrived.names[name][0]
    for name, (fingerprint, piece) in arrived.optional.items():
        if name not in arrived.names and latest.get(name) != fingerprint:
            try:
                value = _load_values(piece)
            except Exception:  # the functions may not need it
                continue
            loading.dropped.append(namespace.get(name))
            namespace[name] = value
            latest[name] = fingerprint
            different.append(name)
    loading.dropped += [_inner.pop(name, None) for name in different]
    _inner.update((name, finder(namespace[name])) for name in arrived.inner if name in different)
