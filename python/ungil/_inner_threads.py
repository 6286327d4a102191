"""Limits of the threads that BLAS and OpenMP start in tasks, by threadpoolctl.

A thread has its own limit of OpenMP. BLAS is loaded once for the process and all its interpreters, so that its limit is
everybody's.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import Any, Callable, NamedTuple


class Limits(NamedTuple):
    """How many threads BLAS and OpenMP may use."""

    blas: int
    openmp: int


_OF_BLAS = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "OMP_NUM_THREADS")
_OF_OPENMP = ("OMP_NUM_THREADS",)


def limits_of(explicit: int | None, default: int) -> Limits | None:
    """The limits: one that is given, or else those of the environment, or else the default.

    There are none without threadpoolctl. Raises ImportError if a limit is given all the same.
    """
    try:
        import threadpoolctl  # noqa: F401
    except ImportError:
        if explicit is not None:
            raise
        return None
    if explicit is not None:
        return Limits(explicit, explicit)
    return Limits(_of_environment(_OF_BLAS) or default, _of_environment(_OF_OPENMP) or default)


def _of_environment(names: tuple[str, ...]) -> int:
    for name in names:
        first = os.environ.get(name, "").partition(",")[0].strip()
        if first.isdecimal() and int(first) > 0:
            return int(first)
    return 0


_latest: object = None


def limit_threads(limits: Limits) -> bool:
    """Limit this thread of an interpreter. Return whether that was done: it need not be again before an import."""
    global _latest
    thread = threading.get_ident()
    if _latest == (thread, len(sys.modules), limits):
        return False
    import threadpoolctl

    threadpoolctl.threadpool_limits({"blas": limits.blas, "openmp": limits.openmp})
    _latest = thread, len(sys.modules), limits
    return True


def call_limited(func: Callable[[], Any], *limits: int) -> tuple[bool, Any]:
    """Call a function in an interpreter. Return also whether modules were imported since the call before."""
    has_imported = bool(limits) and limit_threads(Limits(*limits))
    return has_imported, func()


class ProgramLimits:
    """Keeps how many threads BLAS has in the program while calls of `Parallel` change that.

    After the last one of those that overlap, all is as before the first one.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls = 0
        self._libraries: list[Any] = []
        self._before: list[int] = []
        self._has_garbage = False
        self._modules = 0  # when the libraries were looked up, which takes milliseconds

    def begin(self, limits: Limits | None) -> None:
        with self._lock:
            self._calls += 1
            if self._calls > 1:
                return
            if limits is None:
                self._libraries = []
            elif self._modules != len(sys.modules):
                self._libraries, self._modules = _blas(), len(sys.modules)
            self._before = [library.num_threads for library in self._libraries]

    def note_imports(self) -> None:
        """Note that tasks may have loaded libraries."""
        self._modules, self._has_garbage = 0, True

    def end(self) -> None:
        with self._lock:
            self._calls -= 1
            if self._calls:
                return
            if self._has_garbage:
                self._has_garbage = False
                _trim()
            before = {library.filepath: number for library, number in zip(self._libraries, self._before)}
            if before and not self._modules:
                self._libraries, self._modules = _blas(), len(sys.modules)
            for library in self._libraries:
                # One that tasks have loaded would have had the same number of threads as the others.
                library.set_num_threads(before.get(library.filepath) or max(before.values()))


def _blas() -> list[Any]:
    import threadpoolctl

    return [library for library in threadpoolctl.ThreadpoolController().lib_controllers if library.user_api == "blas"]


def _trim() -> None:
    """Give back the memory that imports in interpreters have freed: a hundredth of what scikit-learn takes."""
    import ctypes

    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:  # the C library is glibc
        trim(ctypes.c_size_t(0))


program_limits = ProgramLimits()
