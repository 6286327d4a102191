"""Long calls in the main thread, where Ctrl-C must be heard.

CPython runs signal handlers in its main thread, between two steps of Python code: none runs while that thread is in C.
So a long call is made in another thread, and the main thread waits, which a signal interrupts.
"""

from __future__ import annotations

import _thread
import threading
from typing import Callable, TypeVar

Result = TypeVar("Result")

BLIND = 0.02
"""Seconds. A signal that comes between Python's last look and the system's wait is seen when the wait ends."""


def in_main_thread() -> bool:
    """Whether this is the thread in which signal handlers run."""
    return threading.main_thread().ident == _thread.get_ident()


def hearing_signals(call: Callable[[], Result], stop: Callable[[], None]) -> Result:
    """call(). Where a signal's handler raises meanwhile, KeyboardInterrupt as a rule, stop() must make it return soon.

    What the handler raised is raised when the call has returned; a second Ctrl-C does not wait for that. stop() may be
    called when the call has just returned.
    Cost: about 50 microseconds in the main thread, nothing in others.
    """
    if not in_main_thread():
        return call()
    calls = [call]  # taken out by the thread to be made, or by an interrupt so that nobody does or keeps it
    results: list[Result] = []
    errors: list[BaseException] = []
    over = _thread.allocate_lock()
    over.acquire()

    def run() -> None:
        taken = _take(calls)
        if taken is None:  # interrupted before it began
            return
        try:
            results.append(taken())
        except BaseException as error:
            errors.append(error)
        finally:
            over.release()

    try:
        if not _start(run):
            run()
        _wait_for(over)
    except BaseException:
        if _take(calls) is None:
            stop()
            # A signal that comes together with the call's end finds the lock taken already: there is no more to wait.
            if not (results or errors):
                _wait_for(over)
        raise
    if errors:
        try:
            raise errors[0]
        finally:
            errors.clear()  # the traceback holds this frame
    return results[0]


def _take(calls: list[Callable[[], Result]]) -> Callable[[], Result] | None:
    """The call, for the first who asks."""
    try:
        return calls.pop()
    except IndexError:
        return None


def _wait_for(over: _thread.LockType) -> None:
    """A function of its own: CPython 3.12 and 3.13 handle signals at a loop's end as if that was outside of `try`."""
    while not over.acquire(timeout=BLIND):
        pass


def _start(run: Callable[[], None]) -> bool:
    """Whether a thread could be started: none can while Python ends, or where the system has no more."""
    try:
        _thread.start_new_thread(run, ())
    except RuntimeError:
        return False
    return True
