"""What ends before the program does, in this order: streams, tasks, and actors, which tasks may call to the last."""

from __future__ import annotations

from typing import Callable

from .._private_apis import register_atexit

STREAMS, TASKS, ACTORS = range(3)

is_exiting = False
"""Whether the program ends. It is in the module of the function that is called then: a reused interpreter resets it."""

_ends: dict[int, Callable[[], None]] = {}


def register(kind: int, end: Callable[[], None]) -> None:
    """Have `end` called when the program ends. It completes all of this kind."""
    _ends[kind] = end


def _end_all() -> None:
    for _, end in sorted(_ends.items()):
        end()


register_atexit(_end_all)
