"""The shared library: how it is found and loaded, and how its status values become exceptions."""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Iterator
from typing import Any

from .. import errors
from . import signatures, threadpoolctl

ABI_VERSION = 0

# The library's file in the package, and the name by which the system's loader finds one that is installed.
if sys.platform == "win32":
    NAME = SYSTEM_NAME = "ungil.dll"
elif sys.platform == "darwin":
    NAME, SYSTEM_NAME = "libungil.dylib", "libungil.%d.dylib" % ABI_VERSION
else:
    NAME, SYSTEM_NAME = "libungil.so", "libungil.so.%d" % ABI_VERSION

BUNDLED_PATH = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), NAME)


def _candidates() -> Iterator[tuple[str, str]]:
    """(description, path or name) in order of preference. UNGIL_LIBRARY is the only candidate if it is set."""
    override = os.environ.get("UNGIL_LIBRARY")
    if override:
        yield "UNGIL_LIBRARY", override
        return
    yield "the package's own", BUNDLED_PATH
    yield "the system's", SYSTEM_NAME
    from ctypes.util import find_library  # imports many modules: only when it is needed

    found = find_library("ungil")
    if found:
        yield "the system's, by find_library", found


def _open(path: str) -> ctypes.CDLL:
    library: ctypes.CDLL = signatures.declare(ctypes.CDLL(path))  # type: ignore[no-untyped-call]
    version = library.ungil_abi_version()
    if version != ABI_VERSION:
        raise OSError("the library has ABI version %d, and this package needs %d" % (version, ABI_VERSION))
    # The library reads its environment variables now, with the GIL held, so that no Python thread changes them.
    # PyPy 8 has no PyDLL, and calls to CDLL release the GIL.
    holding_the_gil = getattr(ctypes, "PyDLL", ctypes.CDLL)
    holding_the_gil(path, handle=library._handle).ungil_num_threads()
    return library


def _load() -> tuple[ctypes.CDLL, str]:
    """The library, and the path or name that it was loaded by."""
    failures: list[str] = []
    for description, path in _candidates():
        try:
            return _open(path), path
        except (OSError, AttributeError) as error:  # AttributeError: the library lacks a function
            failures.append("  %s (%s): %s" % (path, description, error))
    hint = "Reinstall ungil, or set UNGIL_LIBRARY to the path of %s." % NAME
    raise ImportError("ungil's shared library cannot be loaded. Tried:\n%s\n%s" % ("\n".join(failures), hint))


library, path = _load()
threadpoolctl.register()
version: str = library.ungil_version().decode()


def undeclared(name: str, *, keeps_gil: bool = False) -> Any:
    """A function of the library without declared types: their conversions take most of the time of a short call.

    Python's integers are of C's type int then; other integers have to be given as what they are, such as c_int64.

    keeps_gil: for a function that does not wait, and calls no callback.
    """
    kind = getattr(ctypes, "PyDLL", ctypes.CDLL) if keeps_gil else ctypes.CDLL
    return kind(path, handle=library._handle)[name]


def check(status: int) -> None:
    """Raise the exception for the status of this thread's latest call, unless it succeeded."""
    if status != signatures.UNGIL_OK:
        raise errors.of_status(status, last_error())


def last_error() -> str:
    """The error message of this thread's latest failed call."""
    message: bytes = library.ungil_last_error()
    return message.decode("utf-8", "replace")
