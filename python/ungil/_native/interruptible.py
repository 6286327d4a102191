"""Long calls that Ctrl-C can interrupt.

CPython runs signal handlers in its main thread, between two steps of Python code: none runs while that thread is in C.
So a long call is made in another thread, and the main thread waits. A signal interrupts that wait.

Code that must not lose a lock or a task to Ctrl-C uses the objects of this module. It assumes that the handler, and so
KeyboardInterrupt, may come between any two steps of Python code, but not within one operation in C.
"""

from __future__ import annotations

import _thread
import math
import operator
import sys
import threading
import time
from typing import Callable, Protocol, TypeVar

from .._private_apis import CONDITION_LOCK, asyncio_is_interrupted
from . import recursion

Item = TypeVar("Item")
Result = TypeVar("Result")

INTERRUPT_TIMEOUT = 1.0
"""Seconds that Ctrl-C waits for interrupted tasks. Python code ends at once, and time.sleep() within 50 ms. The user
must not wait for longer than this for code in C, which does not notice an interrupt, nor for code that catches it."""

POLL_INTERVAL = 0.02
"""Seconds of one wait. A signal that arrives between Python's last check and the system's wait is noticed after it."""


def in_main_thread() -> bool:
    """Whether this is the thread that runs signal handlers."""
    return threading.main_thread().ident == _thread.get_ident()


def check_asyncio() -> None:
    """Raise KeyboardInterrupt in the main thread if asyncio.run() has caught Ctrl-C.

    It cancels the task that it runs. That has no effect as long as the task waits other than by `await`.
    """
    if in_main_thread() and asyncio_is_interrupted():
        raise KeyboardInterrupt


def is_interrupt(error: BaseException | None) -> bool:
    """Whether the exception is KeyboardInterrupt, or a cancellation by which asyncio.run() passes that on."""
    cancelled = getattr(sys.modules.get("asyncio"), "CancelledError", None)
    if cancelled is not None and isinstance(error, cancelled):  # before Python 3.11, its context has it
        return asyncio_is_interrupted() or isinstance(error.__context__, KeyboardInterrupt)
    return isinstance(error, KeyboardInterrupt)


def ends_by_interrupt() -> bool:
    """Whether the program, which is ending, does so because of a KeyboardInterrupt that it did not catch."""
    is_interactive = hasattr(sys, "ps1") or sys.flags.interactive  # the last exception may be an old one
    return isinstance(getattr(sys, "last_value", None), KeyboardInterrupt) and not is_interactive


class Pace:
    """How soon tasks that do not end may be interrupted again: what they do in `finally` takes time."""

    INTERVAL = 0.25  # seconds

    __slots__ = ("_next",)

    def __init__(self) -> None:
        self._next = -math.inf

    def note(self) -> None:
        """Note that they are interrupted now."""
        self._next = time.monotonic() + self.INTERVAL

    def is_due(self) -> bool:
        return time.monotonic() > self._next


class Latch:
    """An event that is set once. threading.Event may keep its lock forever where Ctrl-C interrupts it."""

    __slots__ = ("_lock", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        self.is_open = True
        self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is open, for so many seconds at most. Return whether it is open."""
        if timeout is not None:
            return self._wait_once(timeout)
        # Not in the caller: CPython 3.12 and 3.13 handle signals at the end of a loop as if outside of its `try`.
        while not self._wait_once(POLL_INTERVAL):
            pass
        return True

    def _wait_once(self, timeout: float) -> bool:
        if not self.is_open and self._lock.acquire(timeout=timeout):
            self._lock.release()  # for other threads that wait
        return self.is_open


class Condition(threading.Condition):
    """A condition whose `with` statement enters and leaves the lock itself.

    The standard library's Condition.__enter__ is a function in Python. Ctrl-C between its last two steps would leave
    the lock taken, with no `with` block that releases it. A property gives the `with` statement the lock's own methods,
    which are in C.
    """

    __enter__ = property(operator.attrgetter(CONDITION_LOCK + ".__enter__"))
    __exit__ = property(operator.attrgetter(CONDITION_LOCK + ".__exit__"))


def take(items: list[Item]) -> Item | None:
    """Remove the only item of a list and return it; None if another thread has taken it.

    list.pop is one atomic operation, by the GIL or by the list's own lock: of two threads, one gets the item. That
    decides which thread makes a call, or that none does.
    """
    try:
        return items.pop()
    except IndexError:
        return None


class Thread(Protocol):
    """A thread that makes calls for others; see stand_in.py."""

    def begin(self, run: Callable[[], None], finished: Latch) -> bool:
        """Have the thread call run(), which opens the latch at its end. False if it cannot."""


def run_interruptibly(
    call: Callable[[], Result],
    stop: Callable[[], None],
    stack: int = 0,
    thread: Thread | None = None,
    leave: Callable[[], None] | None = None,
) -> Result:
    """Return call(). If a signal handler raises meanwhile, call stop(), which must make call() return soon.

    The handler's exception, usually KeyboardInterrupt, is raised when call() has returned; a second Ctrl-C does not
    wait for that. stop() may be called when call() has just returned.

    thread: what makes the call; without it, or if it cannot, a new thread does.
    leave: called if call() has not returned INTERRUPT_TIMEOUT after that; then it is left behind, and goes on. Without
    it, call() is waited for, however long it takes: it may use memory that the caller frees.
    stack: bytes; if it is not 0, call() is made in a thread with so much stack. Raises RuntimeError if none can start.
    Cost: about 50 microseconds in the main thread or with a stack, 20 with `thread`, nothing otherwise.
    """
    if not stack and thread is None and not in_main_thread():
        return call()
    calls = [call]  # the thread takes it to make it, or an interrupt takes it, so that no thread makes or keeps it
    results: list[Result] = []
    errors: list[BaseException] = []
    finished = Latch()

    def run() -> None:
        taken = take(calls)
        if taken is None:  # interrupted before it began
            return
        try:
            results.append(taken())
        except BaseException as error:
            errors.append(error)
        finally:
            del taken  # the waiting thread may resize the call's memory
            finished.open()

    try:
        is_started = (thread is not None and thread.begin(run, finished)) or _start(run, stack)
        if is_started:
            _wait(finished)
    except BaseException:
        if take(calls) is None:
            stop()
            if not finished.wait(None if leave is None else INTERRUPT_TIMEOUT) and leave is not None:
                leave()
        else:
            finished.open()  # the thread is not busy
        raise
    if not is_started:
        return call()
    return _result(results, errors)


def _wait(finished: Latch) -> None:
    while not finished.wait(POLL_INTERVAL):
        check_asyncio()


def _result(results: list[Result], errors: list[BaseException]) -> Result:
    """Return or raise what the call did."""
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # the traceback has frames that refer to the list
    return results[0]


def _start(run: Callable[[], None], stack: int) -> bool:
    """Whether a thread could be started: none can while Python ends, or where the system has no more."""
    try:
        if sys.is_finalizing():  # until Python 3.11 a thread would start, and never run
            raise RuntimeError("no thread can be started while Python ends")
        recursion.start(lambda: _thread.start_new_thread(run, ()), stack)
    except RuntimeError:
        if stack:
            raise
        return False
    return True
