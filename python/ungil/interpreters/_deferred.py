"""What Python evaluates late, and pickling needs now: annotations from Python 3.14 on, lazy imports from 3.15 on.

Interpreters import it at their start, so it imports little.
"""

from __future__ import annotations

import sys
import types
from types import FunctionType, ModuleType

from .._private_apis import globals_used_by

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LazyImport: Any = getattr(types, "LazyImportType", None)


def make_imports(function: FunctionType) -> None:
    """Make the lazy imports among the globals that a function uses, as Python does when the function uses them.

    Raises what such an import raises.
    """
    if LazyImport is None:
        return
    namespace, code = function.__globals__, function.__code__
    for name in globals_used_by(code):
        value: Any = namespace.get(name)
        if type(value) is LazyImport:
            value = namespace[name] = value.resolve()
        if isinstance(value, ModuleType):
            _import_submodules(value, {*code.co_names})


def _import_submodules(module: ModuleType, names: set[str]) -> None:
    """Import what lazy imports have promised of a module: `lazy import a.b` imports `a.b` when `b` is asked for."""
    prefix = module.__name__ + "."
    lazy_modules: Any = getattr(sys, "lazy_modules", ())
    for full_name in [name for name in list(lazy_modules) if name.startswith(prefix)]:
        parts = full_name[len(prefix) :].split(".")
        if names.issuperset(parts):
            found: Any = module
            try:
                for part in parts:
                    found = getattr(found, part)
            except (ImportError, AttributeError):  # the function may not need it
                pass


def with_annotations(function: FunctionType) -> FunctionType:
    """The function; if its annotations cannot be evaluated, a copy that has them as text.

    They may refer to names that only type checkers know. Python evaluates them when they are asked for, which a task
    need not do, but pickling does.
    """
    if getattr(function, "__annotate__", None) is None:
        return function
    try:
        function.__annotations__  # noqa: B018, its evaluation is what counts
    except Exception:
        return _with_text(function)
    return function


def _with_text(function: Any) -> FunctionType:
    copy: Any = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__dict__.update(function.__dict__)
    for name in ("__kwdefaults__", "__qualname__", "__module__", "__doc__", "__type_params__"):
        setattr(copy, name, getattr(function, name))
    copy.__annotations__ = _annotations_of(function)
    return copy  # type: ignore[no-any-return]


def _annotations_of(obj: Any) -> dict[str, Any]:
    """The annotations of a function or class: their values, or text if Python cannot evaluate them."""
    import annotationlib  # type: ignore[import-not-found] # which cloudpickle's imports have imported

    for format in annotationlib.Format.VALUE, annotationlib.Format.STRING:
        try:
            found: dict[str, Any] = annotationlib.get_annotations(obj, format=format)
            return found
        except Exception:  # they cannot be had in this form
            pass
    return {}


def attributes_of_class(kind: type, attributes: dict[str, Any]) -> dict[str, Any]:
    """A class's attributes as cloudpickle has them, with its annotations. cloudpickle drops deferred ones."""
    if sys.version_info < (3, 14):
        return attributes
    attributes = {name: value for name, value in attributes.items() if name not in _ANNOTATIONS}
    annotations = _annotations_of(kind)
    return {**attributes, "__annotations__": annotations} if annotations else attributes


# The last one is there with old versions of cloudpickle. It belongs to this side, and cannot be pickled.
_ANNOTATIONS = ("__annotations__", "__annotations_cache__", "__annotate_func__")


def names_in_annotations_of(obj: Any, namespace: dict[str, Any]) -> tuple[str, ...]:
    """The globals that annotations name if they are text: `typing.get_type_hints` looks for them in tasks."""
    try:
        annotations = getattr(obj, "__annotations__", {})  # a class may have none before Python 3.10
    except Exception:  # Python cannot evaluate them
        return ()
    text = [value for value in annotations.values() if type(value) is str]
    if not text:
        return ()
    import re

    names = dict.fromkeys(re.findall(r"[^\W\d]\w*", " ".join(text)))
    return tuple(name for name in names if _is_of_annotations(namespace.get(name)))


def _is_of_annotations(value: Any) -> bool:
    return isinstance(value, (type, ModuleType)) or type(value).__module__ in ("types", "typing", "typing_extensions")
