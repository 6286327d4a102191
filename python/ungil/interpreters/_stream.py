"""Streams: the items of a generator that runs in an interpreter of its own.

It is not one of the pool's interpreters, as tasks are to go on while a generator waits for its items to be taken: the
program may wait for tasks that have these items. A stream has a thread, which is in the generator's call from its
beginning to its end. It keeps nothing of the iterator that the program has, so that can be freed, which closes the
stream.
"""

from __future__ import annotations

import operator
import os
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import GeneratorType, TracebackType
from typing import Any, Callable, NamedTuple, SupportsIndex

from .._native.forks import register_at_fork
from .._native.interruptible import (
    INTERRUPT_TIMEOUT,
    POLL_INTERVAL,
    Latch,
    Pace,
    check_asyncio,
    ends_by_interrupt,
    take,
)
from .._native.locks import Numbers
from ..errors import Error
from ..exchange.queues import Queue, ShutDown
from . import _exit_order, _generators, _seeding, _streams
from ._calls import Call, call_of
from ._pool import BrokenInterpreterPool, Pool, outcome_of
from ._preload import import_module
from ._requests import Outcome, exception_of
from ._threads import Worker
from .interpreter import Interpreter

_FORKED = "the process forked, and the interpreter of this stream is the parent's"


class Setup(NamedTuple):
    """What the interpreters of a pool have, by the names of the executor's parameters."""

    share: Mapping[str, Any]
    options: Mapping[str, Any]
    preload: Sequence[str]
    initializer: Call | None
    stack_size: int
    name: str
    redirects: bool  # `redirect_output`
    seed: str | None  # for `_seeding`, of this interpreter

    def with_seed(self, seed: str) -> Setup:
        return self._replace(seed=seed)

    def worker(self, work: Callable[[], None], name: str) -> Worker:
        """The thread for an interpreter."""
        return Worker(work, name, self.stack_size, self.redirects)

    def start(self, note: Callable[[Interpreter], object] | None = None) -> Interpreter:
        """Start an interpreter. note: called with it before `preload` and the initializer, which may take long."""
        interpreter = Interpreter(share=self.share, **self.options)
        try:
            if note is not None:
                note(interpreter)
            for name in self.preload:
                outcome_of(call_of(import_module, (name,), {}, frozenset()), interpreter).get()
            if self.initializer is not None:
                outcome_of(self.initializer, interpreter).get()
            if self.seed is not None:
                outcome_of(call_of(_seeding.begin, (self.seed,), {}, frozenset()), interpreter).get()
        except BaseException as error:
            interpreter.close()
            raise BrokenInterpreterPool("an interpreter could not be prepared: %r" % error) from error
        return interpreter


class _Producer:
    """What the iterator and the thread of a stream share.

    The queue is shut down at the end of the generator's run; at once, with the items in it, to close the stream.
    """

    def __init__(self, pool: Pool, setup: Setup, queue: Queue, call: Call) -> None:
        self.pool, self.queue = pool, queue
        self._setup, self._call = setup, call
        self._interpreter: Interpreter | None = None
        self.outcome = Outcome(None)  # of the run, when that has ended
        self._is_closed = False
        self._pace = Pace()  # of interrupts
        self.was_shut_down = False  # with the pool
        self.process = os.getpid()
        self.finished: Latch | None = None  # of the thread

    def start(self) -> None:
        # The worker refers to this object, and not the other way round: the call's memory must not be part of a
        # reference cycle.
        worker = self._setup.worker(self._work, "%s_stream_%d" % (self._setup.name, _numbers.take()))
        self.finished = worker.finished
        _producers.add(self)
        try:
            worker.start()
        except BaseException:
            self.close()
            if worker.abandon():
                _producers.discard(self)
            raise

    def _work(self) -> None:
        try:
            with self._setup.start() as interpreter:
                self._interpreter = interpreter
                if not self._is_closed:
                    self.outcome = outcome_of(self._call, interpreter)
                self._interpreter = None
        except BaseException as error:
            self.outcome = Outcome(None, error)
        finally:
            self._call.drop()
            self.queue.shutdown()
            _producers.discard(self)

    def close(self) -> None:
        """Have the generator closed when it comes to its next item. This does not wait."""
        self._is_closed = True
        try:
            self.queue.shutdown(immediate=True)
        except Error:  # of the child of a fork
            pass

    def interrupt(self) -> None:
        """Interrupt the run, unless that was just now: what it does in `finally` takes time."""
        interpreter = self._interpreter
        if interpreter is not None and self._pace.is_due():
            self._pace.note()
            try:
                interpreter.interrupt()
            except (Error, ValueError):  # it has just been closed
                pass

    def wait(self) -> None:
        """Wait until the run has ended, and the interpreter can be used again. Ctrl-C interrupts the run."""
        try:
            self.join(None)
        except BaseException:
            self.close()
            self.interrupt()
            self.join(time.monotonic() + INTERRUPT_TIMEOUT)
            raise

    def join(self, deadline: float | None) -> None:
        """Wait for the end of the thread, until the deadline."""
        finished = self.finished
        while finished is not None and not finished.wait(POLL_INTERVAL):
            if deadline is not None and time.monotonic() > deadline:
                return
            check_asyncio()


class Stream(Iterator[Any]):
    """The items of `InterpreterPoolExecutor.stream`. At the end of a `with` block, it is closed."""

    def __init__(self, producer: _Producer, is_in_step: bool) -> None:
        self._producer, self._is_in_step = producer, is_in_step
        self._items: deque[Any] = deque()  # that `wait` has got
        self._is_over = False
        self._errors: list[BaseException] = []  # after the last item; the thread that takes it raises it

    def __next__(self) -> Any:
        while not self.is_over:
            try:
                return self._items.popleft() if self._items else self._get()
            except IndexError:  # another thread was faster
                pass
            except ShutDown:
                self._end()
        error = take(self._errors)
        if error is None:
            raise StopIteration
        try:
            raise error
        finally:
            del error  # its traceback has this frame

    def _get(self) -> Any:
        queue = self._producer.queue
        try:
            item = queue.get()
            if self._is_in_step:
                queue.task_done()
        except Exception:
            raise
        except BaseException:  # Ctrl-C
            self.cancel()
            self._producer.interrupt()
            raise
        return item

    @property
    def is_over(self) -> bool:
        """Whether there are no more items. In the child of a fork, the stream ends with an error."""
        if self._producer.process != os.getpid() and not self._is_over:
            self._is_over = True
            self._errors.append(BrokenInterpreterPool(_FORKED))
        return self._is_over and not self._items

    @property
    def is_ready(self) -> bool:
        """Whether the next item, or the end, is there."""
        return bool(self._items) or self.is_over or not self._producer.queue.empty()

    def wait(self) -> None:
        """Wait for the next item, or the end."""
        if not self.is_over and not self._items:
            try:
                self._items.append(self._get())
            except ShutDown:
                self._end()

    def _end(self) -> None:
        """Note how the generator has ended."""
        producer = self._producer
        if self._is_over:  # also if it was cancelled: then nobody waits for the end
            return
        producer.wait()
        failure, error = producer.outcome
        if failure is not None:
            error = exception_of(failure)
        if error is None and producer.was_shut_down:
            error = RuntimeError("cannot continue a stream after shutdown")
        if error is not None and not self._is_over:
            self._errors.append(error)
        self._is_over = True

    def cancel(self) -> None:
        """Have the generator closed when it comes to its next item. This does not wait for that."""
        self._is_over = True
        self._items.clear()
        self._producer.close()

    def close(self) -> None:
        """Close the generator, as its own `close` does, and wait until that has ended.

        If the generator is busy, it is closed when it comes to its next item. Ctrl-C interrupts it.
        """
        producer, was_over = self._producer, self.is_over
        self.cancel()
        self._errors.clear()
        if was_over:
            return
        producer.wait()
        if producer.outcome.result is not None:
            raise exception_of(producer.outcome.result)

    def __enter__(self) -> Stream:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if hasattr(self, "_producer"):
            self._producer.close()


def stream_of(
    pool: Pool, setup: Setup, source: Any, args: tuple[Any, ...], kwargs: dict[str, Any], buffersize: SupportsIndex
) -> Stream:
    """The executor's `stream`, whose parameters the last ones are."""
    size = operator.index(buffersize)
    if size < 1:
        raise ValueError("buffersize must be > 0")
    if isinstance(source, GeneratorType):
        raise TypeError("a generator cannot be sent: pass the generator function and its arguments, stream(f, *args)")
    if not callable(source):
        if not isinstance(source, Iterable):
            raise TypeError("expected a function or an iterable, not %s" % type(source).__name__)
        if args or kwargs:
            raise TypeError("an iterable takes no arguments")
    if pool.is_shutdown:
        raise RuntimeError("cannot start a stream after shutdown")
    _streams.flush()
    # An item that waits to be put is one of those that wait to be taken.
    is_in_step = size == 1
    queue = Queue(max(1, size - 1))
    call = call_of(_generators.run, (queue, source, args, kwargs, is_in_step), {}, pool.shared_names)
    producer = _Producer(pool, setup, queue, call)
    stream = Stream(producer, is_in_step)
    producer.start()
    return stream


_numbers = Numbers()
_producers: set[_Producer] = set()  # whose threads have not ended; each access is one operation in C


def close_all(pool: Pool | None = None, interrupts: bool = False) -> None:
    """Close the streams of this pool, or all. This does not wait."""
    for producer in _producers.copy():
        if pool is None or producer.pool is pool:
            producer.was_shut_down = True
            producer.close()
            if interrupts:
                producer.interrupt()


def join_all(pool: Pool | None = None) -> None:
    """Wait for streams that were closed, but not for long: those that go on are interrupted, and then left behind."""
    for interrupts in (False, True):
        deadline = time.monotonic() + INTERRUPT_TIMEOUT
        for producer in _producers.copy():
            if pool is None or producer.pool is pool:
                if interrupts:
                    producer.interrupt()
                producer.join(deadline)


def _at_exit() -> None:
    close_all(interrupts=ends_by_interrupt())
    join_all()


_exit_order.register(_exit_order.STREAMS, _at_exit)
register_at_fork(after_in_child=_producers.clear)
