"""The standard library's executor of interpreters, from which this package's derives.

Some code accepts only that class, for example `loop.set_default_executor` of asyncio. Other packages read some of its
private attributes, which are therefore here: schedulers read the number of workers, monitors the length of the queue.
"""

from __future__ import annotations

from typing import Any

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures.thread import BrokenThreadPool as BrokenStandardPool
    from concurrent.futures.thread import ThreadPoolExecutor as StandardExecutor

    from ._pool import Pool
else:
    try:
        from concurrent.futures.interpreter import BrokenInterpreterPool as BrokenStandardPool
        from concurrent.futures.interpreter import InterpreterPoolExecutor as StandardExecutor
    except ImportError:  # before Python 3.14
        from concurrent.futures.thread import BrokenThreadPool as BrokenStandardPool
        from concurrent.futures.thread import ThreadPoolExecutor as StandardExecutor

__all__ = ["BrokenStandardPool", "PoolAttributes"]


class _WorkQueue:
    """The tasks that no worker has taken. Programs ask how many there are."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    def qsize(self) -> int:
        return self._pool.queue_length

    def empty(self) -> bool:
        return not self._pool.queue_length


class PoolAttributes(StandardExecutor):
    """The standard class with the attributes that others read. Its constructor is not called: it would start a pool."""

    _max_workers: int
    _thread_name_prefix: str

    def _set_attributes(self, pool: Pool, max_workers: int, name: str) -> None:
        self._pool, self._max_workers, self._thread_name_prefix = pool, max_workers, name

    @property
    def _broken(self) -> bool:  # type: ignore[override]
        """Whether it can run no more tasks."""
        return self._pool.is_broken

    @property
    def _shutdown(self) -> bool:  # type: ignore[override]
        """Whether it takes no more tasks."""
        return self._pool.is_shutdown

    @property
    def _threads(self) -> set[Any]:  # type: ignore[override]
        """The threads of the workers."""
        return set(self._pool.workers)

    @property
    def _work_queue(self) -> _WorkQueue:  # type: ignore[override]
        return _WorkQueue(self._pool)
