"""The seeds of an executor's calls, for its parameter `seed`; `_seeding` uses them in interpreters."""

from __future__ import annotations

import itertools


class Seeds:
    """A seed for each call, by its number: it does not depend on the worker that makes the call."""

    def __init__(self, seed: int) -> None:
        self.of_initializer = "%d" % seed  # the same in each worker
        self._numbers = itertools.count()  # safe among threads: free-threaded builds that can have interpreters lock it

    def next(self) -> str:
        return "%s/%d" % (self.of_initializer, next(self._numbers))
