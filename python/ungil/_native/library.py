"""The shared library: where it is, and how its errors become exceptions."""

from __future__ import annotations

import ctypes
import os
from typing import Iterator

from .. import errors as _errors
from . import signatures, threadpoolctl

ABI = 0
NAME = "libungil.so"
BUNDLED = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), NAME)


def _candidates() -> Iterator[tuple[str, str]]:
    """(what it is, path or name), best first. Who names one wants that one, and no other."""
    override = os.environ.get("UNGIL_LIBRARY")
    if override:
        yield "UNGIL_LIBRARY", override
        return
    yield "the package's own", BUNDLED
    yield "the system's", "%s.%d" % (NAME, ABI)
    from ctypes.util import find_library  # which imports much

    found = find_library("ungil")
    if found:
        yield "the system's, by find_library", found


def _open(path: str) -> ctypes.CDLL:
    library: ctypes.CDLL = signatures.declare(ctypes.CDLL(path))  # type: ignore[no-untyped-call]
    version = library.ungil_abi_version()
    if version != ABI:
        raise OSError("its binary interface has the number %d, and this package needs %d" % (version, ABI))
    # The library reads the environment now, with Python's lock held: no thread of Python's changes it meanwhile.
    ctypes.PyDLL(path, handle=library._handle).ungil_num_threads()
    return library


def _load() -> tuple[ctypes.CDLL, str]:
    """The library, and the path or name that it was loaded by."""
    failures: list[str] = []
    for what, path in _candidates():
        try:
            return _open(path), path
        except (OSError, AttributeError) as error:  # AttributeError: it lacks a function
            failures.append("  %s (%s): %s" % (path, what, error))
    hint = "Reinstall ungil, or set UNGIL_LIBRARY to the path of a libungil.so."
    raise ImportError("ungil's shared library cannot be loaded. Tried:\n%s\n%s" % ("\n".join(failures), hint))


library, path = _load()
threadpoolctl.register()
version: str = library.ungil_version().decode()


def check(status: int) -> None:
    """Raises what the library's call on this thread, which gave this status, failed with."""
    if status != signatures.UNGIL_OK:
        raise _errors.of_status(status, last_error())


def last_error() -> str:
    """The message of this thread's latest call that failed."""
    message: bytes = library.ungil_last_error()
    return message.decode("utf-8", "replace")
