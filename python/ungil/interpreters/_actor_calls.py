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
from . import _pickling, _streams
from ._actor_threads import ActorThread, WeakInbox
from ._calls import Call, call_of
from ._futures import PoolFuture
from ._inbox import CallNumber
from ._loans import lend
from ._pickling import Message, needs_only_pickle
from ._pool import BrokenInterpreterPool
from ._protocol import INVOKE
from ._sharing import PROTOCOL
from ._threads import Worker

_INTERVAL_MS = 200  # after which a dispatcher that has nothing to wait for ends


class Caller:
    """What the futures of an actor's calls share, in one interpreter. It does not keep the actor.

    To futures it is the pool: see `_futures`.
    """

    def __init__(self, inbox: int, thread: ActorThread | None, shared_names: frozenset[str]) -> None:
        self.inbox, self.thread, self._shared_names = WeakInbox(inbox), thread, shared_names
        self.watched: dict[int, PoolFuture] = {}
        self._futures: dict[int, ref[PoolFuture]] = {}
        self._lock = threading.RLock()
        self._dispatchers: set[threading.Thread] = set()
        self._busy: set[threading.Thread] = set()
        self.is_forked = False
        _callers.add(self)

    def make(self, has_loop: bool, factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any], function: Any) -> None:
        """Have the object made."""
        with call_of(function, (has_loop, factory, *args), kwargs, self._shared_names) as call:
            self.made = self._submit(call)

    def call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> PoolFuture:
        content = name, args, kwargs
        future = PoolFuture(self)  # type: ignore[arg-type]
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
            future.begin(self._submit(call), self._futures)
        return future

    def _submit(self, call: Call) -> CallNumber:
        if self.is_forked:
            raise self.error()
        _streams.flush()
        number = self.inbox.submit(call)
        if number is None:
            raise self.error()
        return number

    def error(self) -> BaseException:
        """Why calls are not made."""
        if self.is_forked:
            return BrokenInterpreterPool("the process forked, and its actors are the parent's")
        failure = None if self.thread is None else self.thread.error
        return failure or RuntimeError("cannot call an actor that has ended")

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
        own = threading.current_thread()
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
        for reference in self._futures.copy().values():
            future = reference()
            if future is not None:
                future.fail_in_child(self.error())


_callers: WeakSet[Caller] = WeakSet()


def _after_fork_in_child() -> None:
    for caller in list(_callers):
        caller.after_fork_in_child()


os.register_at_fork(after_in_child=_after_fork_in_child)
