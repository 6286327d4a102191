"""The start of an interpreter: it is made, and imports this package."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Sequence
from typing import Any

from .._native import recursion
from .._native.library import check, library
from ..errors import ExecutionError, UnsupportedError
from . import _nesting, _program, _settings, _streams

_PACKAGE_PARENT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

_VERSION = "%d.%d" % sys.version_info[:2]

# The interpreter imports this package, and no other of its name, whatever its sys.path is.
_BEGIN = "__import__('_ungil').import_from(%r, 'ungil.interpreters._worker').begin(*%r)"


def of_this_thread() -> tuple[int, int, bytes, bool]:
    """Of an interpreter that is made here: recursion limit, stack for calls in bytes, `_settings`, if a pool's worker.

    A worker has the stack that its interpreter needs, and makes all calls itself.
    """
    thread: Any = threading.current_thread()
    if hasattr(thread, "recursion_limit"):
        return thread.recursion_limit, thread.stack, thread.settings, True
    limit = recursion.limit()
    return limit, recursion.stack_for(limit), _settings.of_this_thread(), False


def new(options: bytes) -> int:
    """The handle of an interpreter with these options, which this thread has checked out."""
    handle = ctypes.c_int32()
    check(library.ungil_interp_new(options, ctypes.byref(handle)))
    return handle.value


def prepare(handle: int, limit: int, stack: int, settings: bytes, lazy_imports: str | None) -> None:
    """Have an interpreter import this package, and answer requests. Raises UnsupportedError for other versions."""
    of_interpreter = _VERSION, _nesting.depth() + 1, limit, stack, lazy_imports
    of_program = _program.ADDRESSES, _streams.kinds(), settings
    begin = _BEGIN % (_PACKAGE_PARENT, of_interpreter + of_program)
    try:
        check(library.ungil_interp_exec(handle, begin.encode()))
    except ExecutionError:
        _check_version(handle)
        raise


def _check_version(handle: int) -> None:
    text = ctypes.c_char_p()
    version = b"'%d.%d' % __import__('sys').version_info[:2]"
    check(library.ungil_interp_eval(handle, version, ctypes.byref(text)))
    there = (text.value or b"").decode()
    if there != _VERSION:
        raise UnsupportedError("unsupported: an interpreter of Python %s for objects of Python %s" % (there, _VERSION))


def lazy_imports(xoptions: Sequence[str]) -> str | None:
    """The mode of lazy imports: that of -X lazy_imports, or of this program. None before Python 3.15."""
    mode = getattr(sys, "get_lazy_imports", lambda: None)()
    for name, _, value in (option.partition("=") for option in xoptions):
        if name == "lazy_imports" and mode:
            mode = value
    return mode
