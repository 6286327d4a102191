"""The thread of a pool's worker."""

from __future__ import annotations

import threading
from typing import Callable

from .._native import recursion
from .._native.interruptible import Latch, take
from . import _settings


class Worker(threading.Thread):
    """A thread with a latch that opens when it has finished.

    redirects: whether the output of the interpreter that is made in it goes to the program's streams.

    Thread.join may return while the thread runs if a signal interrupts it: CPython 3.9 to 3.12, python/cpython#90882.
    """

    def __init__(self, work: Callable[[], None], name: str, stack_size: int, redirects: bool = False) -> None:
        super().__init__(name=name, daemon=True)
        self._work = [work]  # until one thread takes it
        self.finished = Latch()
        self.recursion_limit = recursion.limit()  # of the interpreter that is made in this thread
        self.settings = _settings.of_this_thread(redirects)  # the thread that starts the worker
        self._stack_size = stack_size
        self.stack = max(recursion.stack_for(self.recursion_limit), stack_size)  # 0 is the usual one

    def start(self) -> None:
        try:
            recursion.start(super().start, self.stack)
        except RuntimeError:  # no memory for such a stack
            self.recursion_limit, self.stack = recursion.DEFAULT_LIMIT, self._stack_size
            recursion.start(super().start, self.stack)

    def run(self) -> None:
        work = take(self._work)
        if work is None:
            return
        try:
            work()
        finally:
            self.finished.open()

    def abandon(self) -> bool:
        """After `start` failed or was interrupted: make sure that it never begins. False if it has begun."""
        return take(self._work) is not None
