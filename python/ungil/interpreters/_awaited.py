"""Calls that an event loop awaits, in interpreters that the process keeps for all its loops: `ungil.aio.run`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable

from .._native.forks import register_at_fork
from .._native.interruptible import INTERRUPT_TIMEOUT, POLL_INTERVAL, Pace
from .._native.library import library
from .interpreter import Interpreter


class Job:
    """A call that is to be made in an interpreter, and can be interrupted then."""

    def __init__(self, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        self._call: Any = (function, args, kwargs)
        self._lock = threading.Lock()
        self._interpreter: Interpreter | None = None
        self._is_cancelled = False

    def run(self) -> Any:
        """Make the call, in the interpreter of this thread."""
        (function, args, kwargs), self._call = self._call, None
        interpreter = _interpreter_of_thread()
        with self._lock:
            if self._is_cancelled:
                return None
            self._interpreter = interpreter
        try:
            return interpreter.call(function, *args, **kwargs)
        finally:
            with self._lock:  # no interrupt reaches the next call
                self._interpreter = None

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the call, if it runs. One that comes just before it begins has no effect."""
        with self._lock:
            self._is_cancelled = True
            if self._interpreter is not None:
                library.ungil_interp_interrupt(self._interpreter.handle)


_of_thread = threading.local()


def _interpreter_of_thread() -> Interpreter:
    interpreter: Interpreter | None = getattr(_of_thread, "interpreter", None)
    if interpreter is None or not interpreter.is_alive:
        interpreter = _of_thread.interpreter = Interpreter()
    return interpreter


class _Threads:
    """The threads, each with an interpreter. A child of a fork has others."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None

    def submit(self, job: Job) -> Future[Any]:
        with self._lock:
            if self._executor is None:
                self._executor = ThreadPoolExecutor(library.ungil_num_threads(), "ungil.aio.run")
            return self._executor.submit(job.run)


_threads = _Threads()
register_at_fork(after_in_child=_threads.forget)


async def run_in_interpreter(function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """The result of a call in an interpreter. If the task is cancelled, so is the call."""
    job = Job(function, args, kwargs)
    future = _threads.submit(job)
    waited = asyncio.wrap_future(future)
    waited.add_done_callback(_retrieve)
    try:
        return await asyncio.shield(waited)
    except asyncio.CancelledError:
        if not future.cancel():
            await _interrupted(job, waited)
        raise
    finally:
        del waited, future, job  # an exception's traceback has this frame


async def _interrupted(job: Job, waited: asyncio.Future[Any]) -> None:
    """Interrupt a job until it has ended, for INTERRUPT_TIMEOUT at most; also while the task is cancelled again."""
    loop = asyncio.get_running_loop()
    end, pace = loop.time() + INTERRUPT_TIMEOUT, Pace()
    while not waited.done() and loop.time() < end:
        if pace.is_due():
            pace.note()
            job.interrupt()
        try:
            await asyncio.wait([waited], timeout=POLL_INTERVAL)
        except asyncio.CancelledError:
            pass


def _retrieve(waited: asyncio.Future[Any]) -> None:
    """Retrieve the exception of a call that nobody waits for any more: asyncio would report it."""
    if not waited.cancelled():
        waited.exception()
