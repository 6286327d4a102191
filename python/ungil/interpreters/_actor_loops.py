"""The event loop of an actor whose class has `async` methods, in the interpreter that it lives in.

All methods of the object run there, in the main thread: so none of its code runs beside other code of its own, but
where it awaits. A request, which comes on another thread, only begins a call. At its end, the loop's thread has the
library resume the call, by another request that fetches the result.

Only interpreters run this. Both sides import it, as functions are sent by name.
"""

from __future__ import annotations

import ctypes
import inspect
import os
import sys

from ._protocol import RESUME, Later

TYPE_CHECKING = False
if TYPE_CHECKING:
    import asyncio
    from concurrent.futures import Future
    from types import FrameType
    from typing import Any, Callable, Optional

    Outcome = tuple[Any, Optional[BaseException]]

_NUMBER = 8  # bytes of a call's number in a request


class _Loop:
    """The loop, and the calls that run there, by their numbers."""

    def __init__(self, inbox: int, library: Any) -> None:
        import asyncio
        import selectors

        self._asyncio, self._inbox, self._library = asyncio, inbox, library
        self._own_files = os.path.dirname(asyncio.__file__), selectors.__file__, __file__
        self._loop = asyncio.new_event_loop()
        self._tasks: dict[int, asyncio.Task[Outcome]] = {}  # until they are delivered
        self._interrupted: set[int] = set()
        self._closing: Future[Outcome] | None = None
        self.outcomes: dict[int, Outcome] = {}  # until they are fetched

    def run(self, has_begun: Any) -> None:
        """Run it on this thread until `stop`."""
        import signal

        before = signal.signal(signal.SIGINT, self._on_interrupt)
        try:
            self._asyncio.set_event_loop(self._loop)
            self._loop.call_soon(has_begun.set)
            self.run_until_stopped()
        finally:
            signal.signal(signal.SIGINT, before)
        self._close()

    def run_until_stopped(self) -> None:
        while True:
            try:
                return self._loop.run_forever()
            except KeyboardInterrupt:  # from a task of the object's own
                self._interrupt()

    def _close(self) -> None:
        """As asyncio.run() does."""
        loop = self._loop
        tasks = self._asyncio.all_tasks(loop)
        for task in tasks:
            task.cancel()
        loop.run_until_complete(self._asyncio.gather(*tasks, return_exceptions=True) if tasks else self._none())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.run_until_complete(loop.shutdown_default_executor())
        self._asyncio.set_event_loop(None)
        loop.close()

    async def _none(self) -> None:
        pass

    # Interrupts

    def _on_interrupt(self, signum: int, frame: FrameType | None) -> None:
        """The handler of SIGINT. It raises only in code that is not asyncio's: that would lose a step of a task."""
        self._loop.call_soon_threadsafe(self._interrupt)
        while frame is not None and frame.f_code is not _Loop.run_until_stopped.__code__:
            if not frame.f_code.co_filename.startswith(self._own_files):
                raise KeyboardInterrupt
            frame = frame.f_back

    def _interrupt(self) -> None:
        """End all calls."""
        for number, task in list(self._tasks.items()):
            if not task.done():
                self._interrupted.add(number)
                task.cancel()
        if self._closing is not None:
            self._closing.cancel()

    # Calls

    def begin(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Call a function there, on behalf of the call that this thread runs, which goes on without it."""
        number = ctypes.c_int64()
        self._library.ungil_call_current(ctypes.byref(number))
        self._loop.call_soon_threadsafe(self._start, number.value, function, args, kwargs)
        raise Later

    def _start(self, number: int, function: Any, args: Any, kwargs: Any) -> None:
        task = self._tasks[number] = self._loop.create_task(self._outcome(function, args, kwargs))
        task.add_done_callback(lambda task: self._deliver(number, task))

    async def _outcome(self, function: Any, args: Any, kwargs: Any) -> Outcome:
        try:
            result = function(*args, **kwargs)
            if inspect.isawaitable(result):
                result = await result
            return result, None
        except self._asyncio.CancelledError:
            raise
        except BaseException as error:
            return None, error

    def _deliver(self, number: int, task: asyncio.Task[Outcome]) -> None:
        """Have the call of a task that is done resumed, to fetch its outcome."""
        del self._tasks[number]
        is_interrupted = number in self._interrupted
        self._interrupted.discard(number)
        if task.cancelled():
            self.outcomes[number] = None, KeyboardInterrupt() if is_interrupted else self._asyncio.CancelledError()
        else:
            error = task.exception()
            self.outcomes[number] = (None, error) if error is not None else task.result()
        request = number.to_bytes(_NUMBER, "little") + RESUME
        if self._library.ungil_inbox_resume(self._inbox, number, request, len(request)) != 0:
            del self.outcomes[number]  # nobody waits for it any more

    # The end

    def end(self, drop: Callable[[], Any]) -> None:
        """Call `drop` there, and stop the loop."""
        try:
            self._closing = self._asyncio.run_coroutine_threadsafe(self._outcome(drop, (), {}), self._loop)
            error = self._closing.result()[1]
        finally:
            self.stop()
        if error is not None:
            raise error

    def stop(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._loop.stop)
        except RuntimeError:  # it is closed
            pass


_loop: _Loop | None = None


def forget() -> None:
    """Have no loop, as the interpreter may have had another one before."""
    global _loop
    _loop = None


def run(inbox: int, has_begun: Any) -> None:
    """Run the event loop of this interpreter's actor, on this thread, to its end. The event is set at the beginning."""
    global _loop
    from .._native.library import library

    loop = _loop = _Loop(inbox, library)
    loop.run(has_begun)


def begin(function: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Make the call of this thread go on in the loop, by raising `Later`, if there is a loop."""
    if _loop is not None:
        _loop.begin(function, *args, **kwargs)


def resume(request: bytes) -> Any:
    """The result of a call that has ended in the loop."""
    assert _loop is not None
    result, error = _loop.outcomes.pop(int.from_bytes(request[:_NUMBER], "little"))
    if error is None:
        return result
    try:
        raise error
    finally:
        del error  # its traceback has this frame


def end(drop: Callable[[], Any]) -> bool:
    """End the loop. False if there is none."""
    if _loop is None:
        return False
    _loop.end(drop)
    return True


def stop() -> None:
    """Stop the loop."""
    if _loop is not None:
        _loop.stop()


if "_ungil" in sys.modules:
    sys.modules["_ungil"].FILES.add(__file__)  # its frames are no part of tracebacks
