"""Each kind of object with a token: what makes one that arrives, and what sets its parts. Both sides import this file.

A setter gets the object, the values of the parts that are different, the names of those that are gone, and a list of
what is dropped.
"""

from __future__ import annotations

import abc
import builtins
import sys
import types
from types import CellType, FunctionType, ModuleType

from ._identity import registry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

FUNCTION, CLASS, CELL, GLOBALS, ANEW = "function", "class", "cell", "globals", "anew"
MAKE = "<make>"
SLOTS = "<slots>"
MEMBERS = "<members>"
DEFAULTS = ("__defaults__", "__kwdefaults__")


def make_function(code: Any, namespace: dict[str, Any], name: str, cells: tuple[CellType, ...]) -> FunctionType:
    return FunctionType(code, namespace, name, None, cells)


def _set_function(function: Any, values: dict[str, Any], removed: Iterable[str], dropped: list[Any]) -> None:
    for name, value in values.items():
        if name == SLOTS:
            for slot, content in value[0].items():
                setattr(function, slot, content)
        elif name in DEFAULTS:
            dropped.append(getattr(function, name))
            setattr(function, name, value)
        else:
            dropped.append(function.__dict__.get(name))
            function.__dict__[name] = value
    for name in removed:
        if name in DEFAULTS:
            setattr(function, name, None)
        else:
            dropped.append(function.__dict__.pop(name, None))


def make_class(metaclass: Any, name: str, bases: tuple[Any, ...], namespace: dict[str, Any]) -> Any:
    """A class without its attributes. The program's code that runs when a class is made has run there already."""
    native = _native(metaclass)
    with _WithoutHooks(bases):
        if native is type or native is abc.ABCMeta:
            return native.__new__(metaclass, name, bases, namespace)
        # A metaclass of a package, or of ctypes, which may need the bases that were written.
        bases = namespace.get("__orig_bases__", bases)
        try:
            return types.new_class(name, bases, {"metaclass": metaclass}, lambda own: own.update(namespace))
        except Exception as error:  # it may read annotations and keywords when the class is made, as msgspec's does
            advice = "define it in a module that tasks can import"
            raise TypeError("class %r cannot be made without its attributes: %s; %s" % (name, error, advice)) from error


def _native(metaclass: Any) -> Any:
    """The metaclass, or what it derives from, that is not the program's own."""
    return next(kind for kind in type.mro(metaclass) if not _has_arrived(kind))


def make_enum(
    metaclass: Any, name: str, bases: tuple[Any, ...], members: dict[str, Any], module: str, qualified_name: str
) -> Any:
    with _WithoutHooks(bases):
        namespace = metaclass.__prepare__(name, bases)
        for member, value in members.items():
            namespace[member] = value
        kind = _native(metaclass).__new__(metaclass, name, bases, namespace)
    kind.__module__, kind.__qualname__ = module, qualified_name
    return kind


def _has_arrived(kind: Any) -> bool:
    entry = registry.known(kind)
    return entry is not None and not entry.is_own


class _WithoutHooks:
    """A context that hides the __init_subclass__ of classes that arrived."""

    def __init__(self, bases: Iterable[Any]) -> None:
        self._bases = bases
        self._hidden: list[Any] = []

    def __enter__(self) -> None:
        for base in self._bases:
            for kind in base.__mro__:
                if "__init_subclass__" in kind.__dict__ and _has_arrived(kind):
                    self._hidden.append((kind, kind.__dict__["__init_subclass__"]))
                    del kind.__init_subclass__

    def __exit__(self, *error: object) -> None:
        for kind, hook in self._hidden:
            kind.__init_subclass__ = hook


def _set_class(kind: Any, values: dict[str, Any], removed: Iterable[str], dropped: list[Any]) -> None:
    for name, value in values.items():
        dropped.append(kind.__dict__.get(name))
        if name == MEMBERS:
            for member, state in value.items():
                kind.__members__[member].__dict__.update(state)
        elif name == "_abc_impl":
            for other in value:
                kind.register(other)
        else:
            setattr(kind, name, value)
    if "__firstlineno__" in values:  # Python deletes it when __module__ is set
        kind.__firstlineno__ = values["__firstlineno__"]
    for name in removed:
        try:
            delattr(kind, name)
        except (AttributeError, TypeError):
            pass


AFTER_GLOBALS, NEEDS_CLASS = 1, 2
"""When a part is set: after the globals, to which it refers; after all else in the class that it is an instance of."""


def set_placeholder(kind: Any, name: str) -> None:
    """Let a class have an attribute whose value is going to be made: what makes it may ask for the attribute."""
    try:
        setattr(kind, name, None)
    except (AttributeError, TypeError):
        pass


def make_cell() -> CellType:
    return CellType()


def _set_cell(cell: CellType, values: dict[str, Any], removed: Iterable[str], dropped: list[Any]) -> None:
    try:
        dropped.append(cell.cell_contents)
    except ValueError:  # it is empty
        pass
    for value in values.values():
        cell.cell_contents = value
    if removed:
        del cell.cell_contents


def make_globals(attributes: dict[str, Any]) -> dict[str, Any]:
    return {**attributes, "__builtins__": builtins}


_modules: dict[str, ModuleType] = {}  # by the tokens of their dicts


def make_globals_of_module(token: str, name: str, is_imported: bool) -> dict[str, Any]:
    """The dict of a module that the program has made. is_imported: whether it can be imported there."""
    module = _modules[token] = ModuleType(name)
    module.__dict__["__builtins__"] = builtins
    if is_imported:
        sys.modules.setdefault(name, module)
    return module.__dict__


def module_of(token: str, namespace: dict[str, Any]) -> ModuleType:
    """The module with this dict. token: that of the dict."""
    return _modules[token]


def forget_modules() -> None:
    _modules.clear()


def _set_anew(obj: Any, values: dict[str, Any], removed: Iterable[str], dropped: list[Any]) -> None:
    for set_part, value in values.values():
        set_part(obj, value)


def _set_nothing(obj: Any, values: dict[str, Any], removed: Iterable[str], dropped: list[Any]) -> None:
    pass


SETTERS = {FUNCTION: _set_function, CLASS: _set_class, CELL: _set_cell, GLOBALS: _set_nothing, ANEW: _set_anew}


# What is in the pickles


def attribute_of(module: str, name: str) -> Any:
    """An object that a module has."""
    __import__(module)
    return getattr(sys.modules[module], name)


def make_instance(kind: Any, *arguments: Any) -> Any:
    """An instance of a class of the program, without a call of the program's __new__."""
    native = (base for base in kind.__mro__ if "__new__" in base.__dict__ and not _has_arrived(base))
    return next(native).__new__(kind, *arguments)
