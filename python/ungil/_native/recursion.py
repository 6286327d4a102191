"""The recursion limit of interpreters, which is the program's own: see sys.setrecursionlimit(); and their stacks.

Threads that enter interpreters have the stack that a program's main thread has. If the program has raised the limit,
they get larger ones:
- Before CPython 3.12, nothing but the limit keeps calls in C within the thread's stack, and before 3.11 calls of Python
  functions too. So the limit has an upper bound here.
- CPython 3.12 and 3.13 count calls in C separately, up to 10000. The usual stack is too small for that many calls of
  sorted(), for example.
- Later versions check the stack itself.
"""

from __future__ import annotations

import operator
import sys
import threading
from typing import Any, Callable, SupportsIndex

from .locks import Lock
from .scalars import short_repr

resource: Any
try:  # here, as a signal may interrupt the functions below, and an import
    import resource
except ImportError:  # not on Windows
    resource = None

DEFAULT_LIMIT = 1000  # Python's own limit, for which the system's usual stack of 8 MiB is large enough
_PER_LEVEL = 8 << 10  # bytes, of the stack
_MAX_STACK = 1 << 30  # bytes; only what is used takes memory
SMALLEST_STACK = 1 << 20
_UNLIMITED = 8 << 20  # where the system has no limit
_ROUNDING = 1 << 16

# How many levels may use the stack; 0 where Python checks the stack itself.
if sys.version_info < (3, 12):
    _MAX_LEVELS_ON_STACK = _MAX_STACK // _PER_LEVEL
else:
    _MAX_LEVELS_ON_STACK = 10000 if sys.version_info < (3, 14) else 0


def limit() -> int:
    """The limit for a new interpreter."""
    wanted = max(sys.getrecursionlimit(), DEFAULT_LIMIT)
    return min(wanted, _MAX_LEVELS_ON_STACK) if sys.version_info < (3, 12) else wanted


def usual_stack() -> int:
    """Bytes of stack that a program's main thread has."""
    size = _system_limit()
    if size < 0:
        return _UNLIMITED
    return min(max(size, SMALLEST_STACK), _MAX_STACK) & -_ROUNDING if size else 0


def _system_limit() -> int:
    """The system's limit in bytes, `ulimit -s`; -1 without one, 0 if it is not known."""
    try:
        size: int = resource.getrlimit(resource.RLIMIT_STACK)[0]
    except (AttributeError, OSError):
        return 0
    return -1 if size == resource.RLIM_INFINITY else size


# What threads get if nobody asks for a size: the limit that the program began with.
_AT_START = _system_limit()


def checked_stack(size: SupportsIndex) -> int:
    """The parameter `stack_size`. Raises ValueError and TypeError."""
    size = operator.index(size)
    if not SMALLEST_STACK <= size <= _MAX_STACK:
        found = (SMALLEST_STACK, _MAX_STACK, short_repr(size))
        raise ValueError("stack_size must be between %d and %d, not %s" % found)
    return -(-size // _ROUNDING) * _ROUNDING


def stack_for(limit: int) -> int:
    """Bytes of stack for threads that recurse so deep; 0 if the usual stack is large enough."""
    return min(limit, _MAX_LEVELS_ON_STACK) * _PER_LEVEL if limit > DEFAULT_LIMIT else 0


_lock = Lock()


def start(start_thread: Callable[[], object], stack: int) -> None:
    """Call a function that starts a thread, which gets so much stack. Raises RuntimeError if there is no memory.

    stack: bytes; 0 for the usual stack.
    """
    if not stack:
        stack = usual_stack()
        # Without the lock: Ctrl-C between two steps of Python may leave it taken, and no other thread could start one.
        if stack == _AT_START and not threading.stack_size():
            start_thread()
            return
    with _lock:
        before = threading.stack_size()
        try:
            threading.stack_size(max(before, stack))
            start_thread()
        finally:
            threading.stack_size(before)
