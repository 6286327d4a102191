"""The recursion limit of interpreters, which is the program's own: see sys.setrecursionlimit().

If the program has raised it, the threads that enter interpreters get larger stacks:
- Before CPython 3.12, nothing but the limit keeps calls in C within the thread's stack, and before 3.11 calls of Python
  functions too. So the limit has an upper bound here.
- CPython 3.12 and 3.13 count calls in C separately, up to 10000. The usual stack is too small for that many calls of
  sorted(), for example.
- Later versions check the stack itself.
"""

from __future__ import annotations

import sys
import threading
from typing import Callable

from .locks import Lock

USUAL = 1000  # Python's own limit, for which the system's usual stack of 8 MiB is large enough
_PER_LEVEL = 8 << 10  # bytes, of the stack
_MOST_STACK = 1 << 30  # bytes; only what is used takes memory

# How many levels may use the stack.
if sys.version_info < (3, 12):
    _MOST_IN_C = _MOST_STACK // _PER_LEVEL
else:
    _MOST_IN_C = 10000 if sys.version_info < (3, 14) else 0


def limit() -> int:
    """The limit for a new interpreter."""
    wanted = max(sys.getrecursionlimit(), USUAL)
    return min(wanted, _MOST_IN_C) if sys.version_info < (3, 12) else wanted


def stack_for(limit: int) -> int:
    """Bytes of stack for threads that recurse so deep; 0 if the usual stack is large enough."""
    return min(limit, _MOST_IN_C) * _PER_LEVEL if limit > USUAL else 0


_lock = Lock()


def start(thread: Callable[[], object], stack: int) -> None:
    """Call a function that starts a thread, which gets so much stack. Raises RuntimeError if there is no memory."""
    if not stack:
        thread()
        return
    with _lock:
        before = threading.stack_size()
        try:
            threading.stack_size(max(before, stack))
            thread()
        finally:
            threading.stack_size(before)
