"""Calls of actors, by handles that any interpreter may have, and the futures of these calls."""

from __future__ import annotations

import ctypes
import os
import pickle
import threading
from typing import Any
from weakref import WeakSet, ref

from .._native import signatures as c
from .._native.library import library
from . import _nesting, _pickling, _streams
from ._actor_threads import ActorThread, WeakInbox, end, stop_and_wait
from ._calls import Call
from ._futures import PoolFuture
from ._inbox import SubmittedCall
from ._loans import lend
from ._pickling import Message
from ._plain import needs_only_pickle
from ._pool import BrokenInterpreterPool
from ._protocol import INVOKE, MAKE
from ._sharing import PROTOCOL
from ._threads import Worker

_ENDED = (c.UNGIL_CALL_DONE, c.UNGIL_CALL_CANCELLED)
_INTERVAL_MS = 200  # after which a dispatcher that has nothing to wait for ends


class Caller:
    """What the futures of an actor's calls share, in one interpreter. It does not keep the actor.

    To futures it is the pool: see `_futures`.
    """

    def __init__(self, inbox: int, thread: ActorThread | None, shared_names: frozenset[str]) -> None:
        self.inbox, self.thread, self._shared_names = WeakInbox(inbox), thread, shared_names
        self.watched: dict[int, PoolFuture] = {}
        self._made: SubmittedCall | None = None  # the call that makes the object, until it has ended
        self._futures: set[ref[PoolFuture]] = set()  # which remove themselves
        self._lock = threading.RLock()
        self._dispatchers: set[Worker] = set() if thread is None else thread.dispatchers
        self._busy: set[Worker] = set()
        self.is_forked = False
        _callers.add(self)

    def make(self, factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Have the object made."""
        _nesting.refuse_function(factory)
        with Call(MAKE, None, _pickling.dumps((factory, args, kwargs), self._shared_names, lend)) as call:
            made = SubmittedCall()
            self._submit(call, made)
        self._made = made

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PoolFuture:
        if self._made is not None and self._made.state() in _ENDED:
            self._made = None  # the memory of the arguments is given back
        content = name, args, kwargs
        future = PoolFuture(self)
        try:
            if not kwargs and needs_only_pickle(args):
                message = Message(pickle.dumps(content, PROTOCOL))
            else:
                message = _pickling.dumps(content, self._shared_names, lend)
        except Exception as error:
            future.set_exception(error)
            return future
        with Call(INVOKE, None, message) as call:
            del message
            submitted, futures = SubmittedCall(), self._futures
            futures.add(ref(future, futures.discard))
            future.begin(submitted)
            self._submit(call, submitted)
        return future

    def _submit(self, call: Call, submitted: SubmittedCall) -> None:
        if self.is_forked:
            raise self.error()
        _streams.flush()
        if self.thread is not None:
            self.thread.is_stopped = False
        try:
            is_open = self.inbox.submit(call, submitted)
        except BaseException:  # the program does not get the future
            submitted.cancel()
            raise
        if not is_open:
            raise self.error()

    def error(self) -> BaseException:
        """Why calls are not made."""
        if self.is_forked:
            return BrokenInterpreterPool("the process forked, and its actors are the parent's")
        failure = None if self.thread is None else self.thread.error
        return failure or RuntimeError("cannot call an actor that has ended")

    def close(self) -> None:
        """End the actor. The side that has made it waits for that, and gets the exception of the object's `close`."""
        thread = self.thread
        if thread is None or self.is_forked:
            self.inbox.close()
            return
        end([thread])
        self._made = None
        error, thread.last_error = thread.last_error, None
        if error is not None:
            raise error

    def stop_and_wait(self) -> None:
        """End the actor because of Ctrl-C."""
        if self.thread is None or self.is_forked:
            self.inbox.close()
        else:
            stop_and_wait([self.thread])

    def stop(self) -> None:
        """Stop the actor's calls, for Ctrl-C in the program that has made it."""
        if self.thread is not None:
            self.thread.stop()

    # Futures that have callbacks

    def is_dispatcher(self) -> bool:
        """Whether this thread ends watched futures."""
        return threading.current_thread() in self._dispatchers

    def start_dispatcher(self, is_urgent: bool) -> None:
        """Have a thread end watched futures; if it is urgent, one that calls no callback at present."""
        with self._lock:
            if not self._dispatchers or (is_urgent and len(self._busy) == len(self._dispatchers)):
                worker = Worker(self._dispatch, "actor_dispatcher", 0)
                self._dispatchers.add(worker)
                try:
                    worker.start()
                except BaseException:
                    if worker.abandon():
                        self._dispatchers.discard(worker)
                    raise

    def _dispatch(self) -> None:
        """The main function of a dispatcher. It ends when no future is watched."""
        own: Any = threading.current_thread()
        while True:
            for number in self._completed():
                future = self.watched.pop(number, None)
                if future is not None:
                    self._busy.add(own)
                    future.end()
                    self._busy.discard(own)
                del future  # nothing is kept while the dispatcher waits
            with self._lock:
                if not self.watched:
                    self._dispatchers.discard(own)
                    return

    def _completed(self) -> list[int]:
        numbers, count = (ctypes.c_int64 * 64)(), ctypes.c_size_t()
        length = len(numbers)
        status = library.ungil_inbox_completed(self.inbox.handle, _INTERVAL_MS, 0, numbers, length, ctypes.byref(count))
        if status == c.UNGIL_E_CLOSED:  # those that are left have ended otherwise
            return list(self.watched)
        return numbers[: count.value] if status == c.UNGIL_OK else []

    def after_fork_in_child(self) -> None:
        """Fail all calls: the actor is the parent's."""
        self.is_forked, self._lock = True, threading.RLock()
        self.watched.clear()
        self._dispatchers, self._busy = set(), set()
        self._made = None
        for reference in self._futures.copy():
            future = reference()
            if future is not None:
                future.fail_in_child(self.error())


_callers: WeakSet[Caller] = WeakSet()


def _after_fork_in_child() -> None:
    for caller in list(_callers):
        caller.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
