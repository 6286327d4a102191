"""The workers of an executor: threads, each with an interpreter, that take tasks from one queue."""

from __future__ import annotations

import _thread
import atexit
import logging
import os
import threading
import time
from collections import deque
from concurrent.futures import CancelledError, Future, InvalidStateError
from concurrent.futures.thread import BrokenThreadPool
from typing import Any, Callable, Mapping, NamedTuple, Sequence
from weakref import ref

from .._native import recursion
from .._native.interruptible import Condition, Latch, take
from .._native.library import library
from ._calls import Call, together
from ._pace import Pace
from ._requests import Outcome
from .interpreter import Interpreter

GRACE = 1.0  # seconds for what was interrupted: code in C does not notice

_OVER = ("FINISHED", "CANCELLED_AND_NOTIFIED")  # a future that nobody waits for

_logger = logging.getLogger("concurrent.futures")


class BrokenInterpreterPool(BrokenThreadPool):
    """A pool that is of no use any more: its initializer failed, no interpreter could start, or the process forked."""


class Task(NamedTuple):
    """A call, and who waits for it."""

    call: Call
    future: Future[Any]

    def cancel(self) -> None:
        future = self.future
        if future.cancel():
            self.begin()  # who waits for several futures is told by this only
        elif future.running():  # which its owner said: nobody else would end it
            _end_future(future, None, CancelledError())

    def begin(self) -> bool:
        """Whether somebody waits for the result; says that it is being made. The owner may have said so, or have ended
        the future, himself: it keeps what it was given."""
        future = self.future
        with future._condition:
            if future._state == "RUNNING":
                return True
            return future._state not in _OVER and future.set_running_or_notify_cancel()


class Worker(threading.Thread):
    """A thread that says itself when its work is over.

    Thread.join takes a running thread for ended when a signal interrupts it: CPython 3.9 to 3.12, python/cpython#90882.
    """

    def __init__(self, work: Callable[[], None], name: str) -> None:
        super().__init__(name=name, daemon=True)
        self._works = [work]
        self.over = Latch()
        self.recursion_limit = recursion.limit()  # of the interpreter that is made in this thread

    def start(self) -> None:
        try:
            recursion.start(super().start, recursion.stack_for(self.recursion_limit))
        except RuntimeError:  # there is not so much memory for a stack
            self.recursion_limit = recursion.USUAL
            super().start()

    def run(self) -> None:
        work = take(self._works)
        if work is None:
            return
        try:
            work()
        finally:
            self.over.open()

    def gives_up(self) -> bool:
        """Where `start` failed or was interrupted: whether it has not begun, and never will."""
        return take(self._works) is not None


class Pool:
    """What the workers and the executor share. Workers do not know the executor, so it can end while they wait."""

    def __init__(self, most: int, name: str, share: Mapping[str, Any], initializer: Call | None) -> None:
        self._most, self._name, self._share, self._initializer = most, name, share, initializer
        self.own_names = frozenset(share)
        self._lock = threading.RLock()  # the end of an executor takes it too, wherever garbage collection finds that
        self._tasks: deque[Task] = deque()
        # A lock of each worker that waits, locked until it is woken, and whether that was done: a worker that is awake
        # has it locked again.
        self._waiting: dict[Any, bool] = {}
        self.workers: list[Worker] = []
        # By their threads' numbers. Each worker sets and removes its own, by one operation of a dict, without the lock
        # where nobody may be hindered by that.
        self._interpreters: dict[int, Interpreter] = {}
        self._taken: dict[int, Sequence[Task]] = {}  # what they have begun, or are about to; set under the lock
        self._broken: str | None = None
        self._cause: BaseException | None = None
        self._is_shut = False
        _pools.add(ref(self, _pools.discard))

    def put(self, task: Task) -> None:
        """Errors: BrokenInterpreterPool; RuntimeError after `shut`, or when the process ends."""
        with self._lock:
            if self._broken:
                raise self._error()
            if self._is_shut:
                raise RuntimeError("cannot schedule new futures after shutdown")
            if _is_ending:
                raise RuntimeError("cannot schedule new futures after interpreter shutdown")
            if not self._wake() and len(self.workers) < self._most:
                self._add_worker()
            self._tasks.append(task)  # last: where that failed or was interrupted, nobody has the task's future

    def _add_worker(self) -> None:
        worker = Worker(self._work, "%s_%d" % (self._name, len(self.workers)))
        try:
            self.workers.append(worker)
            worker.start()
        except BaseException:
            if worker.gives_up():
                self.workers = [other for other in self.workers if other is not worker]
            raise

    def _work(self) -> None:
        """A worker's life. It has a task before it has an interpreter, as workers that need none have it at once."""
        tasks = self._next(1)
        if not tasks:
            return
        interpreter = self._start()
        if interpreter is None:
            self._fail(tasks)
            return
        pace = Pace()
        with interpreter:
            while tasks:
                pace.begin()
                _run(tasks, interpreter)
                pace.end(len(tasks))
                del tasks  # while this waits, nothing is kept
                tasks = self._next(pace.batch)
            with self._lock:  # not while somebody interrupts it
                del self._interpreters[threading.get_ident()]

    def _next(self, most: int) -> Sequence[Task]:
        """The next task, or several at once that go together; none when there will be none."""
        self._taken.pop(threading.get_ident(), None)
        place = None
        while True:
            with self._lock:
                if place:
                    del self._waiting[place]
                if self._tasks:
                    # The last ones go one by one (guided self-scheduling: Polychronopoulos and Kuck 1987).
                    most = min(most, len(self._tasks) // (4 * len(self.workers)))
                    return self._take(most)
                if self._is_shut or self._broken:
                    return ()
                place = _thread.allocate_lock()
                place.acquire()
                self._waiting[place] = False
                if self._is_shut:  # garbage collection found the executor's end here
                    self._wake_all()
            place.acquire()

    def _take(self, most: int) -> Sequence[Task]:
        """Each of them is always in one of two places, or both: a fork may come at any time."""
        tasks = self._taken[threading.get_ident()] = [self._tasks[0]]
        self._tasks.popleft()
        while len(tasks) < most and tasks[0].call.goes_with(self._tasks[0].call):
            tasks.append(self._tasks[0])
            self._tasks.popleft()
        return tasks

    def _start(self) -> Interpreter | None:
        try:
            interpreter = Interpreter(share=self._share)
        except BaseException as error:
            self._break("no interpreter could start: %s" % error, error)
            return None
        thread = threading.get_ident()
        self._interpreters[thread] = interpreter
        failure = _outcome(self._initializer, interpreter).error if self._initializer else None
        if failure is None:
            return interpreter
        with self._lock:
            del self._interpreters[thread]
        interpreter.close()
        if not isinstance(failure, KeyboardInterrupt):  # which whoever pressed Ctrl-C knows of
            _logger.critical("Exception in initializer:", exc_info=failure)
        self._break("the initializer failed: %r" % failure, failure)
        return None

    def _break(self, why: str, cause: BaseException) -> None:
        with self._lock:
            self._broken, self._cause = why, cause
        self._fail(self._clear())
        self._wake_all()

    def _fail(self, tasks: Sequence[Task]) -> None:
        for task in tasks:
            if task.begin():
                _end_future(task.future, None, self._error())

    @property
    def is_broken(self) -> bool:
        return self._broken is not None

    def _error(self) -> BrokenInterpreterPool:
        with self._lock:
            error = BrokenInterpreterPool("the pool is broken: %s" % self._broken)
            error.__cause__ = self._cause
        return error

    def _clear(self) -> Sequence[Task]:
        """Takes away all tasks that nobody has begun."""
        with self._lock:
            tasks, self._tasks = self._tasks, deque()
        return tasks

    def _wake(self) -> bool:
        """Wakes a worker that waits, if there is one. Its place is the worker's to clear: Ctrl-C may come after each
        step here, so it is awake before that is noted. The lock is held."""
        for place in reversed(list(self._waiting)):
            if not self._waiting[place]:
                try:
                    place.release()
                except RuntimeError:  # Ctrl-C came before that was noted
                    self._waiting[place] = True
                    continue
                self._waiting[place] = True
                return True
        return False

    def _wake_all(self) -> None:
        with self._lock:
            while self._wake():
                pass

    def shut(self) -> None:
        """Lets the workers end when they have done what is queued."""
        with self._lock:
            self._is_shut = True
            self._wake_all()

    def cancel(self) -> None:
        """Cancels what is queued."""
        for task in self._clear():
            task.cancel()

    def stop(self) -> None:
        """Cancels what is queued or not begun, and interrupts what runs. What is put meanwhile is let be."""
        with self._lock:
            taken = self._taken.copy()
            queued = self._clear()
        for task in queued:
            task.cancel()
        for tasks in taken.values():
            for task in tasks:
                task.future.cancel()  # its worker tells those who wait for several
        self._interrupt(taken)

    def _interrupt(self, taken: Mapping[int, Sequence[Task]]) -> None:
        """Interrupts these tasks, by their threads' numbers, where they still run.

        No worker takes others meanwhile, which the interrupt would hit. It does not wait, and may come just before the
        request: then it is for nothing.
        """
        with self._lock:
            for thread, tasks in taken.items():
                interpreter = self._interpreters.get(thread)
                if interpreter is not None and self._taken.get(thread) is tasks:
                    library.ungil_interp_interrupt(interpreter.handle)

    def join(self) -> None:
        """Waits for the workers. Ctrl-C stops them, and is raised; it waits no longer than GRACE for them then.

        Errors: RuntimeError in a worker, where a future's callback asks for it.
        """
        if threading.current_thread() in self.workers:
            raise RuntimeError("cannot join current thread")
        try:
            self._wait()
        except BaseException:
            self.stop_and_join()
            raise

    def _wait(self) -> None:
        for worker in self.workers:
            worker.over.wait()
            worker.join()  # the system's thread, which is about to end

    def stop_and_join(self) -> None:
        self.stop()
        deadline = time.monotonic() + GRACE
        for worker in self.workers:
            while not worker.over.look() and time.monotonic() < deadline:
                self._interrupt(self._taken.copy())  # again: the first one may have come just before a request

    def lose(self) -> None:
        """In the child of a fork: the workers are the parent's."""
        self._lock, self._broken = threading.RLock(), "the process forked, and its workers are the parent's"
        tasks = [task for tasks in [*self._taken.values(), self._clear()] for task in tasks]
        self.workers, self._waiting, self._interpreters, self._taken = [], {}, {}, {}
        for task in tasks:
            task.future._condition = Condition()  # another thread may have had it
            task.future._done_callbacks.clear()  # type: ignore[attr-defined] # they are the parent's
        self._fail(tasks)


def _run(tasks: Sequence[Task], interpreter: Interpreter) -> None:
    tasks = [task for task in tasks if task.begin()]
    if not tasks:
        return
    call = tasks[0].call
    is_map = call.is_map
    result, error = _outcome(together([task.call for task in tasks]) if is_map else call, interpreter)
    for task in tasks:
        task.call.forget()
    for i, task in enumerate(tasks):
        _end_future(task.future, result[i] if is_map and error is None else result, error)


def _outcome(call: Call, interpreter: Interpreter) -> Outcome:
    try:
        return interpreter.outcome(call)
    except BaseException as unexpected:  # whoever waits must hear of it
        return Outcome(None, unexpected)


def _end_future(future: Future[Any], result: Any, error: BaseException | None) -> None:
    """Where a callback fails, or the owner has ended the future himself, the worker goes on."""
    if future._state in _OVER:
        return
    try:
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
    except InvalidStateError:  # the owner was faster
        pass
    except BaseException as failure:
        _logger.critical("Exception at the end of %r:", future, exc_info=failure)


# What adds to it, copies it, or finds a pool dead is one operation of a set in C: a WeakSet takes several.
_pools: set[ref[Pool]] = set()
_is_ending = False


def _all_pools() -> list[Pool]:
    return [pool for pool in (reference() for reference in _pools.copy()) if pool is not None]


def _end() -> None:
    """Before the process ends, what was begun or queued is done, as with the standard library's pools."""
    global _is_ending
    _is_ending = True
    pools = _all_pools()
    for pool in pools:
        pool.shut()
    try:
        for pool in pools:
            pool.join()
    except KeyboardInterrupt:
        for pool in pools:
            pool.stop_and_join()


def _lose_all() -> None:
    for pool in _all_pools():
        pool.lose()


# Threads that are asked for at exit must still be there: Python 3.9 and later have a hook that comes before.
getattr(threading, "_register_atexit", atexit.register)(_end)
os.register_at_fork(after_in_child=_lose_all)
