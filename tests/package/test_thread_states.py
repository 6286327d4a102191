"""A worker of a pool has one thread state for all its tasks, as the main thread of a process has."""

from __future__ import annotations

import unittest

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS


def remember(value: int) -> tuple[int | None, int | None, int]:
    """Sets what lives in the thread state. Returns what was there before."""
    import contextvars
    import decimal
    import sys
    import threading

    # Modules of an interpreter stay when its user changes, as does what is in them.
    kept = sys.modules[__name__].__dict__.setdefault("kept", (threading.local(), contextvars.ContextVar("value")))
    local, variable = kept
    before = getattr(local, "value", None), variable.get(None), decimal.getcontext().prec
    local.value = value
    variable.set(value)
    decimal.getcontext().prec = value
    return before


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class ThreadStates(unittest.TestCase):
    def test_they_last_from_task_to_task(self) -> None:
        with ungil.InterpreterPoolExecutor(1) as pool:
            self.assertEqual(pool.submit(remember, 10).result(), (None, None, 28))
            self.assertEqual(pool.submit(remember, 20).result(), (10, 10, 10))

    def test_the_next_user_gets_a_new_one(self) -> None:
        for _ in range(2):
            with ungil.InterpreterPoolExecutor(1) as pool:
                self.assertEqual(pool.submit(remember, 10).result(), (None, None, 28))


if __name__ == "__main__":
    unittest.main()
