"""What cannot be pickled, but made anew in an interpreter: locks, queues, libraries of ctypes, caches, and their kind.

Each is one object in the program, and one in each interpreter. A reduction is (function, arguments, parts): the
function makes the object, and a part (function, value) is set by function(object, value). `_definitions` sends them.
"""

from __future__ import annotations

import contextlib
import copyreg
import sys
from functools import lru_cache, singledispatch

from .. import _private_apis
from . import _handles
from ._identity import main_globals
from ._importable import is_by_value, is_importable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FunctionType
    from typing import Any

    Reduction = tuple[Callable[..., Any], tuple[Any, ...], dict[str, tuple[Callable[[Any, Any], Any], Any]]]


def reduction_of(obj: Any) -> Reduction | None:
    """How an object is made anew; None if it is not."""
    for kind in type(obj).__mro__:
        reduce = _REDUCTIONS.get((kind.__module__, kind.__qualname__))
        if reduce is not None:
            return reduce(obj)  # type: ignore[no-any-return]
    if type(obj) is object:
        return object, (), {}
    return _reduce_singleton(obj) if is_by_value(type(obj)) else None


def is_anew(obj: Any) -> bool:
    return reduction_of(obj) is not None


# Locks and queues. Those that Python code makes of locks are pickled as other objects are.


def new_lock(name: str) -> Any:
    import _thread

    return getattr(_thread, name)()


def _reduce_condition(condition: Any) -> Reduction | None:
    import threading

    if type(condition) is not threading.Condition:
        return None
    return threading.Condition, (getattr(condition, _private_apis.CONDITION_LOCK),), {}


def _set_attributes(obj: Any, values: dict[str, Any]) -> None:
    if values:
        obj.__dict__.update(values)


def _reduce_local(local: Any) -> Reduction:
    return type(local), (), {"values": (_set_attributes, dict(local.__dict__))}


def _reduce_context_variable(variable: Any) -> Reduction:
    import contextvars

    default: dict[str, Any] = {}
    with contextlib.suppress(LookupError):
        default = {"default": contextvars.Context().run(variable.get)}
    current: dict[str, Any] = {}
    context = contextvars.copy_context()
    if variable in context:
        current = {"value": (_set_variable, context[variable])}
    return new_context_variable, (variable.name, default), current


def new_context_variable(name: str, default: dict[str, Any]) -> Any:
    import contextvars

    return contextvars.ContextVar(name, **default)


def _set_variable(variable: Any, value: Any) -> None:
    variable.set(value)


# Functions that keep something


def _reduce_cache(cache: Any) -> Reduction | None:
    if is_importable(cache) and not is_by_value(cache):
        return None
    parameters = cache.cache_parameters()
    attributes = {name: value for name, value in cache.__dict__.items() if name != "__wrapped__"}
    arguments = cache.__wrapped__, parameters["maxsize"], parameters["typed"]
    return new_cache, arguments, {"attributes": (_set_attributes, attributes)}


def new_cache(function: Any, maxsize: Any, typed: bool) -> Any:
    return lru_cache(maxsize, typed)(function)


_SINGLE_DISPATCH = singledispatch(lambda value: None).__code__  # type: ignore[attr-defined]


def reduction_of_function(function: FunctionType) -> Reduction | None:
    """How a function is made anew; None if it is not. One of functools.singledispatch is."""
    if function.__code__ is not _SINGLE_DISPATCH or (is_importable(function) and not is_by_value(function)):
        return None
    generic: Any = function
    attributes = {name: value for name, value in function.__dict__.items() if name not in _OF_SINGLE_DISPATCH}
    parts: dict[str, Any] = {"attributes": (_set_attributes, attributes)}
    for number, (kind, method) in enumerate(generic.registry.items()):
        if kind is not object:
            parts["%d" % number] = _register, (kind, method)
    return singledispatch, (generic.registry[object],), parts


_OF_SINGLE_DISPATCH = ("register", "dispatch", "registry", "_clear_cache", "__wrapped__")


def _register(generic: Any, method: tuple[type, Any]) -> None:
    generic.register(*method)


def _reduce_wrapper(wrapper: Any) -> Reduction | None:
    """A function under a decorator of wrapt."""
    if is_importable(wrapper) and not is_by_value(wrapper):
        return None
    return type(wrapper), (wrapper.__wrapped__, _private_apis.wrapper_of(wrapper)), {}


# Libraries of ctypes


def _reduce_library(library: Any) -> Reduction:
    functions = {
        name: _signature_of(function)
        for name, function in library.__dict__.items()
        if _is_function_of(function, library)
    }
    return type(library), (_private_apis.path_of(library),), {"functions": (_set_signatures, functions)}


def _is_function_of(function: Any, library: Any) -> bool:
    return isinstance(function, _private_apis.ctypes_bases()[0]) and _private_apis.library_of(function) is library


def _signature_of(function: Any) -> tuple[Any, Any, Any]:
    return function.argtypes, function.restype, getattr(function, "errcheck", None)


def _set_signatures(library: Any, functions: dict[str, Any]) -> None:
    for name, signature in functions.items():
        _set_signature(getattr(library, name), signature)


def _set_signature(function: Any, signature: tuple[Any, Any, Any]) -> None:
    argtypes, restype, check = signature
    function.restype = restype
    if argtypes is not None:
        function.argtypes = argtypes
    if check is not None and check is not getattr(function, "errcheck", None):
        function.errcheck = check


def _reduce_c_function(function: Any) -> Reduction | None:
    library = _private_apis.library_of(function)
    if library is None:
        return None
    name = function.__name__
    is_attribute = library.__dict__.get(name) is function
    return c_function, (library, name, is_attribute), {"signature": (_set_signature, _signature_of(function))}


def c_function(library: Any, name: str, is_attribute: bool) -> Any:
    return getattr(library, name) if is_attribute else library[name]


def reduction_of_class(kind: type) -> Any:
    """How a class is pickled that ctypes makes for a signature, a pointer or an array; None for others."""
    if "_ctypes" in (kind.__module__, type(kind).__module__):
        return _private_apis.reduction_of_c_type(kind)
    return None


# Others


def _reduce_weak_dictionary(dictionary: Any) -> Reduction:
    return type(dictionary), (), {"items": (_set_items, dict(dictionary))}


def _set_items(dictionary: Any, items: dict[Any, Any]) -> None:
    dictionary.clear()
    dictionary.update(items)


def _reduce_connection(connection: Any) -> Reduction | None:
    """A connection to a database of SQLite: another one to the same file, or to a copy of what is in memory."""
    databases = [row[2] for row in connection.execute("PRAGMA database_list") if row[1] != "temp"]
    if len(databases) > 1:
        raise TypeError("a connection to several databases of SQLite cannot be made anew")
    script = "" if databases[0] else _Dump(connection)
    settings = {name: getattr(connection, name) for name in ("isolation_level", "row_factory", "text_factory")}
    arguments = type(connection), databases[0] or ":memory:", script
    return new_connection, arguments, {"settings": (_set_each, settings)}


class _Dump:
    """The script that fills a database. It is made when it is pickled, and not whenever reduction_of() is asked."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __reduce__(self) -> Any:
        return str, ("\n".join(self._connection.iterdump()),)


def new_connection(kind: Any, path: str, script: str) -> Any:
    connection = kind(path, check_same_thread=False)
    connection.executescript(script)
    return connection


def _set_each(obj: Any, values: dict[str, Any]) -> None:
    for name, value in values.items():
        setattr(obj, name, value)


def _reduce_scanner(scanner: Any) -> Reduction:
    """What a json.JSONDecoder has."""
    names = "strict", "object_hook", "object_pairs_hook", "array_hook", "parse_float", "parse_int", "parse_constant"
    return new_scanner, ({name: getattr(scanner, name, None) for name in names},), {}


def new_scanner(settings: dict[str, Any]) -> Any:
    from json import scanner
    from types import SimpleNamespace

    return scanner.make_scanner(SimpleNamespace(**settings))  # type: ignore[arg-type]


def _reduce_parameter(parameter: Any) -> Reduction | None:
    """typing.ParamSpec and typing.TypeVarTuple."""
    if parameter.__module__ not in ("__main__", "__mp_main__"):
        return None
    return type(parameter), (parameter.__name__,), {}


def _reduce_new_type(new: Any) -> Reduction | None:
    if not is_by_value(new):
        return None
    return type(new), (new.__name__, new.__supertype__), {"module": (_set_each, {"__module__": new.__module__})}


def _reduce_alias(alias: Any) -> Reduction | None:
    """The statement `type` makes these."""
    if not is_by_value(alias):
        return None
    return new_alias, (type(alias), alias.__name__, alias.__value__, alias.__type_params__), {}


def new_alias(kind: Any, name: str, value: Any, parameters: tuple[Any, ...]) -> Any:
    return kind(name, value, type_params=parameters)


def _reduce_singleton(obj: Any) -> Reduction | None:
    """An object of the program that pickles itself as the name of a global."""
    kind: Any = type(obj)
    if kind.__reduce__ is object.__reduce__ and kind.__reduce_ex__ is object.__reduce_ex__:
        return None
    try:
        name = obj.__reduce_ex__(2)
    except Exception:  # pickling it will raise that
        return None
    if type(name) is not str or main_globals().get(name) is not obj:
        return None
    return copyreg.__newobj__, (kind,), {"values": (_set_attributes, dict(getattr(obj, "__dict__", {})))}  # type: ignore[attr-defined]


_REDUCTIONS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("_thread", "lock"): lambda lock: (new_lock, ("allocate_lock",), {}),
    ("_thread", "RLock"): lambda lock: (new_lock, ("RLock",), {}),
    ("threading", "Condition"): _reduce_condition,
    ("_queue", "SimpleQueue"): lambda queue: (type(queue), (), {}),
    ("_thread", "_local"): _reduce_local,
    ("_contextvars", "ContextVar"): _reduce_context_variable,
    ("builtins", "ContextVar"): _reduce_context_variable,
    ("functools", "_lru_cache_wrapper"): _reduce_cache,
    ("_wrappers", "FunctionWrapper"): _reduce_wrapper,
    ("wrapt.wrappers", "FunctionWrapper"): _reduce_wrapper,
    ("ctypes", "CDLL"): _reduce_library,
    ("_ctypes", "PyCFuncPtr"): _reduce_c_function,
    ("_ctypes", "CFuncPtr"): _reduce_c_function,
    ("weakref", "WeakValueDictionary"): _reduce_weak_dictionary,
    ("weakref", "WeakKeyDictionary"): _reduce_weak_dictionary,
    ("sqlite3", "Connection"): _reduce_connection,
    ("_io", "TextIOWrapper"): _handles.reduction_of_file,
    ("_json", "Scanner"): _reduce_scanner,
    ("typing", "NewType"): _reduce_new_type,
    ("typing", "TypeAliasType"): _reduce_alias,
    ("typing", "ParamSpec"): _reduce_parameter,
    ("typing", "TypeVarTuple"): _reduce_parameter,
}


# Values that pickle cannot pickle, and that are equal to what is made of their attributes


def new_partialmethod(function: Any, args: tuple[Any, ...], keywords: dict[str, Any]) -> Any:
    """Python 3.14 makes none without the function, which pickle would give it later."""
    from functools import partialmethod

    return partialmethod(function, *args, **keywords)


def reduce_value(obj: Any) -> Any:
    """The reduction, as pickle has it, of an object that is any other of the same value; None for others."""
    kind = type(obj)
    name = kind.__module__, kind.__qualname__
    if name == ("_struct", "Struct"):
        return kind, (obj.format,)
    if name == ("random", "SystemRandom"):
        return kind, ()
    if name == ("functools", "partialmethod"):
        return new_partialmethod, (obj.func, obj.args, obj.keywords)
    if name == ("itertools", "count") and sys.version_info >= (3, 14):
        import ast

        _, _, arguments = repr(obj).partition("count")
        return kind, ast.literal_eval(arguments[:-1] + ",)")
    return None
