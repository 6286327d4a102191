"""Threads that make the calls of another thread, so that Ctrl-C can interrupt it while it waits.

A stand-in makes all such calls of one thread: what remembers its thread, as a connection of sqlite3 does, or lives in
it, as values of `threading.local` do, works from call to call.
"""

from __future__ import annotations

import _thread
import os
import sys
import threading
from queue import SimpleQueue
from typing import Callable

from . import recursion
from .interruptible import Latch, in_main_thread

Run = Callable[[], None]


def _serve(calls: SimpleQueue[Run | None]) -> None:
    """The life of the thread. It does not refer to the object, so that it ends with that."""
    while True:
        run = calls.get()
        if run is None:
            return
        run()
        del run  # nothing of a call is kept while the thread waits


class StandIn:
    """A thread with so many bytes of stack; 0 is the usual one. It ends with this object.

    Raises RuntimeError if no thread can start.
    """

    def __init__(self, stack: int) -> None:
        self._calls: SimpleQueue[Run | None] = SimpleQueue()
        self._process = os.getpid()
        self._finished: Latch | None = None  # of the last call
        calls = self._calls
        recursion.start(lambda: _thread.start_new_thread(_serve, (calls,)), stack)

    def begin(self, run: Run, finished: Latch) -> bool:
        """Have the thread call run(), which opens the latch at its end.

        False if it is busy, as in a signal handler of the thread that waits for it, or was left behind by a fork, or if
        no thread runs any more, as Python ends.
        """
        is_free = self._finished is None or self._finished.is_open
        if not is_free or self._process != os.getpid() or sys.is_finalizing():
            return False
        self._finished = finished
        self._calls.put(run)  # one operation in C: Ctrl-C comes before or after it
        return True

    def __del__(self) -> None:
        if hasattr(self, "_calls"):
            self._calls.put(None)


class StandIns:
    """Those of the threads that need one: the main thread, and all threads if calls need so many bytes of stack."""

    def __init__(self, stack: int) -> None:
        self._stack = stack
        self._of_thread = threading.local()  # its `stand_in` ends with the thread, or with this object

    def of_this_thread(self) -> StandIn | None:
        """The one that makes this thread's calls; None if it makes them itself, or no thread can start."""
        if not (self._stack or in_main_thread()):
            return None
        stand_in: StandIn | None = getattr(self._of_thread, "stand_in", None)
        if stand_in is None:
            try:
                stand_in = self._of_thread.stand_in = StandIn(self._stack)
            except RuntimeError:  # perhaps because Python ends
                return None
        return stand_in
