"""The threads of actors: each serves the inbox of one, with an interpreter of its own.

They keep nothing of the handles that the program has. When the last of these is freed, the library closes the inbox;
the thread then runs the calls that are left, drops the object, and ends.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Callable

from .._native.forks import register_at_fork
from .._native.interruptible import INTERRUPT_TIMEOUT, POLL_INTERVAL, Latch, Pace, check_asyncio, ends_by_interrupt
from .._native.library import check, library
from ..exchange.sync import Event
from . import _actor_loops, _actor_objects, _exit_order
from ._calls import call_of
from ._inbox import Inbox
from ._requests import Outcome
from ._threads import Worker
from .interpreter import Interpreter

if TYPE_CHECKING:
    from ._pool import Pool
    from ._stream import Setup

_STOP_INTERVAL = 0.5
"""Seconds after which an event loop that is to stop is told so again: an interrupt may have come between."""


class WeakInbox(Inbox):
    """An inbox that this object does not keep open."""

    def __init__(self, inbox: int) -> None:
        handle = ctypes.c_int32()
        check(library.ungil_inbox_weak(inbox, ctypes.byref(handle)))
        self._handle = handle.value

    def fail(self, interpreter: Interpreter) -> None:
        """Have all calls fail, if this interpreter is dead."""
        library.ungil_inbox_fail(self._handle, interpreter.handle)


class ActorThread:
    """The thread of one actor, and a second one, for its inbox, if the first has an event loop."""

    def __init__(self, pool: Pool, setup: Setup, name: str, inbox: WeakInbox, has_loop: bool) -> None:
        self.pool, self.inbox = pool, inbox
        self.error: BaseException | None = None  # of the start
        self.last_error: BaseException | None = None  # of the object's `close`
        self.dispatchers: list[Worker] = []  # that end futures
        self.is_stopped = self.is_abandoned = False
        self._pace = Pace()  # of interrupts
        self._setup, self._has_loop = setup, has_loop
        self._lock = threading.Lock()  # while it is held, the interpreter is not given back
        self._interpreter: Interpreter | None = None
        self._is_serving = False
        self._worker = setup.worker(self._work, name)
        self.finished = self._worker.finished

    def start(self) -> None:
        _threads[self] = None
        try:
            self._worker.start()
        except BaseException:
            if self._worker.abandon():
                _threads.pop(self, None)
            raise

    def _work(self) -> None:
        try:
            with self._setup.start(self._note) as interpreter:
                try:
                    self._work_in(interpreter)
                finally:
                    self._note(None)
        except BaseException as error:
            self.error = error
        finally:
            self.inbox.close()
            self.inbox.give_up(running=True)
            _threads.pop(self, None)

    def _note(self, interpreter: Interpreter | None) -> None:
        with self._lock:
            self._interpreter = interpreter

    def _work_in(self, interpreter: Interpreter) -> None:
        _outcome(interpreter, _actor_objects.prepare).get()
        if not self._has_loop:
            self._serve(interpreter)
            return
        # The loop runs in the interpreter's main thread, which is that of the first request: there, signals and
        # interrupts end its waits.
        has_begun, has_ended = Event(), Latch()

        def serve() -> None:
            has_begun.wait()
            self._serve(interpreter)
            while not has_ended.wait(_STOP_INTERVAL):
                _outcome(interpreter, _actor_loops.stop)

        server = Worker(serve, self._worker.name + "_inbox", self._setup.stack_size)
        server.start()
        self.error = _outcome(interpreter, _actor_loops.run, self.inbox.handle, has_begun).error
        has_ended.open()
        if interpreter.is_alive:
            self.inbox.close()
            self.inbox.give_up(running=True)
        else:
            self.inbox.fail(interpreter)  # the other thread may not have noticed it
        has_begun.set()
        server.finished.wait()

    def _serve(self, interpreter: Interpreter) -> None:
        """Run the inbox's calls, and at the end drop the object."""
        self._is_serving = True
        is_alive = self.inbox.serve(interpreter.handle)
        self._is_serving = False
        if is_alive:
            self.last_error = _outcome(interpreter, _actor_objects.end).error
        else:
            self.inbox.fail(interpreter)

    def stop(self) -> None:
        """Cancel the calls that have not begun, and interrupt the others. This does not wait for their ends."""
        self.is_stopped = True
        if self._is_serving and not self._has_loop:
            self._pace.note()
            self.inbox.stop()
            return
        self.inbox.cancel_queued()
        with self._lock:
            if self._interpreter is not None:
                self._pace.note()
                library.ungil_interp_interrupt(self._interpreter.handle)

    def stop_if_due(self) -> None:
        """Do that, but interrupt none if that was just now. Code may have caught the last interrupt."""
        self.is_stopped = True
        self.inbox.cancel_queued()
        if self._pace.is_due():
            self.stop()

    def wait(self, *, is_exiting: bool = False) -> None:
        """Wait for the end, and for callbacks of futures; not for those that call this.

        is_exiting: what goes on INTERRUPT_TIMEOUT after it was stopped is left behind.
        """
        ends_at = time.monotonic() + INTERRUPT_TIMEOUT
        dispatchers = self.dispatchers.copy()
        if threading.current_thread() in dispatchers:
            dispatchers.clear()
        for finished in [self.finished, *[worker.finished for worker in dispatchers]]:
            while not finished.wait(POLL_INTERVAL):
                if self.is_abandoned or (is_exiting and self.is_stopped and time.monotonic() > ends_at):
                    return
                check_asyncio()


def _outcome(interpreter: Interpreter, function: Callable[..., object], *args: Any) -> Outcome:
    try:
        return interpreter._outcome(call_of(function, args, {}, frozenset()))
    except BaseException as error:
        return Outcome(None, error)


_threads: dict[ActorThread, None] = {}  # that have not ended, in order; each access is one operation in C


def _threads_of(pool: Pool | None) -> Sequence[ActorThread]:
    """The threads of this pool's actors, or all, the last one first."""
    return [thread for thread in reversed(list(_threads)) if pool is None or thread.pool is pool]


def end(threads: Sequence[ActorThread], *, is_exiting: bool = False) -> None:
    """Let these actors take no more calls, and wait until they have made those that they have, one after the other.

    Ctrl-C stops the calls, waits for INTERRUPT_TIMEOUT at most, and is raised.
    """
    try:
        for thread in threads:
            thread.inbox.close()
            thread.wait(is_exiting=is_exiting)
    except BaseException:
        stop_and_wait(threads)
        raise


def stop_and_wait(threads: Sequence[ActorThread]) -> None:
    """Stop the calls, and wait, but not for longer than INTERRUPT_TIMEOUT: calls that go on then are left behind."""
    ends_at = time.monotonic() + INTERRUPT_TIMEOUT
    for thread in threads:
        thread.inbox.close()
        thread.stop_if_due()
    for thread in threads:
        while not thread.finished.wait(POLL_INTERVAL):
            if time.monotonic() > ends_at:
                thread.is_abandoned = True
                thread.inbox.give_up(running=True)
                break
            thread.stop_if_due()


def end_all(pool: Pool, *, waits: bool, cancels: bool) -> None:
    """End a pool's actors. Those that were made last come first: their objects may call the others."""
    threads = _threads_of(pool)
    if cancels:
        for thread in threads:
            thread.inbox.cancel_queued()
    if waits:
        end(threads)
    else:
        for thread in threads:
            thread.inbox.close()


def stop_all(pool: Pool) -> None:
    """End a pool's actors because of Ctrl-C."""
    stop_and_wait(_threads_of(pool))


def _at_exit() -> None:
    threads = _threads_of(None)
    if ends_by_interrupt():
        stop_and_wait(threads)
        return
    try:
        end(threads, is_exiting=True)
    except KeyboardInterrupt:  # it has stopped them
        pass


_exit_order.register(_exit_order.ACTORS, _at_exit)
register_at_fork(after_in_child=_threads.clear)
