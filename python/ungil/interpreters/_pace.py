"""How many tasks a worker takes from its pool at once."""

from __future__ import annotations

import time


class Pace:
    """Chooses how many tasks a worker takes at once: more than one only while tasks are short."""

    MAX_BATCH = 16  # the cost of a request, 50 to 100 us, is then a few microseconds per task
    SHORT_TASK = 200e-6  # seconds; the cost of a request adds little to a longer task

    def __init__(self) -> None:
        self.batch = 1
        self._start = 0.0

    def begin(self) -> None:
        self._start = time.perf_counter()

    def end(self, tasks: int) -> None:
        is_short = time.perf_counter() - self._start < tasks * self.SHORT_TASK
        self.batch = min(2 * self.batch, self.MAX_BATCH) if is_short else 1
