"""Actors: objects that live in an interpreter of their own, and that are called from any other."""

from __future__ import annotations

import ctypes
from concurrent.futures import Future
from types import TracebackType
from typing import Any

from .._native.interruptible import is_interrupt
from .._native.library import check, library
from .._native.locks import Numbers
from ..exchange._objects import SharedObject
from . import _actor_objects
from ._actor_calls import Caller
from ._actor_threads import ActorThread, WeakInbox
from ._pool import Pool
from ._stream import Setup


class Actor(SharedObject):
    """An object that lives in an interpreter of its own. `InterpreterPoolExecutor.actor` makes it.

    ``actor.method(...)`` calls a method of the object there, and returns a `concurrent.futures.Future`, which has the
    result or the exception, as for a task. Calls are made one after the other, in the order in which they come. If the
    class has ``async`` methods, an event loop of the actor's own runs all its methods: a call begins when those before
    it await something, or have ended.

    This is a handle, which can be sent to other interpreters: as an argument or a result of tasks, as a global variable
    that they use, or to other actors. In each interpreter, the same actor is the same handle. Calls of one interpreter
    stay in order.

    Notes
    -----
    The actor ends by `close`, at the end of a ``with`` block, when no interpreter has a handle any more, or at the
    shutdown of its executor: it takes no more calls, and makes those that it has. Then it calls the object's method
    ``close``, if there is one, and drops the object.

    If its class raises an exception, all calls do. If its interpreter dies, its calls fail with
    `InterpreterDiedError`, and so do all that come after. Ctrl-C, while the main thread waits for a call of an actor
    that it has made, cancels that actor's calls and interrupts those that run.

    Methods whose names begin with an underscore cannot be called.

    Cost: that of an `Interpreter`, and a thread, or two with ``async`` methods. A call costs as much as a task.

    Examples
    --------
    >>> import ungil
    >>> class Account:
    ...     def __init__(self, balance):
    ...         self.balance = balance
    ...     def deposit(self, amount):
    ...         self.balance += amount
    ...         return self.balance
    >>> with ungil.InterpreterPoolExecutor() as pool, pool.actor(Account, 100) as account:
    ...     account.deposit(20).result()
    ...     pool.submit(lambda: account.deposit(3).result()).result()  # from another interpreter
    120
    123
    """

    def __init__(self) -> None:
        raise TypeError("InterpreterPoolExecutor.actor() makes actors")

    __slots__ = ("_caller",)

    _caller: Caller

    def __getattr__(self, name: str) -> _Method:
        if name.startswith("_"):
            raise AttributeError("%r object has no attribute %r" % (type(self).__name__, name))
        return _Method(self, name)

    def close(self) -> None:
        """End the actor, after the calls that it has.

        In the interpreter that has made the actor, this waits for its end, and raises what the object's `close` has
        raised. In another one, it does not wait.
        """
        self._caller.close()

    def __enter__(self) -> Actor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if is_interrupt(error):
            self._caller.stop_and_wait()
        else:
            self._caller.close()

    def _initialize(self, *arguments: Any) -> None:
        self._caller = Caller(self._handle, None, frozenset())


class _Method:
    """A method of an actor's object."""

    __slots__ = ("_actor", "_name")

    def __init__(self, actor: Actor, name: str) -> None:
        self._actor, self._name = actor, name

    def __call__(self, *args: Any, **kwargs: Any) -> Future[Any]:
        return self._actor._caller.call(self._name, args, kwargs)

    def __reduce__(self) -> Any:
        return _Method, (self._actor, self._name)

    def __repr__(self) -> str:
        return "<method %s of %r>" % (self._name, self._actor)


_numbers = Numbers(0)


def actor_of(pool: Pool, setup: Setup, factory: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Actor:
    """The executor's `actor`, whose parameters the last ones are."""
    if not callable(factory):
        raise TypeError("expected a class, not %s" % type(factory).__name__)
    if pool.is_shutdown:
        raise RuntimeError("cannot start an actor after shutdown")
    actor = Actor.__new__(Actor)
    handle = ctypes.c_int32()
    check(library.ungil_inbox_new(ctypes.byref(handle)))
    actor._create(handle)
    has_loop = _actor_objects.is_asynchronous(factory)
    name = "%s_actor_%d" % (setup.name, _numbers.take())
    thread = ActorThread(pool, setup, name, WeakInbox(actor._handle), has_loop)
    actor._caller = Caller(actor._handle, thread, pool.shared_names)
    actor._caller.make(factory, args, kwargs)
    thread.start()
    return actor


__all__ = ["Actor"]
