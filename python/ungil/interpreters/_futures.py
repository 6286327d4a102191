"""The futures of a pool.

A future's call is in the library, which knows its state. The future asks for it when somebody looks, and takes the
result when somebody wants it, in that thread. So no thread of the program has to run when a task ends. Only futures
that have callbacks, or that somebody waits for together with others, are *watched*: the pool's dispatcher ends these.

The guard is the lock of the future's condition. Ctrl-C may come between any two steps in the main thread: the state is
valid between them, and what was not completed is done by the next one who looks.
"""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import CancelledError, Future, TimeoutError
from threading import TIMEOUT_MAX
from typing import TYPE_CHECKING, Any, Callable
from weakref import ref

from .._native import signatures as c
from .._native.interruptible import POLL_INTERVAL, Condition, Latch, check_asyncio, in_main_thread
from .._native.library import last_error
from .._native.scalars import as_seconds
from .._private_apis import CANCELLED, FIELDS_OF_FUTURES, UNFINISHED
from ._inbox import LONG_INTERVAL, SubmittedCall
from ._requests import Outcome, Reply, error_of, outcome_of_reply

if TYPE_CHECKING:
    from typing import Protocol

    from ._inbox_futures import InboxFutures

    class Pool(Protocol):
        """What futures have in common: a pool, or the callers of an actor."""

        futures: InboxFutures

        def stop(self) -> None: ...
        def error(self) -> BaseException: ...


_logger = logging.getLogger("concurrent.futures")

_OUTCOME = ("_result", "_exception")
_WAIT_AGAIN = (c.UNGIL_E_TIMED_OUT, c.UNGIL_E_INTERRUPTED)


class PoolFuture(Future):  # type: ignore[type-arg]
    """A future that stops its pool if Ctrl-C interrupts the main thread while it waits for the result."""

    def __init__(self, pool: Pool) -> None:
        # The base class would make a condition and lists, which few futures need: see __getattr__.
        self._pool = pool
        self._guard = threading.RLock()
        self._known_state = "PENDING"
        self._call: SubmittedCall | None = None
        self._is_watched = self._is_notified = False

    def __getattr__(self, name: str) -> Any:
        """Make the attributes of the base class when they are first used."""
        if name not in FIELDS_OF_FUTURES:
            raise AttributeError("%r object has no attribute %r" % (type(self).__name__, name))
        return getattr(self, "make" + name)()

    def make_condition(self) -> Condition:
        condition, guard, reference = Condition(self._guard), self._guard, ref(self)

        def acquire() -> bool:
            # Not by a `with` statement: wait() and as_completed() look at several futures, and then wait for those that
            # had not ended. From now on, only the dispatcher ends this one, when the guard is free.
            future = reference()
            if future is not None:
                future.be_watched_for_several()
            return guard.acquire()

        condition.acquire = acquire  # type: ignore[assignment]
        return self.__dict__.setdefault("_condition", condition)  # type: ignore[no-any-return]

    def make_done_callbacks(self) -> list[Any]:
        return self.__dict__.setdefault("_done_callbacks", [])  # type: ignore[no-any-return]

    def make_waiters(self) -> list[Any]:
        return self.__dict__.setdefault("_waiters", [])  # type: ignore[no-any-return]

    def make_result(self) -> Any:
        self._load()
        return self.__dict__.get("_result")

    def make_exception(self) -> Any:
        self._load()
        return self.__dict__.get("_exception")

    def begin(self, call: SubmittedCall) -> None:
        """Have the result of a call that is about to be submitted."""
        self._call = call

    # The state

    @property
    def _state(self) -> str:
        if self._known_state in UNFINISHED:
            self._look()
        return self._known_state

    @_state.setter
    def _state(self, state: str) -> None:
        self._known_state = state
        if state not in UNFINISHED and self._call is not None:
            self._call.cancel()  # the program has ended the future, so the call need not begin
            self._end_loans()

    def _look(self) -> None:
        """Note the state of the call."""
        call = self._call
        if call is not None:
            self._note(call.state())

    def _note(self, state: int) -> None:
        if state == c.UNGIL_CALL_QUEUED or self._known_state not in UNFINISHED:
            return
        with self._guard:
            if self._known_state not in UNFINISHED:
                return
            if self._is_watched or state == c.UNGIL_CALL_RUNNING:
                if state != c.UNGIL_CALL_CANCELLED:
                    self._known_state = "RUNNING"
            elif state == c.UNGIL_CALL_DONE:
                self._known_state = "FINISHED"
                self._end_loans()
            elif state == c.UNGIL_CALL_CANCELLED:
                self._note_cancelled()

    def _end_loans(self) -> None:
        call = self._call
        if call is not None:
            call.end_loans()

    def _note_cancelled(self) -> None:
        if self._known_state == "RUNNING":  # the program has marked it so
            self.__dict__["_exception"] = CancelledError()
            self._known_state = "FINISHED"
        else:
            self._known_state = "CANCELLED_AND_NOTIFIED"

    def cancel(self) -> bool:
        call = self._call
        if self._known_state == "PENDING" and call is not None:
            if not call.cancel():
                self._look()
                return self._known_state in CANCELLED
            if not self._is_watched:
                self._look()
                return True
        return super().cancel()

    def set_running_or_notify_cancel(self) -> bool:
        if self._known_state == "CANCELLED_AND_NOTIFIED" and not self._is_notified:
            self._is_notified = True  # the program may say so once, as nobody needs to be told any more
            return False
        return super().set_running_or_notify_cancel()

    # The result

    def result(self, timeout: float | None = None) -> Any:
        if self._known_state != "FINISHED":
            self._wait(timeout)
        error = self._exception
        if error is None:
            return self._result
        try:
            raise error
        finally:
            del self, error  # the exception's traceback holds this frame

    def exception(self, timeout: float | None = None) -> BaseException | None:
        if self._known_state != "FINISHED":
            self._wait(timeout)
        return self._exception

    def _load(self, reply: Reply | None = None, error: BaseException | None = None) -> None:
        """Take the result or the exception of a call that has ended."""
        with self._guard:
            call, attributes = self._call, self.__dict__
            if call is None or self._known_state != "FINISHED" or not attributes.keys().isdisjoint(_OUTCOME):
                return
            if reply is None and error is None:
                status, reply = call.wait(0)
                error = self._error_of(status)
            self._keep(Outcome(None, error) if reply is None or error is not None else outcome_of_reply(reply))

    def _finish(self, call: SubmittedCall, reply: Reply) -> bool:
        """What `_note` and `_load` do, for a future that ends with a reply. False if it is another thread's to end."""
        with self._guard:
            if self._is_watched or self._known_state not in UNFINISHED:
                return False
            self._known_state = "FINISHED"
            call.end_loans()
            self._keep(outcome_of_reply(reply))
        return True

    def _keep(self, outcome: Outcome) -> None:
        """Have the outcome, under the guard."""
        self.__dict__.update(_result=outcome.result, _exception=outcome.error)
        self._call = None

    def _error_of(self, status: int) -> BaseException | None:
        if status == c.UNGIL_OK:
            return None
        return self._pool.error() if status == c.UNGIL_E_CLOSED else error_of(status, last_error())

    def _wait(self, timeout: float | None) -> None:
        """Wait until there is a result. Raises TimeoutError, CancelledError."""
        end = None
        if timeout is not None:
            end = time.monotonic() + min(as_seconds("timeout", timeout), TIMEOUT_MAX)
        is_main = in_main_thread()
        try:
            self._wait_for_the_end(end, is_main)
        except KeyboardInterrupt:
            if is_main:
                self._pool.stop()
            raise
        if self._known_state in CANCELLED:
            raise CancelledError

    def _wait_for_the_end(self, end: float | None, is_main: bool) -> None:
        # Not in the caller: CPython 3.12 and 3.13 handle signals at the end of a loop as if outside of its `try`.
        interval = POLL_INTERVAL if is_main else LONG_INTERVAL
        while self._known_state in UNFINISHED:
            left = interval if end is None else min(interval, end - time.monotonic())
            self._wait_once(max(left, 0))
            if self._known_state not in UNFINISHED:
                break
            if left <= 0:
                raise TimeoutError
            if is_main:
                check_asyncio()

    def _wait_once(self, seconds: float) -> None:
        call = self._call
        if call is None:
            self._wait_for_the_dispatcher(seconds)
            return
        status, reply = call.wait(seconds)
        if status == c.UNGIL_OK and self._finish(call, reply):
            return
        if status in _WAIT_AGAIN:
            return
        error = None if status == c.UNGIL_E_CANCELLED else self._error_of(status)
        if self._is_watched:
            self._wait_for_the_dispatcher(seconds)
        elif status == c.UNGIL_E_CANCELLED:
            self._note(c.UNGIL_CALL_CANCELLED)
        else:
            self._note(c.UNGIL_CALL_DONE)
            self._load(reply, error)

    def _wait_for_the_dispatcher(self, seconds: float) -> None:
        if self._pool.futures.is_dispatcher():
            self.end()
        elif in_main_thread():
            done = self.__dict__.get("_done") or Latch()
            if "_done" not in self.__dict__:
                self.__dict__["_done"] = done
                super().add_done_callback(lambda _: done.open())
            done.wait(seconds)
        else:
            with self._condition:
                if self._known_state in UNFINISHED:
                    self._condition.wait(seconds)

    # Callbacks, and those who wait for several

    def add_done_callback(self, fn: Callable[[Future[Any]], object]) -> None:
        self._watch()
        super().add_done_callback(fn)

    def be_watched_for_several(self) -> None:
        """Be watched by a dispatcher, for somebody who waits for this future together with others."""
        self._watch(is_urgent=self._pool.futures.is_dispatcher())

    def _watch(self, is_urgent: bool = False) -> None:
        """Have a dispatcher end this future, unless its call has ended. It is urgent if a dispatcher waits for that."""
        with self._guard:
            call = self._call
            if call is None or self._is_watched or self._known_state not in UNFINISHED:
                return
            self._pool.futures.watched[call.number.value] = self
            state = call.watch()
            if state in (c.UNGIL_CALL_DONE, c.UNGIL_CALL_CANCELLED):
                self._pool.futures.watched.pop(call.number.value, None)
                self._note(state)
                return
            self._is_watched = True
        self._pool.futures.start_dispatcher(is_urgent)

    def end(self) -> None:
        """End this future, which is watched, as its call has ended. Only dispatchers call this."""
        try:
            if self._call is not None and self._call.state() == c.UNGIL_CALL_CANCELLED:
                self._end_cancelled()
            else:
                self._end_done()
        except BaseException as failure:  # of a callback
            _logger.critical("Exception at the end of %r:", self, exc_info=failure)

    def _end_cancelled(self) -> None:
        is_cancelled = super().cancel()
        with self._guard:
            if self._known_state == "CANCELLED":
                super().set_running_or_notify_cancel()  # only this notifies concurrent.futures.wait()
        if not is_cancelled and self._known_state == "RUNNING":  # the program has marked it so
            self.set_exception(CancelledError())

    def _end_done(self) -> None:
        with self._condition:
            if self._known_state not in UNFINISHED:
                return
            self._known_state = "FINISHED"
            self._end_loans()
            for waiter in self._waiters:
                waiter.add_exception(self) if self._exception else waiter.add_result(self)
            self._condition.notify_all()
        self._invoke_callbacks()

    def fail_in_child(self, error: BaseException) -> None:
        """End the future in the child of a fork. Its lock may be another thread's; the callbacks are the parent's."""
        self._guard = threading.RLock()
        for name in ("_condition", "_done_callbacks", "_waiters"):
            self.__dict__.pop(name, None)
        self._call = None
        if self._known_state in UNFINISHED:
            self.__dict__["_exception"] = error
            self._known_state = "FINISHED"
