"""A pool of interpreters, as an executor: `concurrent.futures` for Python code on all cores of one process."""

from __future__ import annotations

import itertools
import operator
import sys
import time
from collections import deque
from concurrent.futures import Executor, Future, TimeoutError
from threading import TIMEOUT_MAX
from types import TracebackType
from typing import Any, Callable, Iterable, Iterator, Mapping, TypeVar

from .._native.interruptible import POLL_INTERVAL, Condition, Latch, in_main_thread
from .._native.library import library
from .._native.locks import Numbers
from .._native.scalars import as_seconds
from . import _streams
from ._calls import Call, call_of, function_of, map_of
from ._pool import BrokenInterpreterPool, Pool, Task
from ._requests import exception_of
from .interpreter import require, shared

Result = TypeVar("Result")


class _Future(Future):  # type: ignore[type-arg]
    """A future that stops its pool when the main thread waits for it and Ctrl-C comes."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self._condition = Condition()
        self._pool = pool
        self._over: Latch | None = None

    def result(self, timeout: float | None = None) -> Any:
        timeout = _at_most(timeout)
        self._wait_in_main_thread(timeout)
        try:
            return super().result(timeout)
        finally:
            del self  # an exception's traceback holds this frame

    def exception(self, timeout: float | None = None) -> BaseException | None:
        timeout = _at_most(timeout)
        self._wait_in_main_thread(timeout)
        try:
            return super().exception(timeout)
        finally:
            del self  # an exception's traceback holds this frame

    def _wait_in_main_thread(self, timeout: float | None) -> None:
        if self._state not in _UNDER_WAY or not in_main_thread():
            return
        try:
            self._wait_until(None if timeout is None else time.monotonic() + timeout)
        except KeyboardInterrupt:
            self._pool.stop()
            raise

    def _wait_until(self, end: float | None) -> None:
        """In short pieces: see POLL_INTERVAL. The latch opens after callbacks that came first, which may take long."""
        while self._state in _UNDER_WAY:
            left = POLL_INTERVAL if end is None else min(POLL_INTERVAL, end - time.monotonic())
            if left < 0:
                raise TimeoutError
            self._latch().look(left)

    def _latch(self) -> Latch:
        if self._over is None:
            over = self._over = Latch()
            self.add_done_callback(lambda _: over.open())
        return self._over


def _at_most(timeout: float | None) -> float | None:
    """The timeout, not longer than locks can wait."""
    return None if timeout is None else min(as_seconds("timeout", timeout), TIMEOUT_MAX)


_UNDER_WAY = ("PENDING", "RUNNING")


class InterpreterPoolExecutor(Executor):
    """Runs Python code in isolated interpreters of this process, on all cores.

    >>> with ungil.InterpreterPoolExecutor() as pool:
    ...     list(pool.map(lambda n: sum(range(n)), [10, 20, 30]))
    [45, 190, 435]

    It has the interface of the class of that name in Python 3.14. Tasks may be any functions, lambdas and those of
    `__main__` included, and may use any packages. Arguments and results are pickled; numpy arrays in them, and what
    `ungil.share` gives, go without a copy, and are read-only on the other side.

    max_workers: how many interpreters there may be; `ungil.num_threads()`, if it is None. They start when needed.
    They may recurse as deep as `sys.setrecursionlimit` allows the program at that time; see `ungil.Interpreter`.
    thread_name_prefix: of the names of their threads.
    initializer, initargs: a function that is called in each interpreter first. What it makes of globals of `__main__`
    is there for tasks, until the program itself changes these globals.
    share: memory, by the names that each interpreter's `__main__` is to have for it; see `ungil.share`.

    Errors: UnsupportedError, where there can be no interpreters; ValueError, TypeError for wrong arguments.
    Ctrl-C, while the main thread waits for a future, or in the `with` block or its end: what is queued is cancelled,
    what runs is interrupted, and KeyboardInterrupt goes on.
    Cost: a new interpreter takes 20 to 60 ms and some 15 MB, which the process keeps for later pools; a task, 50 to
    100 us.
    A crash in C code ends the process; `concurrent.futures.ProcessPoolExecutor` is for code that crashes.
    """

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        share: Mapping[str, Any] | None = None,
    ) -> None:
        require()
        if max_workers is None:
            max_workers = library.ungil_num_threads()
        max_workers = operator.index(max_workers)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        share = shared(share or {})
        first = None if initializer is None else call_of(initializer, initargs, {}, frozenset(share))
        name = thread_name_prefix or "InterpreterPoolExecutor-%d" % _numbers.take()
        self._max_workers: int = max_workers
        self._pool = Pool(max_workers, name, share, first)

    def submit(self, fn: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Future[Result]:
        """A future for fn(*args, **kwargs), which is pickled now.

        Errors: BrokenInterpreterPool; RuntimeError after `shutdown`. What does not pickle fails the future.
        """
        return self._submit(call_of, fn, args, kwargs)

    def _submit(self, pickled: Callable[..., Call], *content: Any) -> Future[Any]:
        pool = self._pool
        future = _Future(pool)
        try:
            call = pickled(*content, pool.own_names)
        except Exception as error:
            future.set_exception(error)
        else:
            _streams.flush()
            pool.put(Task(call, future))
        return future

    def map(
        self,
        fn: Callable[..., Result],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> Iterator[Result]:
        """The results of fn for the elements of the iterables, in their order. fn is pickled once.

        timeout: seconds from now, after which the iterator raises TimeoutError.
        chunksize: how many calls make one task.
        buffersize: how many tasks may wait for their results to be taken; None for all, and iterables are read at once.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        if buffersize is not None and not isinstance(buffersize, int):
            raise TypeError("buffersize must be an integer or None")
        if buffersize is not None and buffersize < 1:
            raise ValueError("buffersize must be None or > 0")
        deadline = None if timeout is None else time.monotonic() + as_seconds("timeout", timeout)
        chunksize = min(chunksize, sys.maxsize)
        futures = self._submit_chunks(fn, zip(*iterables), chunksize)
        pending = deque(futures if buffersize is None else itertools.islice(futures, min(buffersize, sys.maxsize)))
        return _results(pending, futures, deadline)

    def _submit_chunks(
        self, fn: Callable[..., Any], calls: Iterator[tuple[Any, ...]], size: int
    ) -> Iterator[Future[Any]]:
        function = function_of(fn, self._pool.own_names)
        while True:
            chunk = list(itertools.islice(calls, size))
            if not chunk:
                return
            yield self._submit(map_of, function, chunk)

    @property
    def _broken(self) -> bool:
        """As the standard library's executors have it."""
        return self._pool.is_broken

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Takes no more tasks; those that are queued are done, or cancelled, and waited for, as asked."""
        self._pool.shut()
        if cancel_futures:
            self._pool.cancel()
        if wait:
            self._pool.join()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if isinstance(error, KeyboardInterrupt):
            self._pool.shut()
            self._pool.stop_and_join()
        else:
            self.shutdown()
        return None

    def __del__(self) -> None:
        if hasattr(self, "_pool"):
            self._pool.shut()


_numbers = Numbers(0)


def _results(pending: deque[Future[Any]], more: Iterator[Future[Any]], deadline: float | None) -> Iterator[Any]:
    """The results of chunks, in order. When nobody wants more of them, what is queued is cancelled."""
    try:
        while pending:
            left = None if deadline is None else deadline - time.monotonic()
            results, failure = pending[0].result(left)
            pending.popleft()
            pending.extend(itertools.islice(more, 1))
            yield from _taken(results)
            if failure is not None:
                raise exception_of(failure)
    finally:
        for future in pending:
            future.cancel()


def _taken(results: list[Any]) -> Iterator[Any]:
    """The elements, none of which the list keeps when it was given."""
    results.reverse()
    while results:
        yield results.pop()


__all__ = ["BrokenInterpreterPool", "InterpreterPoolExecutor"]
