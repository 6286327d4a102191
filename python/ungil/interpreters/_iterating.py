"""The methods of the executor that return iterators, which other modules make."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Callable

from .._typing import Result
from . import _chunks, _stream
from ._map import results_of
from ._seeds import Seeds
from ._standard import PoolAttributes


class Iterating(PoolAttributes):
    """`map` and `stream`."""

    _setup: _stream.Setup
    _seeds: Seeds | None
    _submit: Callable[..., Future[Any]]

    def _seeded_setup(self) -> _stream.Setup:
        """What the next interpreter of a stream or an actor has."""
        return self._setup if self._seeds is None else self._setup.with_seed(self._seeds.next())

    def map(
        self,
        fn: Callable[..., Result],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int | None = None,
        buffersize: int | None = None,
    ) -> Iterator[Result]:
        """Call fn with the elements of the iterables, as the builtin `map` does.

        fn is pickled once, and arguments when they are read. Calls go in chunks, whose sizes are chosen by the time
        that those before have taken: long calls one by one, short ones many at a time.

        Parameters
        ----------
        fn : callable
            Any function that pickle or cloudpickle can pickle.
        *iterables : iterable
            Its arguments.
        timeout : float, optional
            Seconds from now, after which the iterator raises TimeoutError.
        chunksize : int, optional
            How many calls make one task, whatever time they take. Their arguments are pickled together.
        buffersize : int, optional
            How many calls (tasks, with `chunksize`) may be ahead of the results that have been taken: the iterables are
            read no further. By default they are read to their end now, except for those of `itertools` that have none.

        Returns
        -------
        iterator
            The results, in order. It has a length, how many are to come, if the iterables have, or are read to their
            end; progress bars such as tqdm show it. `close()` cancels the calls that have not begun, and so does an
            exception that the iterator raises.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong.
        BrokenInterpreterPool, RuntimeError
            As for `submit`.
        Exception
            What the iterables raise. With `buffersize`, the iterator raises it after the results before it.

        Notes
        -----
        All calls are made even if one fails, or nobody takes the results. If a call ends its interpreter, the others of
        its chunk fail too.

        Examples
        --------
        >>> import itertools
        >>> import ungil
        >>> with ungil.InterpreterPoolExecutor() as pool:
        ...     list(pool.map(pow, [2, 3], [10, 4]))
        ...     squares = pool.map(lambda n: n * n, itertools.count(), buffersize=100)
        ...     next(n for n in squares if n > 1000)
        [1024, 81]
        1024
        """
        _chunks.submit_earlier(self._pool)
        submitter = _chunks.Submitter(self._pool, self._submit, self._max_workers, self._seeds)
        return results_of(submitter, fn, iterables, timeout, chunksize, buffersize)

    def stream(
        self, source: Callable[..., Iterable[Any]] | Iterable[Any], /, *args: Any, buffersize: int = 16, **kwargs: Any
    ) -> _stream.Stream:
        """Run a generator in an interpreter, and iterate over its items while it runs.

        The interpreter is one of its own, and none of the pool's `max_workers`: tasks go on, also while the generator
        waits. It has the pool's `initializer`, `preload`, `share` and options.

        Parameters
        ----------
        source : callable or iterable
            A generator function, or another one that returns an iterable; or an iterable itself, which is pickled.
        *args, **kwargs
            The function's arguments, which are pickled now.
        buffersize : int, optional
            How many items may wait to be taken. While there are so many, the generator waits.

        Returns
        -------
        iterator
            The items. Its `close()`, the end of a `with` block, or that it is freed, close the generator when that
            comes to its next item: GeneratorExit is raised there, and its `finally` blocks run. The pool's shutdown
            does the same, and waits for a second at most; after that the iterator raises RuntimeError.

        Raises
        ------
        ValueError, TypeError
            If a parameter is wrong.
        RuntimeError
            After `shutdown`.
        Exception
            What pickle raises. The iterator raises what the generator does, after the items before it; and
            InterpreterDiedError if the interpreter has died.

        Notes
        -----
        An array comes without a copy if the generator gives it away, as by ``yield numpy.zeros(n)`` (from Python 3.11
        on). One that it keeps, in a local variable for example, is copied. For a function of each item of an iterable,
        see `map` with `buffersize`. In asyncio, use `ungil.aio.stream`.

        Cost: that of an `Interpreter`, and a thread; then that of putting the items into an `ungil.Queue` and getting
        them from it.

        Examples
        --------
        >>> import ungil
        >>> def countdown(n):
        ...     while n:
        ...         yield n
        ...         n -= 1
        >>> with ungil.InterpreterPoolExecutor() as pool:
        ...     list(pool.stream(countdown, 3))
        [3, 2, 1]
        """
        return _stream.stream_of(self._pool, self._seeded_setup(), source, args, kwargs, buffersize)
