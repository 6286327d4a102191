"""The object of an actor, in the interpreter that it lives in.

Requests come on the thread that serves the actor's inbox. If the object's class has `async` methods, they hand over to
the event loop of `_actor_loops`.

Only interpreters run this. Both sides import it, as functions are sent by name.
"""

from __future__ import annotations

import inspect
import sys

from . import _actor_loops

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def is_asynchronous(kind: object) -> bool:
    """Whether a class has `async` methods."""
    if not isinstance(kind, type):
        return False
    return any(inspect.iscoroutinefunction(inspect.getattr_static(kind, name, None)) for name in dir(kind))


class _Resident:
    """The object, or why there is none."""

    def __init__(self) -> None:
        self._object: Any = None
        self._failure: BaseException | None = RuntimeError("the actor has no object: Ctrl-C came before it was made")
        self._trace: Any = None

    def make(self, factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        try:
            self._object = factory(*args, **kwargs)
            self._failure = None
        except BaseException as error:
            self.fail(error)
            raise

    def fail(self, error: BaseException) -> None:
        """Note the exception because of which there is no object."""
        if not isinstance(error, KeyboardInterrupt):
            self._failure, self._trace = error, error.__traceback__

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self._failure is not None:
            raise self._failure.with_traceback(self._trace)
        return getattr(self._object, name)(*args, **kwargs)

    def drop(self) -> Any:
        """Close the object, if it has a method for that, and drop it. What `close` returns."""
        obj, failure = self._object, self._failure
        self._object, self._failure, self._trace = None, RuntimeError("the actor has ended"), None
        close = getattr(obj, "close", None) if failure is None else None
        return close() if callable(close) else None


_resident = _Resident()


def prepare() -> None:
    """Have no object, as the interpreter may have had another one before."""
    global _resident
    _resident = _Resident()
    _actor_loops.forget()


def make(load: Callable[[], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]]) -> None:
    """Make the object: `load` returns the class and its arguments."""
    try:
        factory, args, kwargs = load()
    except BaseException as error:
        _resident.fail(error)
        raise
    _actor_loops.begin(_resident.make, factory, args, kwargs)
    _resident.make(factory, args, kwargs)


def invoke(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method of the object."""
    _actor_loops.begin(_resident.call, name, args, kwargs)
    return _finished(_resident.call(name, args, kwargs))


def end() -> None:
    """Drop the object."""
    if not _actor_loops.end(_resident.drop):
        _finished(_resident.drop())


def _finished(result: Any) -> Any:
    """Run a coroutine of an object whose class was not known to have some."""
    if not inspect.iscoroutine(result):
        return result
    import asyncio

    return asyncio.run(result)


if "_ungil" in sys.modules:
    sys.modules["_ungil"].FILES.add(__file__)  # its frames are no part of tracebacks
