"""Definitions of functions, cells and classes: what they are made of, taken apart. `_definitions` uses them."""

from __future__ import annotations

import copyreg
import enum
import sys
from types import CodeType, FunctionType, ModuleType

from .._private_apis import globals_used_by, parts_of_reduction
from . import _deferred, _kinds
from ._arrivals import Token
from ._identity import MAIN, main_globals, registry
from ._importable import is_by_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    from ._arrivals import Definition, Piece
    from ._identity import Entry

    class Message(Protocol):
        """The `Definitions` of a message."""

        shared_names: frozenset[str] | None

        def reduction(self, obj: Any, /) -> Any: ...
        def piece(self, value: Any, where: str, *names: Any) -> Piece: ...
        def part(self, value: Any, where: str, *names: Any) -> tuple[bytes, Piece, int]: ...
        def parts(self, values: Any, where: str, *names: Any) -> tuple[bytes, Piece, int]: ...
        def finished(self, entry: Entry, kind: str, make: Piece, parts: dict[str, Any]) -> Definition: ...
        def namespace_of(self, function: FunctionType, attributes: dict[str, Any]) -> Entry: ...
        def define_held(self, function: FunctionType, index: int) -> str: ...
        def use_globals(self, entry: Entry, namespace: dict[str, Any], names: Any, where: str, user: str) -> None: ...
        def use_any_global(self) -> None: ...
        def uses(self, references: Any) -> bool: ...


# Functions

_SLOTS = ("__qualname__", "__module__", "__doc__", "__annotations__", "__type_params__")


def define_function(message: Message, entry: Entry, function: FunctionType) -> Definition:
    """The definition of a function, made now or before. What the function uses is sent along."""
    _deferred.make_imports(function)
    inputs = _inputs_of_function(function, message.shared_names is None)
    namespace = message.namespace_of(function, _attributes_of_globals(function))
    cells = tuple(message.define_held(function, index) for index in range(len(function.__closure__ or ())))
    cached: CachedFunction | None = entry.cache
    if cached is None or inputs is None or cached.inputs != inputs or not message.uses(cached.definition.references):
        definition = _new_definition(message, entry, function, namespace, cells)
        cached = entry.cache = CachedFunction(inputs, definition, function)
        if inputs is None:
            entry.cache = None
    use_globals(message, namespace, function, cached)
    return cached.definition


def _new_definition(
    message: Message, entry: Entry, function: FunctionType, namespace: Entry, cells: tuple[str, ...]
) -> Definition:
    name = function.__qualname__
    described = _deferred.with_annotations(function)
    _, (code, *_), state, slots, _ = parts_of_reduction(message.reduction(described))
    arguments = code, Token(namespace.token), function.__name__, tuple(map(Token, cells))
    make = message.piece((_kinds.make_function, *arguments), "the code of function %r", name)
    own = {slot: slots.get(slot, getattr(described, slot)) for slot in _SLOTS if hasattr(described, slot)}
    submodules = _submodules_used_by(function)  # which are imported there when this is unpickled
    parts = {_kinds.SLOTS: message.part((own, submodules), "the annotations of function %r", name)}
    for slot in _kinds.DEFAULTS:
        if slots[slot]:
            parts[slot] = message.parts(slots[slot], "a default argument of function %r", name)
    for attribute, value in state.items():
        parts[attribute] = message.part(value, "the attribute %r of function %r", attribute, name)
    return message.finished(entry, _kinds.FUNCTION, make, parts)


def _submodules_used_by(function: FunctionType) -> list[ModuleType]:
    """Modules that the code names as attributes of modules: `import a.b` binds `a` alone, and imports `a.b`."""
    names, _ = _names_and_constants(function.__code__)
    values = [function.__globals__.get(name) for name in names]
    prefixes = [value.__name__ + "." for value in values if type(value) is ModuleType]
    modules = sorted(sys.modules.copy()) if prefixes else []
    return [
        sys.modules[module]
        for module in modules
        for prefix in prefixes
        if module.startswith(prefix) and names.issuperset(module[len(prefix) :].split("."))
    ]


_PLAIN = frozenset([type(None), bool, int, float, complex, str, bytes])


def _inputs_of_function(function: FunctionType, is_reply: bool) -> Any:
    """What a function's definition depends on, to compare it; None if that may change without being noticed."""
    if function.__dict__ or getattr(function, "__type_params__", None):
        return None
    keywords: dict[str, Any] = function.__kwdefaults__ or {}
    try:
        annotations = function.__annotations__
    except Exception:  # Python cannot evaluate them
        return None
    if not all(type(value) in _PLAIN for value in (*(function.__defaults__ or ()), *keywords.values())):
        return None
    if not all(type(value) is str or value in _BUILTIN_TYPES for value in annotations.values()):
        return None
    namespace = function.__globals__
    names = globals_used_by(function.__code__)
    modules = [id(namespace[name]) for name in names if type(namespace.get(name)) is ModuleType]
    defaults = [(type(value), repr(value)) for value in (*(function.__defaults__ or ()), *keywords.values())]
    return (
        *(function.__code__, function.__name__, function.__qualname__, function.__module__, function.__doc__),
        *(defaults, list(keywords), list(annotations.items()), modules, len(sys.modules) if modules else 0, is_reply),
    )


_BUILTIN_TYPES = (None, bool, int, float, complex, str, bytes, list, dict, tuple, set, object)


class CachedFunction:
    """A function's definition, what it depends on, and what the function's code uses."""

    __slots__ = ("definition", "inputs", "looks_up_globals", "names")

    def __init__(self, inputs: Any, definition: Definition, function: FunctionType) -> None:
        self.inputs, self.definition = inputs, definition
        in_annotations = _deferred.names_in_annotations_of(function, function.__globals__)
        self.names = (*globals_used_by(function.__code__), *in_annotations)
        self.looks_up_globals = looks_up_globals(function)


def _attributes_of_globals(function: FunctionType) -> dict[str, Any]:
    """What a dict of globals has from its beginning."""
    names = ("__package__", "__name__", "__path__", "__file__")
    return {name: function.__globals__[name] for name in names if name in function.__globals__}


def use_globals(message: Message, entry: Entry, function: FunctionType, cached: CachedFunction) -> None:
    namespace = function.__globals__
    where, user = "the global %r of function %r", function.__qualname__
    message.use_globals(entry, namespace, cached.names, where, user)
    if entry.token == MAIN:
        if namespace.get("__package__"):  # for relative imports
            message.use_globals(entry, namespace, ("__package__", "__spec__"), where, user)
        if cached.looks_up_globals:
            message.use_any_global()


_LOOK_UP = frozenset(["globals", "eval", "exec"])


def looks_up_globals(function: FunctionType) -> bool:
    """Whether a function may use globals by other names than those in its code."""
    used = {name for name in globals_used_by(function.__code__) if name not in function.__globals__}
    if not used.isdisjoint(_LOOK_UP):
        return True
    names, constants = _names_and_constants(function.__code__)
    return "__main__" in names or "__main__" in constants or ("modules" in names and "__name__" in names)


def _names_and_constants(code: CodeType) -> tuple[set[str], set[Any]]:
    names, constants = {*code.co_names}, {value for value in code.co_consts if type(value) is str}
    for value in code.co_consts:
        if isinstance(value, CodeType):
            more_names, more_constants = _names_and_constants(value)
            names |= more_names
            constants |= more_constants
    return names, constants


OF_EVERY_MODULE = frozenset(["__name__", "__doc__", "__package__", "__loader__", "__spec__", "__builtins__"])


def may_be_looked_up(name: str) -> bool:
    """Whether code looks for a global of the program by a computed name."""
    return not (name.startswith("__") and name.endswith("__"))


# Cells and classes


def define_cell(message: Message, entry: Entry, cell: Any, where: str, *names: Any) -> Definition:
    make = message.piece((_kinds.make_cell,), "a cell")
    parts = {}
    try:
        content = cell.cell_contents
    except ValueError:  # it is empty
        pass
    else:
        parts["content"] = message.part(content, where, *names)
    return message.finished(entry, _kinds.CELL, make, parts)


def define_class(message: Message, entry: Entry, kind: Any) -> Definition:
    _, _, attributes, _, _ = parts_of_reduction(message.reduction(kind))
    attributes = _deferred.attributes_of_class(kind, attributes)
    name = kind.__qualname__
    if issubclass(kind, enum.Enum):
        members = kind.__members__
        values = {member: kind.__dict__["_member_map_"][member].value for member in members}
        skeleton: Any = _kinds.make_enum, type(kind), kind.__name__, kind.__bases__, values, kind.__module__, name
        attributes = {name: value for name, value in attributes.items() if name not in members}
        attributes[_kinds.MEMBERS] = {name: _state_of_member(member) for name, member in members.items()}
    else:
        namespace = {slot: kind.__dict__[slot] for slot in _IN_SKELETON if slot in kind.__dict__}
        namespace["__qualname__"] = name
        skeleton = _kinds.make_class, type(kind), kind.__name__, kind.__bases__, namespace
    make = message.piece(skeleton, "a base of class %r", name)
    fields = kind.__dict__.get("_fields_", ()) if type(kind).__module__ == "_ctypes" else ()
    made = {*_IN_SKELETON, *(field[0] for field in fields)}
    attributes = {name: value for name, value in attributes.items() if name not in made}
    if message.shared_names is not None and kind.__module__ == main_globals().get("__name__"):
        names = _deferred.names_in_annotations_of(kind, main_globals())
        main: Any = registry.at(MAIN)
        message.use_globals(main, main_globals(), names, "the global %r in the annotations of class %r", name)
    parts = {}
    for attribute in sorted(attributes, key=lambda attribute: _order(attributes[attribute])):
        value = attributes[attribute]
        fingerprint, piece, when = message.part(value, "the attribute %r of class %r", attribute, name)
        parts[attribute] = fingerprint, piece, when | (_kinds.NEEDS_CLASS if is_by_value(type(value)) else 0)
    return message.finished(entry, _kinds.CLASS, make, parts)


_OF_STRUCTURES = ("_pack_", "_align_", "_layout_", "_anonymous_")  # ctypes reads them when it gets _fields_
_IN_SKELETON = ("__module__", "__qualname__", "__slots__", "__orig_bases__", *_OF_STRUCTURES)


def _order(value: Any) -> int:
    """When an attribute of a class is set: instances of the class, which may be among them, need the others."""
    if isinstance(value, (FunctionType, staticmethod, classmethod, property)):
        return 0
    return 1 if type(value) in (type(None), bool, int, float, str, bytes, type) else 2 + is_by_value(type(value))


def _state_of_member(member: Any) -> dict[str, Any]:
    """The attributes of a member of an enumeration that are its own."""
    return {name: value for name, value in vars(member).items() if name not in _OF_EACH_MEMBER}


_OF_EACH_MEMBER = ("_value_", "_name_", "__objclass__", "_sort_order_")


def name_in(main: dict[str, Any], obj: Any) -> str | None:
    """The name of the global of `__main__` that is a function or class, or has a class in it."""
    if not isinstance(obj, (type, FunctionType)) or obj.__module__ != main.get("__name__"):
        return None
    first, dot, _ = obj.__qualname__.partition(".")
    if first not in main or "<" in obj.__qualname__ or (dot and not isinstance(obj, type)):
        return None
    return first if dot or main[first] is obj else None


def reduce_instance(obj: Any) -> Any:
    """The reduction of an object whose class has a __new__ that expects more than pickle gives it; None for others.

    The object exists, so the program's __new__ has run, and need not run again.
    """
    kind = type(obj)
    if type(kind.__new__) is not FunctionType or not is_by_value(kind) or not is_by_value(kind.__new__):
        return None
    reduced = obj.__reduce_ex__(2)
    if type(reduced) is not tuple or reduced[0] not in _NEW:
        return None
    if not hasattr(kind, "__getnewargs__") and not hasattr(kind, "__getnewargs_ex__"):
        return (_kinds.make_instance, *reduced[1:])
    # Its arguments are those of the program's __new__. That of `object` needs none.
    native = next(base for base in kind.__mro__ if "__new__" in base.__dict__ and not is_by_value(base))
    return (_kinds.make_instance, (kind,), *reduced[2:]) if native is object else None


_NEW = (copyreg.__newobj__, copyreg.__newobj_ex__)  # type: ignore[attr-defined]
