"""The object of an actor, in the interpreter that it lives in.

Requests come on the thread that serves the actor's inbox. The methods of an object that has `async` methods run on an
event loop, all of them, in the main thread: so none of its code runs beside other code of its own, but where it awaits.
A request, which comes on another thread, only begins such a call. At its end, the loop's thread has the library resume
the call, by another request that fetches the result.

Only interpreters run this. Both sides import it, as functions are sent by name.
"""

from __future__ import annotations

import ctypes
import inspect
import sys
import threading

from ._protocol import RESUME

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from typing import Any, Callable

_NUMBER = 8  # bytes of a call's number in a request


def is_asynchronous(kind: object) -> bool:
    """Whether a class has `async` methods."""
    if not isinstance(kind, type):
        return False
    return any(inspect.iscoroutinefunction(inspect.getattr_static(kind, name, None)) for name in dir(kind))


class _Resident:
    """The object, or the exception that its class has raised."""

    def __init__(self) -> None:
        self.object: Any = None
        self.failure: BaseException | None = None
        self._trace: Any = None

    def make(self, factory: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        try:
            self.object = factory(*args, **kwargs)
        except BaseException as error:
            self.failure, self._trace = error, error.__traceback__
            raise

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if self.failure is not None:
            raise self.failure.with_traceback(self._trace)
        return getattr(self.object, name)(*args, **kwargs)

    def drop(self) -> Any:
        """Close the object, if it has a method for that, and drop it. What `close` returns."""
        obj, self.object, failure = self.object, None, self.failure
        if failure is None:
            self.failure = RuntimeError("the actor has ended")
            close = getattr(obj, "close", None)
            if callable(close):
                return close()
        return None


class _Loop:
    """The event loop of an actor whose class has `async` methods."""

    def __init__(self, inbox: int, library: Any) -> None:
        import asyncio

        self._asyncio = asyncio
        self._inbox, self._library = inbox, library
        self.loop = asyncio.new_event_loop()
        self.outcomes: dict[int, tuple[Any, BaseException | None]] = {}  # by the calls' numbers, until they are fetched
        self._tasks: dict[int, asyncio.Task[Any]] = {}  # by the calls' numbers, until they are delivered
        self._interrupted: set[int] = set()
        self.ended = threading.Event()

    def run(self) -> None:
        """Run it on this thread until `end`. An interrupt ends the calls, and not the loop."""
        self._asyncio.set_event_loop(self.loop)
        while True:
            try:
                self.loop.run_forever()
                break
            except KeyboardInterrupt:
                for number, task in list(self._tasks.items()):
                    if task.done():  # the interrupt came while it was delivered
                        self._deliver(number)
                self._interrupt()
        try:
            self.loop.run_until_complete(self.loop.shutdown_asyncgens())
            self.loop.close()
        finally:
            self.ended.set()

    def begin(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call a function there, on behalf of the call that this thread runs, which goes on without it."""
        number = ctypes.c_int64()
        self._library.ungil_call_current(ctypes.byref(number))
        self.loop.call_soon_threadsafe(self._start, number.value, function, args, kwargs)
        raise sys.modules[__package__ + "._worker"].Later

    def _start(self, number: int, function: Any, args: Any, kwargs: Any) -> None:
        task = self._tasks[number] = self.loop.create_task(self._outcome(function, args, kwargs))
        task.add_done_callback(lambda _: self._deliver(number))

    async def _outcome(self, function: Any, args: Any, kwargs: Any) -> tuple[Any, BaseException | None]:
        try:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                result = await result
            return result, None
        except self._asyncio.CancelledError:
            raise
        except KeyboardInterrupt as error:  # it is for all
            self._interrupt()
            return None, error
        except BaseException as error:
            return None, error

    def _deliver(self, number: int) -> None:
        """Have the call of a task that is done resumed, to fetch its outcome."""
        task = self._tasks[number]
        if task.cancelled():
            is_interrupted = number in self._interrupted
            error = KeyboardInterrupt() if is_interrupted else self._asyncio.CancelledError()
            self.outcomes[number] = None, error
        else:
            self.outcomes[number] = task.result()
        request = number.to_bytes(_NUMBER, "little") + RESUME
        self._library.ungil_inbox_resume(self._inbox, number, request, len(request))
        self._interrupted.discard(number)
        del self._tasks[number]

    def _interrupt(self) -> None:
        for number, task in list(self._tasks.items()):
            if not task.done():
                self._interrupted.add(number)
                task.cancel()

    def end(self, drop: Callable[[], Any]) -> None:
        """Drop the object there, and end the loop."""
        future = self._asyncio.run_coroutine_threadsafe(self._outcome(drop, (), {}), self.loop)
        outcome = future.result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.ended.wait()
        if outcome[1] is not None:
            raise outcome[1]


_resident = _Resident()
_loop: _Loop | None = None


def run_loop(inbox: int, has_begun: Any) -> None:
    """Run the event loop of this interpreter's actor, on this thread, to its end."""
    global _loop
    from .._native.library import library

    loop = _Loop(inbox, library)
    _loop = loop
    has_begun.set()
    loop.run()


def prepare() -> None:
    """Have no object, as the interpreter may have had another one before."""
    global _resident, _loop
    _resident, _loop = _Resident(), None


def make(has_loop: bool, factory: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Make the object."""
    if has_loop:
        assert _loop is not None
        _loop.begin(_resident.make, factory, *args, **kwargs)
    _resident.make(factory, *args, **kwargs)


def invoke(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call a method of the object."""
    if _loop is not None:
        _loop.begin(_resident.call, name, args, kwargs)
    result = _resident.call(name, args, kwargs)
    return _run_here(result) if inspect.iscoroutine(result) else result


def resume(request: bytes) -> Any:
    """The result of a call that has ended on the event loop."""
    assert _loop is not None
    result, error = _loop.outcomes.pop(int.from_bytes(request[:_NUMBER], "little"))
    if error is not None:
        try:
            raise error
        finally:
            del error
    return result


def end() -> None:
    """Drop the object."""
    if _loop is not None:
        _loop.end(_resident.drop)
    else:
        result = _resident.drop()
        if inspect.iscoroutine(result):
            _run_here(result)


def _run_here(coroutine: Any) -> Any:
    """Run a coroutine of an object whose class was not known to have some."""
    import asyncio

    return asyncio.run(coroutine)


if "_ungil" in sys.modules:
    sys.modules["_ungil"].FILES.add(__file__)  # its frames are no part of tracebacks
