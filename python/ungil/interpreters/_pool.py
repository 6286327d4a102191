"""The workers of an executor: threads, each with an interpreter, that serve one inbox.

The inbox, in the library, has the tasks. A worker makes an interpreter when a task needs one more, and serves the inbox
until the interpreter dies, or the pool is shut down: while tasks run, no thread of the program has to. What becomes of
a task is the matter of its future.

Ctrl-C may come between any two steps of Python code in the main thread, and garbage collection may end an executor
there, so each change of shared state is one operation in C, and the state is valid between any two of them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ref

from .._native.forks import register_at_fork
from .._native.interruptible import (
    INTERRUPT_TIMEOUT,
    POLL_INTERVAL,
    Pace,
    check_asyncio,
    ends_by_interrupt,
)
from .._native.library import library
from . import (
    _exit_order,
    _logging,  # noqa: F401, now: in the child of a fork no import would end that a thread has begun
)
from ._calls import Call, call_of
from ._futures import PoolFuture
from ._inbox import Inbox, SubmittedCall
from ._inbox_futures import InboxFutures
from ._preload import import_module
from ._requests import Outcome
from ._standard import BrokenStandardPool
from ._threads import Worker
from .interpreter import Interpreter

_logger = logging.getLogger("concurrent.futures")


class BrokenInterpreterPool(BrokenStandardPool):
    """The pool can run no more tasks: its initializer failed, no interpreter could start, or the process forked.

    It derives from the exception of this name in `concurrent.futures.interpreter`. Before Python 3.14, which brought
    that exception, it derives from `concurrent.futures.thread.BrokenThreadPool`.
    """


class Pool:
    """The state that the workers and the executor share.

    Workers do not refer to the executor, so it can be freed while they wait.
    """

    def __init__(
        self,
        max_workers: int,
        name: str,
        share: Mapping[str, Any],
        initializer: Call | None,
        preload: Sequence[str] | None = None,
        options: Mapping[str, Any] | None = None,
        stack_size: int = 0,
        redirects: bool = False,
    ) -> None:
        self._max_workers, self._name, self._share, self._initializer = max_workers, name, share, initializer
        self._preload, self._stack_size, self._redirects = preload, stack_size, redirects
        self._options = options or {}  # of the interpreters
        self.shared_names = frozenset(share)
        self._inbox = Inbox()
        self._lock = threading.RLock()  # of the lists of threads
        self.workers: list[Worker] = []
        self._starting: dict[int, Interpreter] = {}  # by thread: those that run the initializer
        self.futures = InboxFutures(self._inbox, name, stack_size, stays=True)
        self._broken: str | None = None
        self._cause: BaseException | None = None
        self.is_shutdown = False
        self._is_abandoned = False
        self._pace = Pace()  # of interrupts
        _pools.add(ref(self, _pools.discard))

    # Tasks

    def put(self, call: Call, future: PoolFuture) -> None:
        """Queue a task. Raises BrokenInterpreterPool; RuntimeError after `shutdown`, or when the process exits."""
        self._check()
        if len(self.workers) < self._max_workers:
            self._add_worker_if_needed()
        if not self.futures.submit(call, SubmittedCall(), future):
            self._check()
            raise RuntimeError("cannot schedule new futures after shutdown")

    def _check(self) -> None:
        if self._broken:
            raise self.error()
        if self.is_shutdown:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if _exit_order.is_exiting:
            raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    @property
    def queue_length(self) -> int:
        """How many tasks no worker has taken."""
        return int(self._inbox.counts().queued)

    @property
    def waiting(self) -> int:
        """How many workers wait for a task, or run none at the moment."""
        return int(self._inbox.counts().waiting)

    def error(self) -> BrokenInterpreterPool:
        """An exception that says why the pool is broken."""
        error = BrokenInterpreterPool("the pool is broken: %s" % self._broken)
        error.__cause__ = self._cause
        return error

    # Threads

    def start_all(self) -> None:
        """Start all workers, for `preload`."""
        with self._lock:
            while len(self.workers) < self._max_workers:
                self._add_worker()

    def _add_worker_if_needed(self) -> None:
        with self._lock:
            counts = self._inbox.counts()
            if counts.waiting <= counts.queued and len(self.workers) < self._max_workers:
                self._add_worker()

    def _add_worker(self) -> None:
        name = "%s_%d" % (self._name, len(self.workers))
        thread = Worker(self._work, name, self._stack_size, self._redirects)
        try:
            self.workers.append(thread)
            thread.start()
        except BaseException:
            if thread.abandon():
                self.workers.remove(thread)
            raise

    def _work(self) -> None:
        """The main function of a worker. Without `preload`, it starts an interpreter only if a task needs one."""
        is_needed = self._preload is not None or self._inbox.is_wanted()
        while is_needed:
            is_needed = self._work_with_one_interpreter() and self._inbox.is_wanted()

    def _work_with_one_interpreter(self) -> bool:
        """Run tasks while an interpreter lives. False if the pool is broken."""
        interpreter = self._start()
        if interpreter is None:
            return False
        with interpreter:
            # The initializer is not called for tasks that Ctrl-C cancelled while the interpreter started.
            if self._inbox.is_wanted():
                if not self._initialize(interpreter):
                    return False
                self._inbox.serve(interpreter.handle)
        return True

    def _start(self) -> Interpreter | None:
        try:
            interpreter = Interpreter(share=self._share, **self._options)
        except BaseException as error:
            self._break("no interpreter could start: %s" % error, error)
            return None
        for name in self._preload or ():
            # It cannot be interrupted: that would break the pool, and leave parts of modules in the interpreter.
            failure = outcome_of(call_of(import_module, (name,), {}, frozenset()), interpreter).error
            if failure is not None:
                interpreter.close()
                self._break("preload: importing %s failed: %r" % (name, failure), failure)
                return None
        return interpreter

    def _initialize(self, interpreter: Interpreter) -> bool:
        failure = None if self._initializer is None else self._failure_of(self._initializer, interpreter)
        if failure is None:
            return True
        if not isinstance(failure, KeyboardInterrupt):  # the user has pressed Ctrl-C, and knows
            _logger.critical("Exception in initializer:", exc_info=failure)
        interpreter.close()
        self._break("the initializer failed: %r" % failure, failure)
        return False

    def _failure_of(self, initializer: Call, interpreter: Interpreter) -> BaseException | None:
        self._starting[threading.get_ident()] = interpreter
        try:
            return outcome_of(initializer, interpreter).error
        finally:
            with self._lock:  # not while another thread interrupts it
                del self._starting[threading.get_ident()]

    def _break(self, why: str, cause: BaseException) -> None:
        self._cause = self._cause or cause
        self._broken = self._broken or why
        self._inbox.close()  # first, so that no call comes after those that are given up
        self._inbox.give_up(running=False)

    # The end

    def shutdown(self) -> None:
        """Take no more tasks. The workers end when the queue is empty."""
        self.is_shutdown = True
        self._inbox.close()

    def cancel(self) -> None:
        """Cancel all queued tasks."""
        self._inbox.cancel_queued()

    def stop(self) -> None:
        """Cancel all tasks that have not begun, and interrupt those that run; not tasks that are put meanwhile."""
        self._pace.note()
        self._inbox.stop()
        with self._lock:
            for interpreter in list(self._starting.values()):
                library.ungil_interp_interrupt(interpreter.handle)

    def join(self) -> None:
        """Wait for the workers. Ctrl-C stops them, waits for INTERRUPT_TIMEOUT at most, and is raised.

        Raises RuntimeError in a dispatcher, which runs the callbacks of futures.
        """
        if self.futures.is_dispatcher() or threading.current_thread() in self.workers:
            raise RuntimeError("cannot join current thread")
        try:
            self._wait()
        except BaseException:
            self.stop_and_join()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for worker in [*self.workers, *self.futures.dispatchers]:
            while not worker.finished.wait(POLL_INTERVAL):
                if self._is_abandoned:
                    return
                if _exit_order.is_exiting and time.monotonic() > deadline and self._all_ignore_interrupts():
                    return
                check_asyncio()
            worker.join()  # the thread of the system is about to end
        if self._initializer is not None:
            self._initializer.drop()

    def _all_ignore_interrupts(self) -> bool:
        """Whether nothing is left but what an earlier Ctrl-C was to end."""
        counts = self._inbox.counts()
        return bool(counts.interrupted and counts.running == counts.interrupted and not counts.queued)

    def stop_and_join(self, deadline: float | None = None) -> None:
        """Stop the tasks, and wait for the workers, but not for longer than INTERRUPT_TIMEOUT: then abandon them."""
        if self._is_abandoned:
            return
        self.cancel()
        if self._pace.is_due():
            self.stop()
        if deadline is None:
            deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for worker in self.workers:
            while not worker.finished.wait(POLL_INTERVAL):
                if time.monotonic() > deadline:
                    self._abandon()
                    return
                if self._pace.is_due():
                    self.stop()  # again: code may have caught the last interrupt

    def _abandon(self) -> None:
        """Leave the workers behind. Nobody waits for their tasks any more: the futures of these end."""
        self._is_abandoned = True
        self._break("it was left behind, because tasks went on after Ctrl-C", KeyboardInterrupt())
        self._inbox.give_up(running=True)

    def after_fork_in_child(self) -> None:
        """Break the pool: the workers are the parent's."""
        self._lock, self._broken = threading.RLock(), "the process forked, and its workers are the parent's"
        self.workers, self._starting = [], {}
        self.futures.fail_in_child(self.error())


def outcome_of(call: Call, interpreter: Interpreter) -> Outcome:
    """The outcome of a call; an exception of the package itself is one too."""
    try:
        return interpreter._outcome(call)
    except BaseException as unexpected:
        return Outcome(None, unexpected)


# All pools. Each access is one operation of a set in C; those of a WeakSet are several.
_pools: set[ref[Pool]] = set()


def _all_pools() -> list[Pool]:
    return [pool for pool in (reference() for reference in _pools.copy()) if pool is not None]


def _at_exit() -> None:
    """Complete all tasks before the process exits, as with the standard library's pools."""
    _exit_order.is_exiting = True
    pools = _all_pools()
    for pool in pools:
        pool.shutdown()
    try:
        if ends_by_interrupt():
            raise KeyboardInterrupt
        for pool in pools:
            pool.join()
    except KeyboardInterrupt:
        for pool in pools:
            pool.stop()
        deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for pool in pools:
            pool.stop_and_join(deadline)


def _after_fork_in_child() -> None:
    for pool in _all_pools():
        pool.after_fork_in_child()


_exit_order.register(_exit_order.TASKS, _at_exit)
register_at_fork(after_in_child=_after_fork_in_child)
