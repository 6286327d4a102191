"""What Python evaluates late, and pickling needs now: annotations from Python 3.14 on, lazy imports from 3.15 on."""

from __future__ import annotations

import types
from types import FunctionType

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
    namespace = function.__globals__
    for name in globals_used_by(function.__code__):
        value: Any = namespace.get(name)
        if type(value) is LazyImport:
            namespace[name] = value.resolve()


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
    import annotationlib  # type: ignore[import-not-found] # which cloudpickle's imports have imported

    copy: Any = FunctionType(
        function.__code__, function.__globals__, function.__name__, function.__defaults__, function.__closure__
    )
    copy.__dict__.update(function.__dict__)
    for name in ("__kwdefaults__", "__qualname__", "__module__", "__doc__", "__type_params__"):
        setattr(copy, name, getattr(function, name))
    copy.__annotations__ = annotationlib.get_annotations(function, format=annotationlib.Format.STRING)
    return copy  # type: ignore[no-any-return]
