"""Streams: the items of a generator that runs in an interpreter of its own.

It is not one of the pool's interpreters, as tasks are to go on while a generator waits for its items to be taken: the
program may wait for tasks that have these items. A stream has a thread, which is in the generator's call from its
beginning to its end. It keeps nothing of the iterator that the program has, so that can be freed, which closes the
stream.
"""

from __future__ import annotations

import operator
import os
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import GeneratorType, TracebackType
from typing import Any, NamedTuple, SupportsIndex

from .._native.interruptible import INTERRUPT_TIMEOUT, POLL_INTERVAL, Latch, check_asyncio, ends_by_interrupt
from .._native.locks import Numbers
from .._private_apis import register_atexit
from ..errors import Error
from . import _generators, _streams
from ._calls import Call, call_of
from ._pickling import Message, loads
from ._pool import BrokenInterpreterPool, Pool
from ._preload import import_module
from ._requests import Outcome, exception_of
from ._sharing import share
from ._tasks import outcome_of
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

    def start(self) -> Interpreter:
        interpreter = Interpreter(share=self.share, **self.options)
        try:
            for name in self.preload:
                outcome_of(call_of(import_module, (name,), {}, frozenset()), interpreter).get()
            if self.initializer is not None:
                outcome_of(self.initializer, interpreter).get()
        except BaseException as error:
            interpreter.close()
            raise BrokenInterpreterPool("the interpreter of a stream could not be prepared: %r" % error) from error
        return interpreter


class _Producer:
    """What the iterator and the thread of a stream share."""

    def __init__(self, pool: Pool, setup: Setup, number: int, call: Call, size: int) -> None:
        self.pool, self._setup, self._call = pool, setup, call
        self.number = number
        self._taken = max(1, size // 2)  # items at once, while others wait in the interpreter
        self._size = size - self._taken + 1
        self.closed = bytearray(1)
        self.started = Latch()
        self.interpreter: Interpreter | None = None
        self.outcome: Outcome | None = None  # of the generator's run
        self.lock = threading.Lock()  # held while items are fetched: the interpreter is closed only afterwards
        self.was_shut_down = False
        self.is_abandoned = False  # nobody waits for the end
        self.process = os.getpid()
        self.worker = Worker(self._work, "%s_stream_%d" % (setup.name, number), setup.stack_size)

    def start(self) -> None:
        _producers.add(self)
        try:
            self.worker.start()
        except BaseException:
            self.close()
            if self.worker.abandon():
                _producers.discard(self)
            raise

    def _work(self) -> None:
        try:
            self.outcome = self._run()
        except BaseException as error:
            self.outcome = Outcome(None, error)
        finally:
            self._call.drop()
            if not self.started.is_open:
                self.started.open()
            _producers.discard(self)

    def _run(self) -> Outcome:
        interpreter = self._setup.start()
        try:
            begin = call_of(_generators.begin, (self.number, self._size, share(self.closed)), {}, frozenset())
            outcome_of(begin, interpreter).get()
            self.interpreter = interpreter
            self.started.open()
            return outcome_of(self._call, interpreter)
        finally:
            with self.lock:
                self.interpreter = None
                interpreter.close()

    def fetch(self) -> Sequence[Any]:
        """Items that wait, but at least one. None if there will be no more, but for those of the outcome."""
        self.started.wait()
        with self.lock:
            if self.interpreter is None:
                return ()
            try:
                items: Sequence[Any] = self.interpreter.call(_generators.take, self.number, self._taken)
            except (Error, KeyError):  # it died, or has just ended
                return ()
            return items

    def close(self) -> None:
        """Have the generator closed when it comes to its next item. This does not wait."""
        self.closed[0] = 1

    def interrupt(self) -> None:
        interpreter = self.interpreter
        if interpreter is not None:
            try:
                interpreter.interrupt()
            except (Error, ValueError):  # it has just been closed
                pass

    def wait(self, deadline: float | None = None) -> bool:
        """Wait for the end of the thread, which Ctrl-C hastens; False if that does not come in time."""
        try:
            while not self.worker.finished.wait(POLL_INTERVAL):
                if deadline is not None and time.monotonic() > deadline:
                    return False
                check_asyncio()
        except BaseException:
            self.interrupt()
            self.worker.finished.wait(INTERRUPT_TIMEOUT)
            raise
        return True


class Stream(Iterator[Any]):
    """The items of `InterpreterPoolExecutor.stream`. At the end of a `with` block, it is closed."""

    def __init__(self, producer: _Producer) -> None:
        self._producer = producer
        self._items: deque[Any] = deque()
        self._lock = threading.Lock()  # held by a thread that waits for items
        self._is_over = False
        self._error: BaseException | None = None  # after the last item

    def __next__(self) -> Any:
        while True:
            try:
                item = self._items.popleft()
            except IndexError:
                if self._is_over:
                    break
                self.wait()
            else:
                return loads(item.data, [buffer.view for buffer in item.buffers]) if type(item) is Message else item
        error, self._error = self._error, None
        if error is None:
            raise StopIteration
        try:
            raise error
        finally:
            del error  # its traceback has this frame

    @property
    def is_ready(self) -> bool:
        """Whether the next item, or the end, is there."""
        return bool(self._items) or self._is_over

    def wait(self) -> None:
        """Wait for the next item, or the end, unless it is there."""
        producer = self._producer
        if producer.process != os.getpid():
            if not self.is_ready:
                self._error, self._is_over = BrokenInterpreterPool(_FORKED), True
            return
        with self._lock:
            if self.is_ready:
                return
            try:
                items = producer.fetch()
                if not items and not producer.is_abandoned:
                    producer.wait()
            except BaseException:  # Ctrl-C
                self.cancel()
                self._is_over = True
                raise
            if not self._is_over:  # another thread has closed it
                self._items.extend(items or self._end())

    def _end(self) -> Sequence[Any]:
        """Note that the generator has ended, and how. The last items."""
        producer = self._producer
        outcome = producer.outcome or Outcome(None)
        rest, failure = outcome.result or ((), None)
        self._error = outcome.error if failure is None else exception_of(failure)
        if self._error is None and producer.was_shut_down:
            self._error = RuntimeError("cannot continue a stream after shutdown")
        self._is_over = True
        return rest

    def cancel(self) -> None:
        """Have the generator closed when it comes to its next item. This does not wait for that."""
        self._producer.is_abandoned = True
        self._producer.close()

    def close(self) -> None:
        """Close the generator, as its own `close` does, and wait until that has ended.

        If the generator is busy, it is closed when it comes to its next item. Ctrl-C interrupts it.
        """
        producer = self._producer
        producer.close()
        is_over, self._is_over = self._is_over, True
        self._items.clear()
        self._error = None
        if is_over or producer.process != os.getpid():
            return
        producer.wait()
        _, failure = (producer.outcome or Outcome(None)).result or ((), None)
        if failure is not None:
            raise exception_of(failure)

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
    number = _numbers.take()
    _streams.flush()
    call = call_of(_generators.run, (number, source, args, kwargs), {}, pool.shared_names)
    producer = _Producer(pool, setup, number, call, size)
    stream = Stream(producer)
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
                producer.wait(deadline)


def _at_exit() -> None:
    close_all(interrupts=ends_by_interrupt())
    join_all()


register_atexit(_at_exit)
os.register_at_fork(after_in_child=_producers.clear)
