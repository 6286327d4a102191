"""The workers of an executor: threads, each with an interpreter, that take tasks from one queue.

The invariant: once it is put, a task is always in at least one of two positions, the queue `_tasks` or the
`_in_progress` list of one worker, until its future has ended or `_clear` has removed it so that the future can be
ended. It is added to the second position before it leaves the first, and `put` adds it to the queue as its last step.
So a fork, which may happen at any time, finds each task. Ctrl-C, which may come between any two steps of Python code in
the main thread, loses no task, and leaves none whose future the program does not have. For the same reason each change
of shared state is one operation in C, and the state is valid between any two of them.
"""

from __future__ import annotations

import _thread
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any
from weakref import ref

from .._native.interruptible import INTERRUPT_TIMEOUT, POLL_INTERVAL, Condition, check_asyncio, ends_by_interrupt
from .._native.library import library
from .._private_apis import begin_future, reset_future
from . import _exit_order
from ._calls import Call, call_of
from ._preload import import_module
from ._standard import BrokenStandardPool
from ._tasks import Task, end_future, outcome_of, run
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
    ) -> None:
        self._max_workers, self._name, self._share, self._initializer = max_workers, name, share, initializer
        self._preload, self._stack_size = preload, stack_size
        self._options = options or {}  # of the interpreters
        self.shared_names = frozenset(share)
        self._lock = threading.RLock()  # reentrant: garbage collection may end an executor anywhere, which takes it
        self._tasks: deque[Task] = deque()
        # A lock for each waiting worker, and whether it was woken. The lock is released to wake the worker, which
        # acquires it again.
        self._waiting: dict[Any, bool] = {}
        self.workers: list[Worker] = []
        # By thread identifier. Each worker sets and removes its own by one operation of a dict, without the lock where
        # no other thread depends on it.
        self._interpreters: dict[int, Interpreter] = {}
        self._in_progress: dict[int, Sequence[Task]] = {}  # what they have taken; set while the lock is held
        self._broken: str | None = None
        self._cause: BaseException | None = None
        self.is_shutdown = False
        self._is_abandoned = False
        self._interrupted: Mapping[int, Sequence[Task]] = {}  # what the latest Ctrl-C was to end
        _pools.add(ref(self, _pools.discard))

    def put(self, task: Task) -> None:
        """Queue a task. Raises BrokenInterpreterPool; RuntimeError after `shutdown`, or when the process exits."""
        with self._lock:
            if self._broken:
                raise self._error()
            if self.is_shutdown:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if _is_exiting:
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            if not self._wake() and len(self.workers) < self._max_workers:
                self._add_worker()
            # Last: if a step above fails or is interrupted, the program does not get the future.
            self._tasks.append(task)

    def start_all(self) -> None:
        """Start all workers, for `preload`."""
        with self._lock:
            while len(self.workers) < self._max_workers:
                self._add_worker()

    def _add_worker(self) -> None:
        worker = Worker(self._work, "%s_%d" % (self._name, len(self.workers)), self._stack_size)
        try:
            self.workers.append(worker)
            worker.start()
        except BaseException:
            if worker.abandon():
                self.workers = [other for other in self.workers if other is not worker]
            raise

    def _work(self) -> None:
        """The main function of a worker. Without `preload`, it starts an interpreter only if it has a task for it."""
        taken: list[Sequence[Task] | None] = [self._next() if self._preload is None else None]
        while taken and taken[0] != ():
            self._work_with_one_interpreter(taken)

    def _work_with_one_interpreter(self, taken: list[Sequence[Task] | None]) -> None:
        """Run tasks while an interpreter lives, those in the list first. Add those that another one is to run."""
        tasks = taken.pop()  # so that only this function has them
        interpreter = self._start(tasks or ())
        if interpreter is None:
            return
        is_initialized = False
        with interpreter:
            if tasks is None:
                tasks = self._next()
            while tasks and interpreter.is_alive:
                # The initializer is not called for tasks that Ctrl-C cancelled while the interpreter started.
                if not is_initialized and not all(task.future.cancelled() for task in tasks):
                    if not self._initialize(interpreter, tasks):
                        return
                    is_initialized = True
                for task in tasks:
                    run(task, interpreter)
                del task, tasks  # nothing of them is kept while the worker waits
                tasks = self._next()
            with self._lock:  # not while another thread interrupts it
                del self._interpreters[threading.get_ident()]
        taken.append(tasks)

    def _next(self) -> Sequence[Task]:
        """The next task; none when the worker is to end."""
        self._in_progress.pop(threading.get_ident(), None)
        wakeup = None
        while True:
            with self._lock:
                if wakeup:
                    del self._waiting[wakeup]
                if self._tasks:
                    return self._take()
                if self.is_shutdown or self._broken:
                    return ()
                wakeup = _thread.allocate_lock()
                wakeup.acquire()
                self._waiting[wakeup] = False
                if self.is_shutdown:  # garbage collection has just freed the executor here
                    self._wake_all()
            wakeup.acquire()

    def _take(self) -> Sequence[Task]:
        """Move a task from the queue to this worker. See the invariant at the top."""
        tasks = self._in_progress[threading.get_ident()] = [self._tasks[0]]
        self._tasks.popleft()
        return tasks

    def _start(self, tasks: Sequence[Task]) -> Interpreter | None:
        try:
            interpreter = Interpreter(share=self._share, **self._options)
        except BaseException as error:
            self._break("no interpreter could start: %s" % error, error, tasks)
            return None
        self._interpreters[threading.get_ident()] = interpreter
        for name in self._preload or ():
            failure = outcome_of(call_of(import_module, (name,), {}, frozenset()), interpreter).error
            if failure is not None:
                self._end_in_failure(interpreter, "preload: importing %s failed" % name, failure, tasks)
                return None
        return interpreter

    def _initialize(self, interpreter: Interpreter, tasks: Sequence[Task]) -> bool:
        failure = outcome_of(self._initializer, interpreter).error if self._initializer else None
        if failure is None:
            return True
        if not isinstance(failure, KeyboardInterrupt):  # the user has pressed Ctrl-C, and knows
            _logger.critical("Exception in initializer:", exc_info=failure)
        self._end_in_failure(interpreter, "the initializer failed", failure, tasks)
        return False

    def _end_in_failure(
        self, interpreter: Interpreter, what: str, failure: BaseException, tasks: Sequence[Task]
    ) -> None:
        with self._lock:
            del self._interpreters[threading.get_ident()]
        interpreter.close()
        self._break("%s: %r" % (what, failure), failure, tasks)

    def _break(self, why: str, cause: BaseException, taken: Sequence[Task]) -> None:
        with self._lock:
            self._broken, self._cause = why, cause
        self._fail([*self._clear(), *taken])
        self._wake_all()

    def _fail(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            if begin_future(task.future):
                end_future(task.future, None, self._error())

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    @property
    def queue_length(self) -> int:
        """How many tasks no worker has taken."""
        return len(self._tasks)

    def _error(self) -> BrokenInterpreterPool:
        with self._lock:
            error = BrokenInterpreterPool("the pool is broken: %s" % self._broken)
            error.__cause__ = self._cause
        return error

    def _clear(self) -> Sequence[Task]:
        """Remove and return all queued tasks, whose futures the caller ends."""
        with self._lock:
            tasks, self._tasks = self._tasks, deque()
        return tasks

    def _wake(self) -> bool:
        """Wake a waiting worker. False if there is none. The lock is held.

        Ctrl-C may come after each step, so the worker is woken before that is noted. The worker removes its entry.
        """
        for wakeup in reversed(list(self._waiting)):
            if not self._waiting[wakeup]:
                try:
                    wakeup.release()
                except RuntimeError:  # it was woken, and Ctrl-C came before that was noted
                    self._waiting[wakeup] = True
                    continue
                self._waiting[wakeup] = True
                return True
        return False

    def _wake_all(self) -> None:
        with self._lock:
            while self._wake():
                pass

    def shutdown(self) -> None:
        """Take no more tasks. The workers end when the queue is empty."""
        with self._lock:
            self.is_shutdown = True
            self._wake_all()

    def cancel(self) -> None:
        """Cancel all queued tasks."""
        for task in self._clear():
            task.cancel()

    def stop(self) -> None:
        """Cancel all tasks that have not begun, and interrupt those that run; not tasks that are put meanwhile."""
        with self._lock:
            taken = self._interrupted = self._in_progress.copy()
            queued = self._clear()
        for task in queued:
            task.cancel()
        for tasks in taken.values():
            for task in tasks:
                task.future.cancel()  # its worker notifies those who wait for several
        self._interrupt(taken)

    def _interrupt(self, taken: Mapping[int, Sequence[Task]]) -> None:
        """Interrupt these tasks, by their thread identifiers, if they still run.

        The lock keeps their workers from taking others meanwhile, which the interrupt would hit. This does not wait. An
        interrupt has no effect if it comes just before the request.
        """
        with self._lock:
            for thread, tasks in taken.items():
                interpreter = self._interpreters.get(thread)
                if interpreter is not None and self._in_progress.get(thread) is tasks:
                    library.ungil_interp_interrupt(interpreter.handle)

    def join(self) -> None:
        """Wait for the workers. Ctrl-C stops them, waits for INTERRUPT_TIMEOUT at most, and is raised.

        Raises RuntimeError in a worker, which runs the callbacks of futures.
        """
        if threading.current_thread() in self.workers:
            raise RuntimeError("cannot join current thread")
        try:
            self._wait()
        except BaseException:
            self.stop_and_join()
            raise

    def _wait(self) -> None:
        deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for worker in self.workers:
            while not worker.finished.wait(POLL_INTERVAL):
                if self._is_abandoned:
                    return
                if _is_exiting and self._ignores_interrupt(worker) and time.monotonic() > deadline:
                    break
                check_asyncio()
            else:
                worker.join()  # the thread of the system is about to end
        if self._initializer is not None:
            self._initializer.drop()

    def _ignores_interrupt(self, worker: Worker) -> bool:
        """Whether the worker still runs what an earlier Ctrl-C was to end."""
        thread = worker.ident or 0
        interrupted = self._interrupted.get(thread)
        return interrupted is not None and self._in_progress.get(thread) is interrupted

    def stop_and_join(self, deadline: float | None = None) -> None:
        """Stop the tasks, and wait for the workers, but not for longer than INTERRUPT_TIMEOUT: then abandon them."""
        if self._is_abandoned:
            return
        self.stop()
        if deadline is None:
            deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for worker in self.workers:
            while not worker.finished.wait(POLL_INTERVAL):
                if time.monotonic() > deadline:
                    self._abandon()
                    return
                self._interrupt(self._in_progress.copy())  # again: the first may have come just before a request

    def _abandon(self) -> None:
        """Leave the workers behind. Nobody waits for their tasks any more: the futures of these end."""
        self._is_abandoned = True
        tasks = [task for tasks in self._in_progress.copy().values() for task in tasks]
        self._break("it was left behind, because tasks went on after Ctrl-C", KeyboardInterrupt(), tasks)

    def after_fork_in_child(self) -> None:
        """Break the pool: the workers are the parent's."""
        self._lock, self._broken = threading.RLock(), "the process forked, and its workers are the parent's"
        tasks = [task for tasks in [*self._in_progress.values(), self._clear()] for task in tasks]
        self.workers, self._waiting, self._interpreters, self._in_progress = [], {}, {}, {}
        for task in tasks:
            reset_future(task.future, Condition())
        self._fail(tasks)


# All pools. Each access is one operation of a set in C; those of a WeakSet are several.
_pools: set[ref[Pool]] = set()
_is_exiting = False


def _all_pools() -> list[Pool]:
    return [pool for pool in (reference() for reference in _pools.copy()) if pool is not None]


def _at_exit() -> None:
    """Complete all tasks before the process exits, as with the standard library's pools."""
    global _is_exiting
    _is_exiting = True
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
os.register_at_fork(after_in_child=_after_fork_in_child)
