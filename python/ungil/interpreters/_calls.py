"""Calls as requests, and a cache of pickled functions.

A function that depends on nothing that has changed is pickled once, and sent to each interpreter once.
"""

from __future__ import annotations

import ctypes
import pickle
import sys
from collections.abc import Sequence
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, Callable, NamedTuple, Union
from weakref import WeakKeyDictionary

from .._native.library import check, library
from .._native.locks import Lock, Numbers, first
from .._native.numbers import OwnedNumber
from .._private_apis import is_pickled_by_value
from . import _deferred, _nesting, _pickling
from ._beside import is_large, pickled_alone
from ._functions import looks_up_globals
from ._identity import main_globals
from ._importable import is_by_value, is_importable
from ._loans import lend
from ._pickling import Message
from ._plain import IMMUTABLE_TYPES, needs_only_pickle, pickle_of_few
from ._protocol import CALL, CALL_CACHED, MAP_CACHED, SEEDED, header
from ._requests import exported
from ._sharing import PROTOCOL, OutOfBandBuffer

_keys = Numbers()
_lock = Lock()


class Function:
    """A pickled function, and the key by which interpreters know it."""

    __slots__ = ("_owned", "key", "message")

    def __init__(self, key: int, message: Message) -> None:
        self.key, self.message = key, message
        self._owned: list[OwnedNumber] = []  # all are kept, as another thread may be about to use one

    def number(self) -> ctypes.c_int64:
        """Its number in the library, which is valid as long as this object exists."""
        for owned in self._owned:
            if owned.number.value:  # else it is that of the parent of a fork
                return owned.number
        owned = OwnedNumber(library.ungil_function_free)
        data, memory = self.message.data, [buffer.again() for buffer in self.message.buffers]
        number, buffers = ctypes.byref(owned.number), exported(memory)
        check(library.ungil_function_new(self.key, data, len(data), buffers, len(memory), number))
        self._owned.append(owned)
        return owned.number


def function_of(function: Callable[..., Any], shared_names: frozenset[str]) -> Function:
    """The function as it is now. Raises what pickle raises."""
    _nesting.refuse_function(function)
    return _cached(function, shared_names) or Function(_keys.take(), _pickling.dumps(function, shared_names, lend))


_NOTHING = Message(b"")


class Call:
    """One request: a call of a function, or several of the same.

    is_for_all: it is made in several interpreters.

    At the end of a `with` block, it is dropped.
    """

    __slots__ = ("_kind", "function", "is_for_all", "message")

    def __init__(self, kind: bytes, function: Function | None, message: Message) -> None:
        self._kind, self.function, self.message = kind, function, message
        self.is_for_all = False

    def request(self, is_known: bool) -> tuple[bytes, Sequence[OutOfBandBuffer]]:
        """The request's bytes and memory, for an interpreter that knows the function or not."""
        function, data, buffers = self.function, self.message.data, self._buffers()
        if function is None:
            return data + self._kind, buffers
        if is_known:
            return data + header(function.key, 0, 0, self._kind), buffers
        pickled, memory = function.message.data, function.message.buffers
        end = header(function.key, len(pickled), len(memory), self._kind)
        return data + pickled + end, [*(buffer.again() for buffer in memory), *buffers]

    def submission(self) -> tuple[Any, bytes, Sequence[OutOfBandBuffer]]:
        """The function's number or 0, the bytes and the memory, for an inbox."""
        function, message = self.function, self.message
        memory = self._buffers() if message.buffers else ()
        return (0 if function is None else function.number()), message.data + self._kind, memory

    def _buffers(self) -> list[OutOfBandBuffer]:
        """The request's own memory."""
        return [buffer.again() if self.is_for_all or buffer.is_kept else buffer for buffer in self.message.buffers]

    def loans(self) -> list[Any]:
        """The loans that end with the call, of memory that the interpreter keeps."""
        return [buffer.loan for buffer in self.message.buffers if buffer.is_kept]

    def seeded(self) -> Call:
        """This call, whose first argument is the seed for it: see `_seeding`."""
        self._kind = SEEDED[self._kind]
        return self

    def drop(self) -> None:
        """Release the memory of a call that is over: its owner may write to it then, and resize it."""
        self.message, self.function = _NOTHING, None

    def __enter__(self) -> Call:
        return self

    def __exit__(self, *exception: object) -> None:
        self.drop()


def call_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], shared_names: frozenset[str]
) -> Call:
    """function(*args, **kwargs). Raises what pickle raises."""
    _nesting.refuse_function(function)
    cached = _cached(function, shared_names)
    if cached is not None and not kwargs:
        if needs_only_pickle(args):
            return Call(CALL_CACHED, cached, Message(pickle.dumps((args, kwargs), PROTOCOL)))
        if len(args) == 1:
            if is_large(args[0]):
                return Call(CALL_CACHED, cached, Message(*pickled_alone(args[0], True, is_only_argument=True)))
            few = pickle_of_few(args[0], _only_argument)
            if few is not None:
                return Call(CALL_CACHED, cached, Message(few))
    if cached is None:
        return Call(CALL, None, _pickling.dumps((function, args, kwargs), shared_names, lend))
    return Call(CALL_CACHED, cached, _pickling.dumps((args, kwargs), shared_names, lend))


def seeded_call_of(
    function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], shared_names: frozenset[str]
) -> Call:
    """function(*args[1:], **kwargs), after the generators of random numbers were seeded with args[0]."""
    return call_of(function, args, kwargs, shared_names).seeded()


def _only_argument(obj: Any) -> tuple[tuple[Any], dict[str, Any]]:
    return (obj,), {}


Arguments = Union[list[tuple[Any, ...]], Message]
"""The arguments of calls of one function: as they are if pickle alone can pickle them, or pickled together."""


def arguments_of(calls: list[tuple[Any, ...]], shared_names: frozenset[str]) -> Arguments:
    """The arguments of these calls, as they are now. Raises what pickle raises."""
    if all(map(needs_only_pickle, calls)):
        return calls
    return _pickling.dumps(calls, shared_names, lend)


def map_of(function: Function, parts: Sequence[Arguments], shared_names: frozenset[str]) -> Call:
    """function(*args) for each of the calls. The result is that of `_map_cached` in `_worker`."""
    contents = [(part.data, len(part.buffers)) if isinstance(part, Message) else part for part in parts]
    buffers = [buffer for part in parts if isinstance(part, Message) for buffer in part.buffers]
    return Call(MAP_CACHED, function, Message(pickle.dumps(contents, PROTOCOL), buffers))


def seeded_map_of(function: Function, parts: Sequence[Arguments], shared_names: frozenset[str]) -> Call:
    """The same for calls that each have their seed as the first argument."""
    return map_of(function, parts, shared_names).seeded()


class _Dependencies(NamedTuple):
    """Everything that a function's pickle depends on, as it was when it was pickled."""

    bodies: list[tuple[FunctionType, CodeType, Any, Any]]  # functions, their code and defaults
    globals: list[tuple[dict[str, Any], str, Any]]  # namespaces, names, values

    def are_current(self) -> bool:
        for function, code, defaults, keywords in self.bodies:
            if function.__code__ is not code or function.__defaults__ is not defaults:
                return False
            if function.__kwdefaults__ != keywords or function.__dict__:
                return False
        for namespace, name, value in self.globals:
            if namespace.get(name, _MISSING) is not value:
                return False
        return True

    def agree_with(self, message: Message) -> bool:
        """Whether the message has the globals of `__main__` as they are here."""
        main = main_globals()
        values = {name: value for namespace, name, value in self.globals if namespace is main}
        return all(values.get(name, value) is value for name, value in message.globals)


class _Entry(NamedTuple):
    """A cached function, and what it was pickled for."""

    function: Function
    shared_names: frozenset[str]
    by_value: bool
    dependencies: _Dependencies

    def is_current(self, shared_names: frozenset[str], by_value: bool) -> bool:
        return self.shared_names == shared_names and self.by_value == by_value and self.dependencies.are_current()


_MISSING = object()

MAX_CACHED = 256  # functions, whose pickles are kept: more than a program usually sends

_entries: dict[Any, _Entry] = {}  # by their functions


def _cached(function: Callable[..., Any], shared_names: frozenset[str]) -> Function | None:
    """The function, pickled now or before; None if it may change without that being noticed."""
    if type(function) not in (FunctionType, BuiltinFunctionType):
        return None
    by_value = is_by_value(function)
    entry = _entries.get(function)
    if entry is None or not entry.is_current(shared_names, by_value):
        if by_value:
            _pickling.import_cloudpickle()  # under its lock, before its functions are used
        dependencies = _Dependencies([], [])
        if not _collect(function, dependencies):
            return None
        message = _pickling.dumps(function, shared_names)
        entry = _Entry(Function(_keys.take(), message), shared_names, by_value, dependencies)
        if dependencies.are_current() and dependencies.agree_with(message):  # another thread may have changed them
            _keep(function, entry)
    return entry.function


def _keep(function: Callable[..., Any], entry: _Entry) -> None:
    dropped: list[Any] = []  # kept until the lock is released: their destructors may run any code
    with _lock:
        dropped.append(_entries.get(function))
        while len(_entries) >= MAX_CACHED:
            oldest = first(_entries)
            dropped.append((oldest, _entries.pop(oldest, None)))
        _entries[function] = entry


def _collect(value: Any, found: _Dependencies) -> bool:
    """Add everything that the value's pickle depends on. False if some of it is mutable."""
    if type(value) in IMMUTABLE_TYPES:
        return True
    if isinstance(value, ModuleType):
        return sys.modules.get(value.__name__) is value and not is_pickled_by_value(value.__name__)
    if not isinstance(value, (type, FunctionType, BuiltinFunctionType)):
        return False
    if not is_by_value(value):
        return is_importable(value)
    return isinstance(value, FunctionType) and _collect_function(value, found)


def _collect_function(function: FunctionType, found: _Dependencies) -> bool:
    if any(function is body[0] for body in found.bodies):
        return True
    keywords = dict(function.__kwdefaults__) if function.__kwdefaults__ else None
    if function.__closure__ or function.__dict__ or looks_up_globals(function):
        return False
    if not all(
        type(value) in IMMUTABLE_TYPES for value in (*(function.__defaults__ or ()), *(keywords or {}).values())
    ):
        return False
    found.bodies.append((function, function.__code__, function.__defaults__, keywords))
    namespace = function.__globals__
    for name in (*_names_in(function.__code__), *_deferred.names_in_annotations_of(function, namespace)):
        value = namespace.get(name, _MISSING)
        found.globals.append((namespace, name, value))
        if value is not _MISSING and not _collect(value, found):
            return False
    return True


_names: WeakKeyDictionary[CodeType, tuple[str, ...]] = WeakKeyDictionary()


def _names_in(code: CodeType) -> tuple[str, ...]:
    """All names in the code and in code nested in it. Among them are the globals that it uses, which are sent."""
    with _lock:
        names = _names.get(code)
        if names is None:
            nested = [name for value in code.co_consts if isinstance(value, CodeType) for name in _names_in(value)]
            names = _names[code] = tuple(sorted({*code.co_names, *nested}))
    return names
