"""How deep code in interpreters may recurse: as deep as the program's sys.setrecursionlimit() allows.

Where that is raised, the threads that enter interpreters get larger stacks:
- Before CPython 3.12 the limit is what keeps calls in C, and before 3.11 calls of Python functions too, within the
  thread's stack. It has an upper bound here.
- CPython 3.12 and 3.13 count calls in C apart, up to 10000: more than the usual stack holds, for sorted() for example.
- Later ones look at the stack itself.
"""

from __future__ import annotations

import sys
import threading
from typing import Callable

from .locks import Lock

USUAL = 1000  # Python's own limit, for which the system's usual stack of 8 MiB is large enough
_PER_LEVEL = 8 << 10  # bytes, of the stack
_MOST_STACK = 1 << 30  # bytes; only what is used takes memory

# How many levels may be on the stack.
if sys.version_info < (3, 12):
    _MOST_IN_C = _MOST_STACK // _PER_LEVEL
else:
    _MOST_IN_C = 10000 if sys.version_info < (3, 14) else 0


def limit() -> int:
    """The limit for a new interpreter."""
    wanted = max(sys.getrecursionlimit(), USUAL)
    return min(wanted, _MOST_IN_C) if sys.version_info < (3, 12) else wanted


def stack_for(limit: int) -> int:
    """Bytes of stack for threads that recurse so deep; 0 if the usual will do."""
    return min(limit, _MOST_IN_C) * _PER_LEVEL if limit > USUAL else 0


_lock = Lock()


def start(thread: Callable[[], object], stack: int) -> None:
    """Calls the function that starts a thread, which gets so much stack. Errors: RuntimeError if none can be had."""
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
