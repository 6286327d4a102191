"""The chunks of a `map`: several calls in one request, as a request costs as much as many short calls.

How many is chosen by the time that those before have taken. So only a few chunks are submitted for each worker, and
another one whenever one is completed. Whatever is submitted to the pool later runs later: before that, and before the
pool is shut down, all calls that wait are submitted.
"""

from __future__ import annotations

import functools
import sys
import threading
import weakref
from collections import deque
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from typing import Any, Callable, NamedTuple

from .._native.forks import register_at_fork
from .._native.interruptible import ends_by_interrupt
from .._private_apis import register_atexit
from ._calls import Arguments, Function, arguments_of, map_of, seeded_map_of
from ._pickling import Message
from ._pool import BrokenInterpreterPool, Pool
from ._seeds import Seeds

SECONDS = 0.002
"""What a chunk is to take: many times what a request costs, and too little for anybody to wait for."""

LARGEST = 128  # calls: a request costs less than a microsecond for each then
LARGEST_IF_UNKNOWN = 16
BYTES = 1 << 18  # of arguments
PER_WORKER = 4  # chunks that are submitted, so that a worker has another one while the program is busy


class Submitter(NamedTuple):
    """How an executor submits: submit(pickled, *content) is its future of a call, which is pickled(*content, names).

    seeds: if each call is to have one, as its first argument.
    """

    pool: Pool
    submit: Callable[..., Future[Any]]
    workers: int
    seeds: Seeds | None


class Chunks:
    """The calls of one map, and their futures.

    parts: lists of the arguments of calls. Each is one call if the sizes of chunks are to be chosen, else one chunk.

    The lock keeps chunks in order. The pool's own lock is taken while it is held, and never the other way round. An
    exception such as Ctrl-C in the code that holds it cancels the map, so no call is lost without an error.
    """

    def __init__(
        self,
        submitter: Submitter,
        function: Function,
        parts: Iterator[list[Any]],
        is_guided: bool,
        buffersize: int | None,
    ) -> None:
        self.pool, self._submit_call, self._workers, seeds = submitter
        self._map_of = map_of if seeds is None else seeded_map_of
        self.is_guided = is_guided
        self.error: BaseException | None = None  # what comes after the last result
        self._function, self._parts, self._names = function, parts, self.pool.shared_names
        self.is_read_ahead = buffersize is not None  # only so far; else to the end
        self._largest = LARGEST if buffersize is None else max(1, min(LARGEST, buffersize // (2 * self._workers)))
        self._waiting: deque[Arguments | Exception] = deque()
        self._submitted: deque[Future[Any]] = deque()  # in order
        self._is_read = False
        self._under_way = 0
        self._size, self._is_measured = 1, False  # of the next chunk
        self._lock = threading.RLock()
        self._is_submitting = self._is_cancelled = False

    def read_all(self) -> int:
        """Read the iterables to their end, and return how many calls there are. Raises what they and `put` raise."""
        count = 0
        try:
            for part in self._parts:
                if self.error is not None:
                    break
                count += len(part)
                self._add(part)
                if self._is_due():  # else one that is completed will submit it
                    self._submit()
        finally:
            self._is_read = True
            self._submit()
        if self.error is not None:
            raise self.error
        return count

    def read(self, count: int) -> None:
        """Read so many parts. An exception comes after the results of those before."""
        while count and not self._is_read:
            try:
                part = next(self._parts, None)
            except Exception as error:
                self.error, part = _without_first_frame(error), None
            if part is None:
                self._is_read = True
            else:
                self._add(part)
            count -= 1
            if self._is_due():
                self._submit()

    def _add(self, part: list[Any]) -> None:
        self._waiting.append(_arguments_or_error(part, self._names))
        _unfinished.add(self)

    def _submit(self, least: float = 0) -> None:
        """Submit chunks, at least so many of them."""
        with self._lock:
            if self._is_submitting:  # by this thread, whose loop goes on
                return
            self._is_submitting = True
            try:
                while self._waiting and (least > 0 or self._is_due()):
                    self._submit_chunk(self._next_size(least > 1))
                    least -= 1
            except Exception as error:  # of `put`
                self.error = error.with_traceback(None)
                self._waiting.clear()
                self._is_read = True
            except BaseException:
                self.cancel()
                raise
            finally:
                self._is_submitting = False
            if not self._waiting:
                _unfinished.discard(self)
                if self._waiting:  # another thread has just read more
                    _unfinished.add(self)

    def _is_due(self) -> bool:
        """Whether to submit a chunk, if calls wait. One of those that are read ahead is to be full if others run."""
        if not self.is_guided:
            return True
        if self._under_way >= PER_WORKER * self._workers:
            return False
        is_full = not self.is_read_ahead or len(self._waiting) >= self._size
        return is_full or self._is_read or not self._under_way

    def _next_size(self, is_last_chance: bool) -> int:
        """How many parts the next chunk has: fewer near the end, so that all workers have some then."""
        if not self.is_guided:
            return 1
        if is_last_chance and not self._is_measured:
            return max(1, min(LARGEST_IF_UNKNOWN, len(self._waiting) // (8 * self._workers)))
        if self.is_read_ahead and not self._is_read:
            return min(self._size, len(self._waiting))
        # Guided self-scheduling: Polychronopoulos and Kuck 1987.
        return max(1, min(self._size, len(self._waiting) // (2 * self._workers)))

    def _submit_chunk(self, size: int) -> None:
        parts = self._take(size)
        if isinstance(parts, Exception):
            future: Future[Any] = Future()
            future.set_exception(parts)
            self._submitted.append(future)
            return
        future = self._submit_call(self._map_of, self._function, parts)
        self._submitted.append(future)
        if self.is_guided:
            self._under_way += 1
            future.add_done_callback(functools.partial(_completed, weakref.ref(self), len(parts)))

    def _take(self, size: int) -> list[Arguments] | Exception:
        first = self._waiting.popleft()
        if isinstance(first, Exception):
            return first
        parts = [first]
        left = BYTES - _bytes_of(first) if size > 1 else 0
        while len(parts) < size and self._waiting:
            part = self._waiting[0]
            if isinstance(part, Exception):
                break
            left -= _bytes_of(part)
            if left < 0:
                break
            parts.append(part)
            self._waiting.popleft()
        return parts

    def completed(self, count: int, future: Future[Any]) -> None:
        """Note what a chunk has cost, and submit more."""
        with self._lock:
            self._under_way -= 1
            if future.cancelled():
                self.cancel()
            elif future.exception() is None:
                cost = future.result()[2]
                self._size = max(1, min(self._largest, 2 * self._size, int(count * SECONDS / cost)))
                self._is_measured = True
            self._submit()

    def has_next(self) -> bool:
        """Whether a chunk is left."""
        if not self._submitted:
            self._submit(1)
        return bool(self._submitted)

    def next(self, timeout: float | None) -> tuple[list[Any], Any]:
        """The results of the next chunk, and the failure that ended them or None. Raises what the future raises."""
        results, failure, _ = self._submitted[0].result(timeout)
        self._submitted.popleft()
        return results, failure

    def submit_all(self) -> None:
        """Submit all that waits."""
        self._submit(sys.maxsize)

    def cancel(self) -> None:
        """Submit no more, and cancel what has not begun."""
        with self._lock:
            if self._is_cancelled:  # each future that is cancelled calls this
                return
            self._is_cancelled = True
            self._waiting.clear()
            self.error = self.error or CancelledError()
            self._is_read = True
            for future in list(self._submitted):
                future.cancel()
            _unfinished.discard(self)

    def after_fork_in_child(self) -> None:
        self._lock = threading.RLock()
        self._waiting.clear()
        self._is_read = True
        self.error = BrokenInterpreterPool("the process forked, and the pool's workers are the parent's")


def _completed(chunks: weakref.ref[Chunks], count: int, future: Future[Any]) -> None:
    """The futures do not keep the chunks, which have them. As long as calls wait, `_unfinished` does."""
    known = chunks()
    if known is not None:
        known.completed(count, future)


# Memory must not be part of a reference cycle. So exceptions that chunks keep have no frames that have the chunks.


def _arguments_or_error(part: list[Any], names: frozenset[str]) -> Arguments | Exception:
    try:
        return arguments_of(part, names)
    except Exception as error:  # it comes in the place of the results
        return error


def _without_first_frame(error: Exception) -> Exception:
    trace = error.__traceback__
    return error.with_traceback(None if trace is None else trace.tb_next)


def _bytes_of(part: Arguments) -> int:
    if isinstance(part, Message):
        return len(part.data) + sum(buffer.view.nbytes for buffer in part.buffers)
    return sum(map(sys.getsizeof, part[0]))


_unfinished: set[Chunks] = set()  # those that may have calls that wait; each access is one operation in C


def submit_all(pool: Pool | None = None) -> None:
    """Submit all calls of maps in this pool, or in all, that wait."""
    for chunks in _unfinished.copy():
        if pool is None or chunks.pool is pool:
            chunks.submit_all()


def submit_earlier(pool: Pool) -> None:
    """Submit all that is to run before what is submitted now; not what was only read ahead."""
    for chunks in _unfinished.copy():
        if chunks.pool is pool and not chunks.is_read_ahead:
            chunks.submit_all()


def cancel_all(pool: Pool | None = None) -> None:
    """Cancel the maps in this pool, or in all."""
    for chunks in _unfinished.copy():
        if pool is None or chunks.pool is pool:
            chunks.cancel()


def _at_exit() -> None:
    cancel_all() if ends_by_interrupt() else submit_all()


def _after_fork_in_child() -> None:
    while _unfinished:
        _unfinished.pop().after_fork_in_child()


register_atexit(_at_exit)  # after that of `_pool`, which is called later
register_at_fork(after_in_child=_after_fork_in_child)
