"""How many tasks a worker takes from its pool at once."""

from __future__ import annotations

import time


class Pace:
    """Takes more than one task at once only while tasks are so short that sending one takes longer."""

    MOST = 16  # the cost of a request, 50 to 100 us, is then a few microseconds per task
    SHORT = 200e-6  # seconds; the cost of a request adds little to a longer task

    def __init__(self) -> None:
        self.batch = 1
        self._start = 0.0

    def begin(self) -> None:
        self._start = time.perf_counter()

    def end(self, tasks: int) -> None:
        is_short = time.perf_counter() - self._start < tasks * self.SHORT
        self.batch = min(2 * self.batch, self.MOST) if is_short else 1
