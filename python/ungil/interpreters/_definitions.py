"""What a message has beside its content: the definitions of the objects with tokens, and the globals that they use.

The pickler puts a token for each such object; here the object gets its definition. What that refers to gets one too, in
turn, until nothing new is found. `_arrivals` is the receiving side.
"""

from __future__ import annotations

import sys
from collections import deque
from types import CellType, FunctionType, ModuleType

from .._private_apis import pickle
from . import _anew, _deferred, _functions, _importable, _kinds
from ._arrivals import Definition, Envelope, GlobalName, Globals, Token, known
from ._fingerprints import fingerprint_of, hash_of
from ._identity import MAIN, Entry, main_globals, registry, stands_alone
from ._importable import is_made_by_program, make_known_to_cloudpickle
from ._inner_globals import Namespace, ProgramGlobals, References, optional_globals
from ._sharing import PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Callable

    from ._arrivals import Piece
    from ._pickling import Lend
    from ._sharing import OutOfBandBuffer


class Definitions:
    """The definitions and globals of one message.

    pickled: pickles an object, and gives it with its memory.
    reduction: cloudpickle's reduction of a function or class.
    shared_names: globals that the other side has of its own, and that are not sent. If it is None, functions of
    `__main__` arrive with a dict of globals of their own.
    lend: as for `_pickling.dumps`.
    """

    def __init__(
        self,
        pickled: Callable[[Any, Definitions], Piece],
        reduction: Callable[[Any], Any],
        shared_names: frozenset[str] | None,
        lend: Lend | None = None,
    ) -> None:
        self._pickled, self.reduction, self.shared_names = pickled, reduction, shared_names
        self.lend = lend
        self._definitions: dict[str, Definition | None] = {}
        self._namespaces: dict[str, Namespace] = {}
        self._sections: list[Globals] = []
        self._waiting: deque[tuple[Entry, Any]] = deque()
        self._names: deque[tuple[Entry, dict[str, Any], str, tuple[Any, ...]]] = deque()
        self._references: dict[str, None] = {}  # tokens in what is being pickled
        self._main: ProgramGlobals | None = None
        self._uses_any_global = False
        self.references: References | None = None  # those of what is being pickled
        self._in_sections: set[str] = set()  # names of globals of `__main__`
        self.is_content = True  # whether the content is being pickled, and not a definition or a global
        self.main_values: list[tuple[str, Any]] = []
        self.known_memory: list[tuple[pickle.PickleBuffer, OutOfBandBuffer]] = []

    # While something is pickled

    def reduce(self, obj: Any) -> Any:
        """How an object is pickled: as a token, if it has one. None if that is cloudpickle's business."""
        entry = registry.known(obj)
        if entry is not None and entry.token in self._definitions:
            return self._token(entry, obj)
        kind = type(obj)
        if kind is FunctionType:
            make_known_to_cloudpickle(obj.__module__)
            is_new = entry is None and _anew.reduction_of_function(obj) is None
            if is_new and self.reduction(_deferred.with_annotations(obj)) is NotImplemented:
                return None
        elif issubclass(kind, type):
            make_known_to_cloudpickle(obj.__module__)
            if _anew.reduction_of_class(obj) is not None:
                return _anew.reduction_of_class(obj)
            reduction = None if entry is not None else self.reduction(obj)
            if entry is None and not (type(reduction) is tuple and len(reduction) == 6):
                return None
        elif kind is ModuleType:
            if not is_made_by_program(obj):
                return None
        elif not self._is_anew(entry, obj):
            owner = None if self.is_content else _importable.owner_of(obj)
            if owner is not None:
                return _kinds.attribute_of, owner
            return _anew.reduce_value(obj) or (None if self.is_content else _functions.reduce_instance(obj))
        return self._token(entry or registry.of(obj), obj)

    def _is_anew(self, entry: Entry | None, obj: Any) -> bool:
        """Whether an object is made anew there. An argument is so only if a global is the same object."""
        if entry is None and not _anew.is_anew(obj):
            return False
        return entry is not None or not self.is_content or bool(self.main.names_of(obj))

    def _token(self, entry: Entry, obj: Any) -> Any:
        token = entry.token
        if token not in self._definitions:
            self._definitions[token] = None
            self._waiting.append((entry, obj))
        self._references[token] = None
        return known, (token,)

    @property
    def main(self) -> ProgramGlobals:
        """The program's globals, as they are when this is used first."""
        if self._main is None:
            self._main = ProgramGlobals(self.shared_names)
        return self._main

    def trial(self) -> Definitions:
        """Another message like this one, to see what can be sent, and what is in it."""
        trial = Definitions(self._pickled, self.reduction, self.shared_names)
        trial._uses_any_global, trial.is_content, trial._main = True, False, self.main
        return trial

    def memory(self, buffers: Iterable[OutOfBandBuffer]) -> list[pickle.PickleBuffer]:
        """The memory of a piece."""
        found = []
        for buffer in buffers:
            buffer.is_kept = not self.is_content
            found.append(pickle.PickleBuffer(buffer.view))
            self.known_memory.append((found[-1], buffer))
        return found

    def release(self) -> None:
        """Let go of all memory: there will be no message."""
        for buffer, _ in self.known_memory:
            buffer.release()
        self.known_memory.clear()

    # Definitions

    def envelope(self, content: Piece) -> Envelope:
        """The message with the content, which has been pickled."""
        self.is_content = False
        while self._waiting or self._names:
            while self._waiting or self._names:
                if self._waiting:
                    self._define(*self._waiting.popleft())
                else:
                    self._add_global(*self._names.popleft(), False)
            self._finish_globals()
        definitions = [definition for definition in self._definitions.values() if definition is not None]
        return Envelope(definitions, self._sections, content)

    def _define(self, entry: Entry, obj: Any) -> None:
        if self.shared_names is None and not entry.is_own and entry.definition is not None:
            # It goes back as it came, with what it refers to.
            self._definitions[entry.token] = entry.definition
            for token in entry.definition.references:
                self.uses([token])
            return
        if type(obj) is CellType:
            self._definitions[entry.token] = _functions.define_cell(self, entry, obj, "a variable of a function")
            return
        if type(obj) is dict:
            self._define_namespace(entry, _kinds.make_globals, {"__name__": obj.get("__name__")})
            return
        self._references = {}
        kind = type(obj)
        if kind is FunctionType:
            reduction = _anew.reduction_of_function(obj)
            if reduction is None:
                definition = _functions.define_function(self, entry, obj)
            else:
                definition = self._anew(entry, *reduction)
        elif issubclass(kind, type):
            definition = _functions.define_class(self, entry, obj)
        elif kind is ModuleType:
            definition = self._module(entry, obj)
        else:
            definition = self._anew(entry, *_anew.reduction_of(obj))  # type: ignore[misc]
        self._definitions[entry.token] = definition
        self._add_name(obj)

    def _anew(self, entry: Entry, make: Callable[..., Any], arguments: Any, parts: dict[str, Any]) -> Definition:
        where = "an object that is made anew"
        pieces = {name: self.part(part, where) for name, part in parts.items()}
        return self.finished(entry, _kinds.ANEW, self.piece((make, *arguments), where), pieces)

    def define_held(self, function: FunctionType, index: int) -> str:
        """Define a cell of a function's closure. Returns its token."""
        cell = function.__closure__[index]  # type: ignore[index]
        entry = registry.of_cell(cell, function, index)
        if entry.token not in self._definitions:
            before, self._references = self._references, {}
            self._definitions[entry.token] = None
            self._definitions[entry.token] = _functions.define_cell(
                *(self, entry, cell, "the variable %r of function %r"),
                *(function.__code__.co_freevars[index], function.__qualname__),
            )
            self._references = before
        self._references[entry.token] = None
        return entry.token

    def uses(self, references: Iterable[str]) -> bool:
        """Send these along that a definition refers to. False if one of them is gone."""
        for token in references:
            entry = registry.at(token)
            obj = None if entry is None else entry.find()
            if entry is None or obj is None:
                return False
            if token != MAIN:
                self._token(entry, obj)
        return True

    def _add_name(self, obj: Any) -> None:
        """Let an object have its name in `__main__` there, so that it stays, and code can look for it."""
        if self.shared_names is None:
            return
        main = main_globals()
        name = _functions.name_in(main, obj) or next(iter(self.main.names_of(obj)), None)
        if name is not None and name not in self.shared_names:
            self._add_global(registry.at(MAIN), main, name, ("the global %r", name), True)  # type: ignore[arg-type]

    def part(self, value: Any, where: str, *names: Any) -> tuple[bytes, Piece, int]:
        """A part of a definition. where, names: what it is, for the error if it cannot be pickled."""
        alias = self._alias(value, where, *names)
        piece = self.piece(value if alias is None else alias[0], where, *names)
        fingerprint = fingerprint_of(piece)
        return (
            fingerprint if alias is None else fingerprint + alias[1],
            piece,
            0 if alias is None else _kinds.AFTER_GLOBALS,
        )

    def parts(self, values: Any, where: str, *names: Any) -> tuple[bytes, Piece, int]:
        """A part that is a tuple or a dict of values."""
        pairs = list(values.items() if type(values) is dict else enumerate(values))
        aliases = {
            key: alias for key, value in pairs for alias in [self._alias(value, where, *names)] if alias is not None
        }
        content = [(key, aliases[key][0] if key in aliases else value) for key, value in pairs]
        sent = dict(content) if type(values) is dict else tuple(value for _, value in content)
        piece = self.piece(sent, where, *names)
        fingerprints = b"".join(fingerprint for _, fingerprint in aliases.values())
        return fingerprint_of(piece) + fingerprints, piece, _kinds.AFTER_GLOBALS if aliases else 0

    def _alias(self, value: Any, *where: Any) -> tuple[GlobalName, bytes] | None:
        """The global that is the same object as a value, and its fingerprint."""
        if stands_alone(value):
            return None
        name = next(iter(self.main.names_of(value)), None)
        if name is None or _anew.is_anew(value):
            return None
        before, self._references = self._references, {}
        fingerprint = self._add_global(registry.at(MAIN), main_globals(), name, where, False)  # type: ignore[arg-type]
        self._references = before
        self._references[MAIN] = None
        return GlobalName(MAIN, name), fingerprint

    def piece(self, value: Any, where: str, *names: Any) -> Piece:
        """The pickle of a value. where, names: what it is, for the error if it cannot be pickled."""
        try:
            value = self._short(value)
            if type(value) is Token:
                return pickle.dumps(value, PROTOCOL)
            return self._pickled(value, self)
        except Exception as error:
            if not where or type(error) not in (TypeError, ValueError, AttributeError, pickle.PicklingError):
                raise
            raise type(error)("%s cannot be sent: %s" % (where % names, error)) from error

    def _short(self, value: Any) -> Any:
        """A Token, if the value is a function or class with a token; or else the value."""
        if type(value) is not FunctionType and not issubclass(type(value), type):
            return value
        if _importable.is_by_reference(value):
            return value
        reduced = self.reduce(value)
        return value if reduced is None or reduced[0] is not known else Token(*reduced[1])

    def finished(self, entry: Entry, kind: str, make: Piece, parts: dict[str, tuple[bytes, Piece, int]]) -> Definition:
        fingerprints = [(name, fingerprint) for name, (fingerprint, _, _) in parts.items()]
        fingerprint = hash_of(repr((fingerprint_of(make), fingerprints)).encode())
        return Definition(entry.token, kind, make, parts, tuple(self._references), fingerprint)

    # Globals

    def namespace_of(self, function: FunctionType, attributes: dict[str, Any]) -> Entry:
        """The dict of globals that a function arrives with. attributes: what the dict has from its beginning."""
        namespace = function.__globals__
        if namespace is main_globals() and self.shared_names is not None:
            entry: Any = registry.at(MAIN)
            self._references[MAIN] = None
            return entry  # type: ignore[no-any-return]
        entry = registry.of_globals(function)
        self._references[entry.token] = None
        if entry.token not in self._definitions:
            module = sys.modules.get(namespace.get("__name__", ""))
            if module is not None and module.__dict__ is namespace and is_made_by_program(module):
                self._define_globals_of_module(entry, module)
            else:
                self._define_namespace(entry, _kinds.make_globals, attributes)
        return entry  # type: ignore[no-any-return]

    def _define_namespace(self, entry: Entry, *make: Any) -> None:
        before, self._references = self._references, {}
        piece = self.piece(make, "the module of a function")
        self._definitions[entry.token] = self.finished(entry, _kinds.GLOBALS, piece, {})
        self._references = before

    def _define_globals_of_module(self, entry: Entry, module: ModuleType) -> None:
        is_imported = sys.modules.get(module.__name__) is module
        self._define_namespace(entry, _kinds.make_globals_of_module, entry.token, module.__name__, is_imported)

    def _module(self, entry: Entry, module: ModuleType) -> Definition:
        """A module that the program has made, with all that is in it."""
        namespace = registry.of_globals(module)
        self._references[namespace.token] = None
        if namespace.token not in self._definitions:
            self._define_globals_of_module(namespace, module)
        names = [name for name in module.__dict__ if name not in _functions.OF_EVERY_MODULE]
        self.use_globals(namespace, module.__dict__, names, "the global %r of module %r", module.__name__)
        make = self.piece((_kinds.module_of, namespace.token, Token(namespace.token)), "the module %r", module.__name__)
        return self.finished(entry, _kinds.ANEW, make, {})

    def use_globals(self, entry: Entry, namespace: dict[str, Any], names: Iterable[str], where: str, user: str) -> None:
        """Send globals along. where, user: what the error says if one cannot be pickled."""
        for name in names:
            if entry.token != MAIN or self.shared_names is None or name not in self.shared_names:
                self._names.append((entry, namespace, name, (where, name, user)))

    def use_any_global(self) -> None:
        """Send all globals of `__main__` along that can be sent: a function looks for some by computed names."""
        if not self._uses_any_global and self.shared_names is not None:
            self._uses_any_global = True
            self._namespaces.setdefault(MAIN, Namespace()).optional.update(optional_globals(self))

    def names_in_global(self, name: str, value: Any, fingerprint: bytes) -> list[str]:
        """The names of the globals that are in a global of `__main__`."""
        return self.main.names_in(name, value, fingerprint, self.trial)

    def with_references(self, value: Any, references: References) -> Piece:
        """The pickle of the values of globals, or of one, that refers to others by their names."""
        self.references = references
        try:
            return self.piece(value, "a global")
        finally:
            self.references = None

    def _add_global(
        self, entry: Entry, namespace: dict[str, Any], name: str, where: tuple[Any, ...], gives_way: bool
    ) -> bytes:
        """Send a global along. Returns its fingerprint."""
        if name not in namespace:
            return b""
        sent = self._namespaces.setdefault(entry.token, Namespace())
        before = sent.names.get(name)
        if before is not None and (gives_way or not before[1]):
            return before[0]
        value = namespace[name]
        fingerprint = fingerprint_of(self.piece(value, *where))
        sent.names[name] = fingerprint, gives_way
        sent.unsent[name] = value
        if entry.token == MAIN:
            self.main_values.append((name, value))
            if not stands_alone(value):  # it is one object there, too, whatever its name is, and so is what is in it
                sent.inner[name] = self.names_in_global(name, value, fingerprint)
                others = self.main.names_of(value) + sent.inner[name]
                self._names.extend((entry, namespace, other, where) for other in others)
        return fingerprint

    def _finish_globals(self) -> None:
        """Pickle the values that were found, together: some may refer to the same object.

        Functions and plain values come first, and those of `__main__` last: what makes the others may use them.
        """
        rest: list[Globals] = []
        for token, namespace in sorted(self._namespaces.items(), key=lambda item: item[0] == MAIN):
            unsent, optional = namespace.unsent, namespace.optional
            namespace.unsent, namespace.optional = {}, {}
            first = {name for name, value in unsent.items() if stands_alone(value)}
            for is_first, more in (True, {}), (False, optional):
                values = {name: value for name, value in unsent.items() if (name in first) is is_first}
                if is_first:
                    values = {name: self._short(value) for name, value in values.items()}
                if values or more:
                    names = {name: namespace.names[name] for name in values}
                    inner = () if is_first or token != MAIN else self.main.inner_names([*values, *more])
                    section = Globals(token, names, self._values(values, namespace.inner), more, inner)
                    (self._sections if is_first else rest).append(section)
                    if token == MAIN:
                        self._in_sections.update(values)
        self._sections += rest

    def _values(self, values: dict[str, Any], inner: dict[str, list[str]]) -> Piece:
        if not any(inner.get(name) for name in values):
            return self.piece(values, "a global")
        references = References(self.main, self._in_sections)
        return self.with_references(references.in_order(values, inner), references)
