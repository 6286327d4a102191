"""Dask's workers with isolated interpreters: one worker of a machine runs tasks on all its cores.

``dask worker --preload ungil.dask tcp://...`` gives a worker a pool of interpreters, and so does the plugin
`InterpreterPool` for all workers of a cluster. Without a cluster, the pool itself is a scheduler of Dask:
``x.compute(scheduler=pool)``.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import Any

from distributed.diagnostics.plugin import WorkerPlugin

from .interpreters._ending import end_by_interrupt
from .interpreters.executor import InterpreterPoolExecutor

__all__ = ["InterpreterPool", "dask_setup"]


class InterpreterPool(WorkerPlugin):  # type: ignore[misc]
    """A plugin that has a worker of Dask run its tasks in isolated interpreters.

    Parameters
    ----------
    max_workers : int, optional
        How many interpreters a worker has; its number of threads by default, which is how many tasks it has at a time.
    name : str, optional
        The name of the executor. By default all tasks run there, and those with ``dask.annotate(executor="threads")``
        in the worker's threads; with another name, those that are annotated with it.
    **options
        Other parameters of `ungil.InterpreterPoolExecutor`.

    Raises
    ------
    TypeError
        If `InterpreterPoolExecutor` has no such parameter; at the registration, as its other errors.

    Notes
    -----
    Tasks get their data as tasks of `InterpreterPoolExecutor` do: an array of more than 512 KiB is read in place, from
    the worker's one copy. `distributed.get_worker` and `worker_client` do not work in interpreters; coroutines and
    actors stay in the worker's threads. When a worker closes, its tasks are interrupted.

    Examples
    --------
    >>> from distributed import Client
    >>> from ungil.dask import InterpreterPool
    >>> with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
    ...     _ = client.register_plugin(InterpreterPool())
    ...     client.submit(pow, 2, 10).result()
    1024
    """

    def __init__(self, max_workers: int | None = None, name: str = "default", **options: Any) -> None:
        self.name = "ungil-%s" % name
        self._executor, self._max_workers, self._options = name, max_workers, options
        self._pool: InterpreterPoolExecutor | None = None
        self._replaced: Executor | None = None

    def setup(self, worker: Any) -> None:
        """Give the worker a pool."""
        size = self._max_workers or worker.state.nthreads
        options = {"preload": ["distributed.worker"], **self._options}
        self._pool = InterpreterPoolExecutor(size, "dask-interpreters", **options)
        self._replaced = worker.executors.get(self._executor)
        worker.executors[self._executor] = self._pool
        if self._executor == "default":
            worker.executors.setdefault("threads", self._replaced)

    async def teardown(self, worker: Any) -> None:
        """Interrupt the tasks, and give the worker its executor back."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._replaced is None:
            del worker.executors[self._executor]
        else:
            worker.executors[self._executor] = self._replaced
        await asyncio.get_running_loop().run_in_executor(None, end_by_interrupt, pool)


async def dask_setup(worker: Any) -> None:
    """Give a worker a pool, for ``dask worker --preload ungil.dask``.

    Parameters
    ----------
    worker : distributed.Worker
        The worker.
    """
    await worker.plugin_add(InterpreterPool())
