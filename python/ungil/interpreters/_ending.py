"""The end of a pool whose tasks nobody waits for any more."""

from __future__ import annotations

import contextlib

from .executor import InterpreterPoolExecutor


def end_by_interrupt(pool: InterpreterPoolExecutor) -> None:
    """End a pool as Ctrl-C does: cancel what is queued, interrupt what runs, and wait a second for that at most."""
    with contextlib.suppress(KeyboardInterrupt), pool:
        raise KeyboardInterrupt
