"""Dask's workers with isolated interpreters: one worker of a machine runs tasks on all its cores.

``dask worker --preload ungil.dask tcp://...`` gives a worker a pool of interpreters, and so does the plugin
`InterpreterPool` for all workers of a cluster. Without a cluster, the pool itself is a scheduler of Dask:
``x.compute(scheduler=pool)``.
"""

from __future__ import annotations

import asyncio
import functools
import operator
import threading
from concurrent.futures import Executor, Future
from typing import Any, Callable

from distributed.diagnostics.plugin import WorkerPlugin
from distributed.threadpoolexecutor import ThreadPoolExecutor

from ._private_apis import variable_of_dask_worker
from .interpreters._ending import end_by_interrupt
from .interpreters.executor import InterpreterPoolExecutor

__all__ = ["InterpreterPool", "dask_setup"]


class _TaskExecutor(Executor):
    """What a worker gives its tasks to. A thread asks an interpreter for the result, and makes the message of it.

    So interpreters need nothing of distributed, which takes tens of MB. The name of this class must not have that of
    the standard library's pool of threads in it, by which a worker would know that.
    """

    def __init__(self, worker: Any, size: int, own_python: bool, options: dict[str, Any]) -> None:
        self._worker, self._max_workers, self._is_closed = worker, size, False
        interpreters = max(1, size - own_python)
        self._free = threading.Semaphore(interpreters)
        self._own_python = own_python
        self._pool = InterpreterPoolExecutor(interpreters, "dask-interpreters", **{"preload": ["dask"], **options})
        self._threads = ThreadPoolExecutor(size, thread_name_prefix="dask-tasks")

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a function of the worker called, whose first argument is the task."""
        if not args or not callable(args[0]) or _needs_worker(args[0]):
            call: Callable[..., Any] = functools.partial(self._with_worker, fn, *args)
        else:
            call = functools.partial(fn, functools.partial(self._call, args[0]), *args[1:])
        future: Future[Any] = self._threads.submit(call, **kwargs)
        return future

    def _call(self, task: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if _hands_on(task, *args):
            return task(*args, **kwargs)
        if not self._free.acquire(blocking=not self._own_python):
            return task(*args, **kwargs)
        try:
            return self._pool.submit(task, *args, **kwargs).result()
        except BaseException:
            if self._is_closed:  # KeyboardInterrupt would end the worker's event loop
                raise RuntimeError("the task was interrupted, as its worker closes") from None
            raise
        finally:
            self._free.release()

    def _with_worker(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        variable = variable_of_dask_worker()
        token = variable.set(self._worker)
        try:
            return fn(*args, **kwargs)
        finally:
            variable.reset(token)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Interrupt the tasks."""
        self._is_closed = True
        end_by_interrupt(self._pool)
        self._threads.shutdown(wait=False)


def _needs_worker(task: Any) -> bool:
    """Whether a task is a part of Dask's exchange between workers, which runs in a worker's own process."""
    function = getattr(task, "func", task)
    while isinstance(function, functools.partial):
        function = function.func
    modules = type(task).__module__, getattr(function, "__module__", None) or ""
    return any(module.startswith("distributed.shuffle") for module in modules)


def _hands_on(task: Any, *args: Any) -> bool:
    """Whether a task makes nothing: another name of a result, a list of results, or an item of a list or dictionary.

    From an interpreter, such results would come back as copies.
    """
    kind, containers = type(task), (dict, list, tuple)
    if kind.__module__ != "dask._task_spec":  # a function, before Dask 2024.12
        return task is operator.getitem and type(args[0]) in containers
    if kind.__name__ in ("Alias", "DataNode"):
        return True
    if kind.__name__ in ("Dict", "List", "Set", "Tuple"):
        return all(not hasattr(arg, "func") or _hands_on(arg) for arg in task.args)
    if task.func is not operator.getitem or not args:
        return False
    key = getattr(task.args[0], "key", None)
    return type(args[0].get(key)) in containers


class InterpreterPool(WorkerPlugin):  # type: ignore[misc]
    """A plugin that has a worker of Dask run its tasks in isolated interpreters.

    Parameters
    ----------
    max_workers : int, optional
        How many interpreters a worker has; its number of threads by default, which is how many tasks it has at a time.
    name : str, optional
        The name of the executor. By default all tasks run there, and those with ``dask.annotate(executor="threads")``
        in the worker's threads; with another name, those that are annotated with it.
    own_python : bool, optional
        Whether the worker's own Python runs one task at a time, when all interpreters are busy. There is one
        interpreter less then, which saves its memory: some 100 MB with dask.dataframe. If `max_workers` is 1, there is
        one interpreter.
    **options
        Other parameters of `ungil.InterpreterPoolExecutor`.

    Raises
    ------
    TypeError
        If `InterpreterPoolExecutor` has no such parameter; at the registration, as its other errors.

    Notes
    -----
    Tasks get their data as tasks of `InterpreterPoolExecutor` do: an array of more than 512 KiB is read in place, from
    the worker's one copy. `distributed.get_worker` and `worker_client` do not work in interpreters; coroutines, actors
    and Dask's exchange between workers stay in the worker's threads. When a worker closes, its tasks are interrupted.

    Examples
    --------
    >>> from distributed import Client
    >>> from ungil.dask import InterpreterPool
    >>> with Client(processes=False, n_workers=1, threads_per_worker=2, dashboard_address=None) as client:
    ...     _ = client.register_plugin(InterpreterPool())
    ...     client.submit(pow, 2, 10).result()
    1024
    """

    def __init__(
        self, max_workers: int | None = None, name: str = "default", *, own_python: bool = False, **options: Any
    ) -> None:
        self.name = "ungil-%s" % name
        self._executor, self._max_workers, self._own_python, self._options = name, max_workers, own_python, options
        self._own: _TaskExecutor | None = None
        self._replaced: Executor | None = None

    def setup(self, worker: Any) -> None:
        """Give the worker a pool."""
        size = self._max_workers or worker.state.nthreads
        self._own = _TaskExecutor(worker, size, self._own_python, self._options)
        self._replaced = worker.executors.get(self._executor)
        worker.executors[self._executor] = self._own
        if self._executor == "default":
            worker.executors.setdefault("threads", self._replaced)

    async def teardown(self, worker: Any) -> None:
        """Interrupt the tasks, and give the worker its executor back."""
        own, self._own = self._own, None
        if own is None:
            return
        if self._replaced is None:
            del worker.executors[self._executor]
        else:
            worker.executors[self._executor] = self._replaced
        await asyncio.get_running_loop().run_in_executor(None, own.shutdown)


async def dask_setup(worker: Any) -> None:
    """Give a worker a pool, for ``dask worker --preload ungil.dask``.

    Parameters
    ----------
    worker : distributed.Worker
        The worker.
    """
    await worker.plugin_add(InterpreterPool())
