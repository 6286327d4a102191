"""joblib's `Parallel`, and scikit-learn with it, in isolated interpreters: ``joblib.parallel_config(backend="ungil")``.

A program that imports ungil before it names the backend does not need to import this module.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any, Callable

from joblib.parallel import (
    EXTERNAL_BACKENDS,
    FallbackToBackend,
    ParallelBackendBase,
    SequentialBackend,
    cpu_count,
    register_parallel_backend,
)

from ._inner_threads import Limits, call_limited, limits_of, program_limits
from ._native.forks import register_at_fork
from .interpreters._ending import end_by_interrupt
from .interpreters.executor import BrokenInterpreterPool, InterpreterPoolExecutor

__all__ = ["InterpreterBackend", "register"]

Callback = Callable[["Future[Any]"], object]

SHORT_BATCH, LONG_BATCH = 0.05, 0.5
"""Seconds that a batch of calls should take at least and at most: a request costs 0.1 ms."""

OF_PROCESSES = {"context", "idle_worker_timeout", "max_nbytes", "mmap_mode", "temp_folder", "verbose"}
"""What joblib passes to all backends, or users to those of processes, and has no meaning here."""

GROWTH = 8
"""How many times as long as the last batches the next ones may be."""


class InterpreterBackend(ParallelBackendBase):  # type: ignore[misc]
    """A backend of joblib that runs the calls of `Parallel` in isolated interpreters.

    Parameters
    ----------
    nesting_level : int, optional
        How many calls of `Parallel` this one is made in; joblib sets it.
    inner_max_num_threads : int, optional
        How many threads BLAS and OpenMP may use in each call; by default the number of processors divided by `n_jobs`,
        and at least 1, unless the environment sets it (``OMP_NUM_THREADS`` and so on). It needs threadpoolctl, with
        which scikit-learn comes. During the call of `Parallel` the limit of BLAS, which a process has once, is the
        whole program's.
    **options
        Parameters of `ungil.InterpreterPoolExecutor`, for example `initializer`, `preload` or `private`. With any of
        them, the pool is this backend's own, and later calls of `Parallel` do not use it.

    Raises
    ------
    TypeError
        If `InterpreterPoolExecutor` has no such parameter.

    Notes
    -----
    `n_jobs` is -1 by default: all processors. Arguments and results go as for `InterpreterPoolExecutor.submit`: a numpy
    array of more than 512 KiB is read in place, and is not writeable meanwhile. There are no memory maps, so
    `max_nbytes`, `mmap_mode` and `temp_folder` have no effect. If a call fails or takes longer than `timeout`, and when
    Ctrl-C is pressed, the other calls are interrupted. Calls of `Parallel` in a task use threads, or what they name.

    Examples
    --------
    >>> import joblib
    >>> import ungil.joblib
    >>> with joblib.parallel_config(backend="ungil", n_jobs=2):
    ...     joblib.Parallel()(joblib.delayed(pow)(2, n) for n in range(5))
    [1, 2, 4, 8, 16]
    """

    default_n_jobs = -1
    supports_retrieve_callback = True
    supports_inner_max_num_threads = True
    supports_sharedmem = False
    uses_threads = False

    def __init__(
        self, nesting_level: int | None = None, inner_max_num_threads: int | None = None, **options: Any
    ) -> None:
        super().__init__(nesting_level=nesting_level, inner_max_num_threads=inner_max_num_threads)
        self._options, self._all_options = options, options
        self._pool: InterpreterPoolExecutor | None = None
        self._limits: Limits | None = None
        self._size = 0
        self._batch, self._duration = 1, 0.0
        self._is_broken = False

    def effective_n_jobs(self, n_jobs: int | None) -> int:
        """Return how many calls run at the same time, for the `n_jobs` of `Parallel`."""
        if n_jobs == 0:
            raise ValueError("n_jobs == 0 in Parallel has no meaning")
        if n_jobs is None:
            return 1
        processors: int = cpu_count()
        return n_jobs if n_jobs > 0 else max(processors + 1 + n_jobs, 1)

    def configure(
        self,
        n_jobs: int | None = 1,
        parallel: Any = None,
        prefer: str | None = None,
        require: str | None = None,
        **options: Any,
    ) -> int:
        """Get a pool ready, and return its number of workers. The options are as for this class."""
        n_jobs = self.effective_n_jobs(n_jobs)
        if n_jobs == 1:
            raise FallbackToBackend(SequentialBackend(nesting_level=self.nesting_level))
        self.parallel = parallel
        self._limits = limits_of(self.inner_max_num_threads, max(cpu_count() // n_jobs, 1))
        own = {name: value for name, value in options.items() if name not in OF_PROCESSES}
        self._all_options = {**self._options, **own}
        self._pool, self._size, self._is_broken = _take(n_jobs, self._all_options), n_jobs, False
        program_limits.begin(self._limits)
        return n_jobs

    def submit(self, func: Callable[[], Any], callback: Callback | None = None) -> Future[Any]:
        """Have a worker run a batch of calls."""
        if self._pool is None:
            raise RuntimeError("the call of Parallel has ended")
        try:
            future = self._pool.submit(call_limited, func, *self._limits or ())
        except BrokenInterpreterPool:
            self._is_broken = True
            raise
        if callback is not None:
            future.add_done_callback(callback)
        return future

    def apply_async(self, func: Callable[[], Any], callback: Callback | None = None) -> Future[Any]:
        """Do as `submit`: joblib 1.4 and older call it by this name."""
        return self.submit(func, callback)

    def retrieve_result_callback(self, future: Future[Any]) -> Any:
        """Return the results of a batch, or raise its exception."""
        try:
            has_imported, results = future.result()
        except BrokenInterpreterPool:
            self._is_broken = True
            raise
        if has_imported:
            program_limits.note_imports()
        return results

    def compute_batch_size(self) -> int:
        """Return how many calls the next batches have."""
        if 0 < self._duration < SHORT_BATCH:
            self._batch, self._duration = min(self._batch * GROWTH, self._ideal(2 * SHORT_BATCH)), 0.0
        elif self._duration > LONG_BATCH and self._batch > 1:
            self._batch, self._duration = self._ideal(2 * SHORT_BATCH), 0.0
        return self._batch

    def _ideal(self, duration: float) -> int:
        return max(1, int(self._batch * duration / self._duration))

    def batch_completed(self, batch_size: int, duration: float) -> None:
        """Note how many seconds a batch has taken since it was submitted."""
        if batch_size == self._batch:
            self._duration = 0.8 * self._duration + 0.2 * duration if self._duration else duration

    def terminate(self) -> None:
        """End a call of `Parallel`. Its interpreters wait for the next one."""
        pool = self._end()
        if pool is not None and (self._all_options or self._is_broken):
            pool.shutdown()
        elif pool is not None:
            _give_back(self._size, pool)

    def abort_everything(self, ensure_ready: bool = True) -> None:
        """Cancel and interrupt all calls. Those that go on for a second are left behind."""
        pool = self._end()
        if pool is not None:
            end_by_interrupt(pool)
        if ensure_ready:
            self.configure(self.parallel.n_jobs, self.parallel, **self._all_options)

    def _end(self) -> InterpreterPoolExecutor | None:
        self._batch, self._duration = 1, 0.0
        pool, self._pool = self._pool, None
        if pool is not None:
            program_limits.end()
        return pool


# The pool that no call of Parallel uses at present, with its size: the next call with this size takes it.
_idle: list[tuple[int, InterpreterPoolExecutor]] = []


def _take(size: int, options: dict[str, Any]) -> InterpreterPoolExecutor:
    while _idle and not options:
        try:
            idle_size, pool = _idle.pop()
        except IndexError:  # another thread has taken it
            break
        if idle_size == size:
            return pool
        pool.shutdown()  # the new one gets its interpreters
    return InterpreterPoolExecutor(size, **{"preload": ["joblib.parallel"], **options})


def _give_back(size: int, pool: InterpreterPoolExecutor) -> None:
    _idle.append((size, pool))
    while len(_idle) > 1:
        try:
            _, oldest = _idle.pop(0)
        except IndexError:
            break
        oldest.shutdown(wait=False)


def register() -> None:
    """Register the backend with joblib, as "ungil". The import of this module has done so."""
    register_parallel_backend("ungil", InterpreterBackend)
    EXTERNAL_BACKENDS.setdefault("ungil", register)


register_at_fork(after_in_child=_idle.clear)
register()
