"""Long calls in the main thread, where Ctrl-C must be heard.

CPython runs signal handlers in its main thread, between two steps of Python code: none runs while that thread is in C.
So a long call is made in another thread, and the main thread waits, which a signal interrupts.
"""

from __future__ import annotations

import _thread
import operator
import sys
import threading
from typing import Callable, TypeVar

from . import recursion

Item = TypeVar("Item")
Result = TypeVar("Result")

POLL_INTERVAL = 0.02
"""Seconds. A signal that comes between Python's last look and the system's wait is seen when the wait ends."""


def in_main_thread() -> bool:
    """Whether this is the thread in which signal handlers run."""
    return threading.main_thread().ident == _thread.get_ident()


class Latch:
    """Opens once, and threads wait for that. Ctrl-C may come at each step: a threading.Event would lose its lock."""

    __slots__ = ("_lock", "is_open")

    def __init__(self) -> None:
        self.is_open = False
        self._lock = _thread.allocate_lock()
        self._lock.acquire()

    def open(self) -> None:
        self.is_open = True
        self._lock.release()

    def look(self, seconds: float = POLL_INTERVAL) -> bool:
        """Whether it is open; a closed one is waited for so long."""
        if not self.is_open and self._lock.acquire(timeout=seconds):
            self._lock.release()  # for the others who wait
        return self.is_open

    def wait(self) -> None:
        """Waits until it is open."""
        # In a function of its own: CPython 3.12 and 3.13 handle signals at a loop's end as if outside of its `try`.
        while not self.look():
            pass


class Condition(threading.Condition):
    """One whose lock is taken and given back by C alone: between steps of methods in Python, Ctrl-C may come."""

    __enter__ = property(operator.attrgetter("_lock.__enter__"))
    __exit__ = property(operator.attrgetter("_lock.__exit__"))


def take(items: list[Item]) -> Item | None:
    """The only item of a list, for the first who asks.

    list.pop is one operation, with the interpreter's lock or the list's own: of two threads, one gets the item. That
    decides who makes a call, or that nobody does.
    """
    try:
        return items.pop()
    except IndexError:
        return None


def run_interruptibly(call: Callable[[], Result], stop: Callable[[], None], stack: int = 0) -> Result:
    """call(). Where a signal's handler raises meanwhile, KeyboardInterrupt as a rule, stop() must make it return soon.

    What the handler raised is raised when the call has returned; a second Ctrl-C does not wait for that. stop() may be
    called when the call has just returned.
    stack: bytes, where the call needs a thread with so much stack. Errors: RuntimeError if there can be none.
    Cost: about 50 microseconds in the main thread and for a stack, nothing in others.
    """
    if not stack and not in_main_thread():
        return call()
    calls = [call]  # taken by the thread to be made, or by an interrupt so that nobody makes or keeps it
    results: list[Result] = []
    errors: list[BaseException] = []
    over = Latch()

    def run() -> None:
        taken = take(calls)
        if taken is None:  # interrupted before it began
            return
        try:
            results.append(taken())
        except BaseException as error:
            errors.append(error)
        finally:
            del taken  # whoever waits may change what was lent to the call
            over.open()

    try:
        begun = _start(run, stack)
        if begun:
            over.wait()
    except BaseException:
        if take(calls) is None:
            stop()
            over.wait()
        raise
    if not begun:
        return call()
    return _result(results, errors)


def _result(results: list[Result], errors: list[BaseException]) -> Result:
    """What the call came to."""
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # the traceback holds frames that have the list
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
