"""The threads of actors: each serves the inbox of one, with an interpreter of its own.

They keep nothing of the handles that the program has. When the last of these is freed, the library closes the inbox;
the thread then runs the calls that are left, drops the object, and ends.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Sequence
from typing import Any

from .._native.interruptible import INTERRUPT_TIMEOUT, POLL_INTERVAL, check_asyncio, ends_by_interrupt
from .._native.library import check, library
from .._private_apis import register_atexit
from ..exchange.sync import Event
from . import _actor_objects, _pool
from ._calls import call_of
from ._inbox import Inbox
from ._pool import Pool, outcome_of
from ._stream import Setup
from ._threads import Worker
from .interpreter import Interpreter


class WeakInbox(Inbox):
    """An inbox that this object does not keep open."""

    def __init__(self, inbox: int) -> None:
        handle = ctypes.c_int32()
        check(library.ungil_inbox_weak(inbox, ctypes.byref(handle)))
        self._handle = handle.value

    def fail(self, interpreter: Interpreter) -> None:
        """Have all calls fail, as this interpreter is dead."""
        library.ungil_inbox_fail(self._handle, interpreter.handle)


class ActorThread:
    """The thread of one actor, and a second one, for its inbox, if the first has an event loop."""

    def __init__(self, pool: Pool, setup: Setup, name: str, inbox: WeakInbox, has_loop: bool) -> None:
        self.pool, self.inbox = pool, inbox
        self.error: BaseException | None = None  # of the start
        self.last_error: BaseException | None = None  # of the object's `close`
        self._setup, self._has_loop = setup, has_loop
        self._lock = threading.Lock()
        self._interpreter: Interpreter | None = None
        self._is_serving = False
        self._worker = Worker(self._work, name, setup.stack_size)

    def start(self) -> None:
        _threads.add(self)
        try:
            self._worker.start()
        except BaseException:
            if self._worker.abandon():
                _threads.discard(self)
            raise

    def _work(self) -> None:
        try:
            with self._setup.start() as interpreter:
                try:
                    self._work_in(interpreter)
                finally:
                    with self._lock:
                        self._interpreter = None
        except BaseException as error:
            self.error = error
        finally:
            self.inbox.close()
            self.inbox.give_up(running=True)
            _threads.discard(self)

    def _work_in(self, interpreter: Interpreter) -> None:
        outcome_of(call_of(_actor_objects.prepare, (), {}, frozenset()), interpreter).get()
        self._interpreter = interpreter
        if not self._has_loop:
            self._serve(interpreter)
            return
        # The loop runs in the interpreter's main thread, where signals and interrupts end its waits.
        has_begun = Event()

        def serve() -> None:
            has_begun.wait()  # the main thread is that of the first request
            self._serve(interpreter)

        server = Worker(serve, self._worker.name + "_inbox", self._setup.stack_size)
        server.start()
        outcome_of(call_of(_actor_objects.run_loop, (self.inbox.handle, has_begun), {}, frozenset()), interpreter)
        has_begun.set()
        self.inbox.fail(interpreter)  # if it has died, which the other thread may not have noticed
        self.inbox.close()
        self.inbox.give_up(running=True)
        server.finished.wait()

    def _serve(self, interpreter: Interpreter) -> None:
        """Run the inbox's calls, and at the end drop the object."""
        self._is_serving = True
        if self.inbox.serve(interpreter.handle):
            self._is_serving = False
            self.last_error = outcome_of(call_of(_actor_objects.end, (), {}, frozenset()), interpreter).error
        else:
            self.inbox.fail(interpreter)

    def stop(self) -> None:
        """Cancel the calls that have not begun, and interrupt the others. This does not wait for their ends."""
        self.inbox.stop()
        with self._lock:
            if self._interpreter is not None and (self._has_loop or not self._is_serving):
                library.ungil_interp_interrupt(self._interpreter.handle)

    def join(self, deadline: float | None = None) -> bool:
        """Wait for the end, after the inbox was closed; False if it does not come in time.

        Ctrl-C stops the calls, waits for INTERRUPT_TIMEOUT at most, and is raised.
        """
        if threading.current_thread() is self._worker:
            raise RuntimeError("cannot join current thread")
        try:
            while not self._worker.finished.wait(POLL_INTERVAL):
                if deadline is not None and time.monotonic() > deadline:
                    return False
                check_asyncio()
        except BaseException:
            stop_and_join([self])
            raise
        self._worker.join()
        return True


def stop_and_join(threads: Sequence[ActorThread]) -> None:
    """Stop the calls, and wait, but not for longer than INTERRUPT_TIMEOUT: calls that go on then are left behind."""
    deadline = time.monotonic() + INTERRUPT_TIMEOUT
    for thread in threads:
        thread.stop()
    for thread in threads:
        while not thread._worker.finished.wait(POLL_INTERVAL):
            if time.monotonic() > deadline:
                thread.inbox.give_up(running=True)
                break
            thread.stop()  # again: the first may have come too early


_threads: set[ActorThread] = set()  # that have not ended; each access is one operation in C


def _threads_of(pool: Pool | None) -> Sequence[ActorThread]:
    return [thread for thread in _threads.copy() if pool is None or thread.pool is pool]


def close_all(pool: Pool | None = None, *, cancels: bool = False) -> None:
    """Let the actors of this pool, or all, take no more calls. This does not wait."""
    for thread in _threads_of(pool):
        thread.inbox.close()
        if cancels:
            thread.inbox.cancel_queued()


def join_all(pool: Pool | None = None, *, interrupts: bool = False) -> None:
    """Wait for actors that were closed."""
    threads = _threads_of(pool)
    if interrupts:
        stop_and_join(threads)
    else:
        for thread in threads:
            thread.join()


def _at_exit() -> None:
    """Complete all calls before the process exits. Tasks of pools, which may make calls, come first."""
    _pool._at_exit()
    close_all()
    try:
        join_all(interrupts=ends_by_interrupt())
    except KeyboardInterrupt:
        join_all(interrupts=True)


register_atexit(_at_exit)
os.register_at_fork(after_in_child=_threads.clear)


def has_ended(thread: Any) -> bool:
    """Whether the thread has ended, or belongs to another interpreter."""
    return thread is None or thread._worker.finished.is_open
