"""Calls of actors, by handles that any interpreter may have, and the futures of these calls."""

from __future__ import annotations

import pickle
from typing import Any
from weakref import WeakSet

from .._native import signatures as c
from .._native.forks import register_at_fork
from . import _nesting, _pickling, _streams
from ._actor_threads import ActorThread, WeakInbox, end, stop_and_wait
from ._calls import Call
from ._futures import PoolFuture
from ._inbox import SubmittedCall
from ._inbox_futures import InboxFutures
from ._loans import lend
from ._pickling import Message
from ._plain import needs_only_pickle
from ._pool import BrokenInterpreterPool
from ._protocol import INVOKE, MAKE
from ._sharing import PROTOCOL

_ENDED = (c.UNGIL_CALL_DONE, c.UNGIL_CALL_CANCELLED)


class Caller:
    """What the futures of an actor's calls share, in one interpreter. It does not keep the actor.

    To futures it is the pool: see `_futures`.
    """

    def __init__(self, inbox: int, thread: ActorThread | None, shared_names: frozenset[str]) -> None:
        self.inbox, self.thread, self._shared_names = WeakInbox(inbox), thread, shared_names
        self.futures = InboxFutures(self.inbox, "actor", stays=False)
        self._made: SubmittedCall | None = None  # the call that makes the object, until it has ended
        if thread is not None:
            thread.dispatchers = self.futures.dispatchers
        self.is_forked = False
        _callers.add(self)

    def make(self, factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Have the object made."""
        _nesting.refuse_function(factory)
        with Call(MAKE, None, _pickling.dumps((factory, args, kwargs), self._shared_names, lend)) as call:
            made = SubmittedCall()
            self._submit(call, made, None)
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
            self._submit(call, SubmittedCall(), future)
        return future

    def _submit(self, call: Call, submitted: SubmittedCall, future: PoolFuture | None) -> None:
        if self.is_forked:
            raise self.error()
        _streams.flush()
        if self.thread is not None:
            self.thread.is_stopped = False
        if not self.futures.submit(call, submitted, future):
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

    def after_fork_in_child(self) -> None:
        """Fail all calls: the actor is the parent's."""
        self.is_forked, self._made = True, None
        self.futures.fail_in_child(self.error())


_callers: WeakSet[Caller] = WeakSet()


def _after_fork_in_child() -> None:
    for caller in list(_callers):
        caller.after_fork_in_child()


register_at_fork(after_in_child=_after_fork_in_child)
