"""Measures CPU time in which the process's threads keep the lock of the program's Python, the GIL.

This is the time that cores have to share: whatever else tasks cost, one lock feeds no more of them than fit into a
second of it. It is sampled: at each tick of the process's CPU time, a signal handler tells whether the thread that runs
has the lock.
"""

from __future__ import annotations

import ctypes
import time
from ctypes import c_long, c_void_p
from typing import Any, Callable

from .native import Native

TICK = 1000  # microseconds; many systems have longer ticks, and what is measured is a share of them


class LockTime:
    """Raises CannotCompile without gcc."""

    def __init__(self, native: Native) -> None:
        self._library = native.compiled("lock")
        python = ctypes.pythonapi
        attached = getattr(python, "PyThreadState_GetUnchecked", None) or python._PyThreadState_UncheckedGet
        self._states = [ctypes.cast(state, c_void_p) for state in (attached, python.PyGILState_GetThisThreadState)]

    def of(self, work: Callable[[], Any], seconds: float) -> float:
        """The seconds of CPU time with the lock that a call of `work` takes: the mean of calls for `seconds` of it."""
        start, calls = time.process_time(), 0

        def calls_for_seconds() -> None:
            nonlocal calls
            while time.process_time() - start < seconds:
                work()
                calls += 1

        share = self.share_of(calls_for_seconds)
        return (time.process_time() - start) * share / calls

    def share_of(self, work: Callable[[], Any]) -> float:
        """The share of its CPU time in which a call of `work` keeps the lock. It is never 0, but less than one tick."""
        ticks, kept = c_long(), c_long()
        if self._library.start_ticks(*self._states, TICK):
            raise OSError("no signals at ticks of the CPU time")
        try:
            work()
        finally:
            self._library.stop_ticks(ctypes.byref(ticks), ctypes.byref(kept))
        return max(1, kept.value) / max(1, ticks.value)
