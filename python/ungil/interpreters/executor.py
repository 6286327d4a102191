"""A pool of interpreters, as an executor: `concurrent.futures` for Python code on all cores of one process."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Callable, SupportsIndex

from .._native import recursion
from .._native.interruptible import is_interrupt
from .._native.library import library
from .._native.locks import Numbers
from .._typing import Parameters, Result
from . import _actor_threads, _chunks, _nesting, _options, _stream, _streams
from ._acting import Acting
from ._calls import Call, call_of, seeded_call_of
from ._futures import PoolFuture
from ._pool import BrokenInterpreterPool, Pool
from ._preload import names_of
from ._seeds import Seeds
from ._shared_variables import shared_variables
from .interpreter import Path, require


class InterpreterPoolExecutor(Acting):
    """An executor that runs Python code in isolated interpreters of this process, on all cores.

    It has the interface of the class of that name in `concurrent.futures`, and derives from it. Before Python 3.14,
    which brought that class, it derives from `concurrent.futures.ThreadPoolExecutor`.

    Parameters
    ----------
    max_workers : int, optional
        How many interpreters there may be; `ungil.num_threads()` by default. They start when needed, unless there is
        `preload`.
    thread_name_prefix : str, optional
        The beginning of the names of their threads.
    initializer : callable, optional
        A function that is called in each interpreter before its first task. What it assigns to globals of `__main__`
        is there for tasks, until the program itself changes these globals. The interpreters are this pool's own, and
        later those of pools with an initializer of the same name: no others' tasks have run in them.
    initargs : tuple, optional
        The initializer's arguments.
    preload : list of str, optional
        Modules that each interpreter imports before its first task. With it, all interpreters start at once, side by
        side. If a module cannot be imported, the pool is broken, as if the initializer had failed.
    share : mapping of str to object, optional
        Memory that each interpreter's `__main__` has, by the names of the variables; see `ungil.share`.
    private, shared : list of path, optional
        Libraries in C to be loaded once for each interpreter, or once for the process; see `Interpreter`.
    stack_size : int, optional
        Bytes of stack that a task has: between 1 MiB and 1 GiB. By default as many as a program's main thread has
        (``ulimit -s``, usually 8 MiB), and more if the program has raised the recursion limit.
    fresh : bool, optional
        Whether all interpreters are new. By default they may have run tasks of earlier pools: packages stay imported,
        with what these tasks have changed in them.
    redirect_output : bool, optional
        Whether what tasks print goes to the program's `sys.stdout` and `sys.stderr`, whatever these are at the time:
        streams of `contextlib.redirect_stdout`, of pytest's `capsys`, of a notebook. By default it goes to the
        descriptors 1 and 2 of the process.
    seed : int, optional
        Seeds the global generators of `random` and `numpy.random` before each task, by this number and the number of
        tasks before it. So a program that submits the same tasks in the same order gets the same random numbers,
        whatever the number of workers, and whichever of them runs a task; each element of `map` counts as a task. By
        default these generators have seeds from the system, which differ between interpreters.

    Raises
    ------
    UnsupportedError
        If there can be no interpreters.
    ValueError, TypeError
        If an argument is wrong.

    Notes
    -----
    Tasks may be any functions, including lambdas and functions of `__main__`, and may use any packages. Arguments and
    results are pickled, and numpy arrays in them are passed as for `Interpreter.call`: results are the program's own;
    arguments of up to 512 KiB are copied, and larger ones lent until the task is done. Arrays in `initargs` are lent
    until the pool is shut down. A task may recurse as deep as `sys.setrecursionlimit` allowed the program when its
    interpreter started; see `Interpreter`.

    Ctrl-C, while the main thread waits for a future, or in the `with` block, cancels what is queued and interrupts what
    runs; then KeyboardInterrupt is raised. Tasks that go on for a second after that are left behind, and the pool is
    broken.

    When the program ends, it waits for all submitted tasks, however long they take, as with the standard library's
    executors.

    Cost: that of an `Interpreter` for each worker, which later pools reuse; 20 to 50 us per task, during some 10 us of
    which the program's lock is held. The first task that needs a module imports it, in each interpreter, unless
    `preload` names it.

    Results are unpickled in the thread that asks for them. Callbacks of futures are called by one thread of the pool:
    one that waits for another callback waits for ever.

    A task that ends its interpreter, by `abort()` in C, `os._exit` or a stack overflow, fails with
    InterpreterDiedError, and the pool goes on with a new one. A crash in C code ends the process: use
    `concurrent.futures.ProcessPoolExecutor` for code that crashes.

    Examples
    --------
    >>> import ungil
    >>> with ungil.InterpreterPoolExecutor() as pool:
    ...     list(pool.map(lambda n: sum(range(n)), [10, 20, 30]))
    [45, 190, 435]
    """

    BROKEN = BrokenInterpreterPool

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        preload: Iterable[str] | None = None,
        share: Mapping[str, Any] | None = None,
        private: Sequence[Path] | None = None,
        shared: Sequence[Path] | None = None,
        stack_size: SupportsIndex | None = None,
        fresh: bool = False,
        redirect_output: bool = False,
        seed: SupportsIndex | None = None,
    ) -> None:
        require()
        options = _options.of_pool(private, shared, fresh, initializer)
        if max_workers is None:
            max_workers = library.ungil_num_threads()
        max_workers = operator.index(max_workers)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        share = shared_variables(share or {})
        _options.checked_flag("redirect_output", redirect_output)
        self._seeds = None if seed is None else Seeds(operator.index(seed))
        first = None if initializer is None else self._first_call(initializer, initargs, frozenset(share))
        modules = None if preload is None else names_of(preload)
        name = thread_name_prefix or "InterpreterPoolExecutor-%d" % _numbers.take()
        stack = 0 if stack_size is None else recursion.checked_stack(stack_size)
        pool = Pool(max_workers, name, share, first, modules, options, stack, redirect_output)
        self._set_attributes(pool, max_workers, name)
        self._setup = _stream.Setup(share, options, modules or (), first, stack, name, redirect_output, None)
        if modules is not None:
            _nesting.refuse_modules(modules)
            self._pool.start_all()

    def _first_call(self, initializer: Callable[..., object], args: tuple[Any, ...], names: frozenset[str]) -> Call:
        if self._seeds is None:
            call = call_of(initializer, args, {}, names)
        else:
            call = seeded_call_of(initializer, (self._seeds.of_initializer, *args), {}, names)
        call.is_for_all = True
        return call

    def submit(
        self, fn: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Future[Result]:
        """Schedule a call of fn(*args, **kwargs), which is pickled now.

        A numpy array of more than 512 KiB in the arguments is not copied. The task reads its memory in place, and until
        the task is done, or is cancelled, the array is not writeable: to write to it raises ValueError. So is the array
        that it is a view of, but not other views that exist already.

        Parameters
        ----------
        fn : callable
            Any function that pickle or cloudpickle can pickle.
        *args, **kwargs
            Its arguments.

        Returns
        -------
        concurrent.futures.Future
            A future for the result. It fails if the call cannot be pickled.

        Raises
        ------
        BrokenInterpreterPool
            If the pool can run no more tasks.
        RuntimeError
            After `shutdown`.

        Examples
        --------
        >>> import ungil
        >>> with ungil.InterpreterPoolExecutor() as pool:
        ...     pool.submit(pow, 2, 10).result()
        1024
        """
        _chunks.submit_earlier(self._pool)
        if self._seeds is None:
            return self._submit(call_of, fn, args, kwargs)
        return self._submit(seeded_call_of, fn, (self._seeds.next(), *args), kwargs)

    def _submit(self, pickled: Callable[..., Call], *content: Any) -> Future[Any]:
        pool = self._pool
        future = PoolFuture(pool)
        call, error = _outcome(pickled, *content, pool.shared_names)
        if call is None:
            future.set_exception(error)
        else:
            _streams.flush()
            try:
                pool.put(call, future)
            finally:
                call.drop()  # the library has it now, or nobody; a traceback has this frame
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more tasks.

        Parameters
        ----------
        wait : bool, optional
            Whether to wait until the workers have ended.
        cancel_futures : bool, optional
            Whether to cancel the tasks that are queued, and not to complete them.

        Examples
        --------
        >>> import ungil
        >>> pool = ungil.InterpreterPoolExecutor()
        >>> future = pool.submit(pow, 2, 10)
        >>> pool.shutdown()
        >>> future.result()
        1024
        """
        if cancel_futures:
            _chunks.cancel_all(self._pool)
        _chunks.submit_all(self._pool)
        _stream.close_all(self._pool)
        self._pool.shutdown()
        if cancel_futures:
            self._pool.cancel()
        try:
            if wait:
                _stream.join_all(self._pool)
                self._pool.join()
        except KeyboardInterrupt:
            _actor_threads.stop_all(self._pool)
            raise
        _actor_threads.end_all(self._pool, waits=wait, cancels=cancel_futures)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        if is_interrupt(error):
            _chunks.cancel_all(self._pool)
            _stream.close_all(self._pool, interrupts=True)
            self._pool.shutdown()
            self._pool.stop_and_join()
            _stream.join_all(self._pool)
            _actor_threads.stop_all(self._pool)
        else:
            self.shutdown()
        return None

    def __del__(self) -> None:
        if hasattr(self, "_pool"):
            self._pool.shutdown()


_numbers = Numbers(0)


def _outcome(pickled: Callable[..., Call], *content: Any) -> tuple[Call | None, Exception | None]:
    """The call, or the exception, whose traceback does not have the frame that has the future."""
    try:
        return pickled(*content), None
    except Exception as error:
        return None, error


__all__ = ["BrokenInterpreterPool", "InterpreterPoolExecutor"]
