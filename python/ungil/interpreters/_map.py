"""`map`: the results of calls of one function, in order.

The calls go in chunks, as a request costs as much as many short calls. The sizes of chunks are chosen by the time that
those before them took, so a map submits a few for each worker, and more whenever one is completed. With `buffersize`,
the program has it read and submit more by taking results.
"""

from __future__ import annotations

import itertools
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Callable

from .._native.scalars import as_seconds
from ._calls import function_of
from ._chunks import Chunks, Submitter
from ._pickling import Message, loads
from ._requests import exception_of

AHEAD = 64
"""The `buffersize` of a map of endless iterables, for each worker."""


class Results(Iterator[Any]):
    """The results of a `map`. It has a length, how many are to come, if that is known: progress bars show it."""

    def __init__(self, results: Iterator[Any], length: int | None) -> None:
        self._results: Any = results
        self._length = length

    def __next__(self) -> Any:
        result = next(self._results)
        if self._length is not None:
            self._length -= 1
        return result

    def __len__(self) -> int:
        if self._length is None:
            raise TypeError("the iterables of this map have no length")
        return self._length

    def __bool__(self) -> bool:
        return True

    def close(self) -> None:
        """Cancel the calls that have not begun. There are no more results."""
        self._results.close()
        self._length = 0


def results_of(
    submitter: Submitter,
    fn: Callable[..., Any],
    iterables: Sequence[Iterable[Any]],
    timeout: float | None,
    chunksize: int | None,
    buffersize: int | None,
) -> Results:
    """The results of an executor's `map`, whose parameters the others are."""
    if chunksize is not None and chunksize < 1:
        raise ValueError("chunksize must be >= 1.")
    if buffersize is not None and not isinstance(buffersize, int):
        raise TypeError("buffersize must be an integer or None")
    if buffersize is not None and buffersize < 1:
        raise ValueError("buffersize must be None or > 0")
    deadline = None if timeout is None else time.monotonic() + as_seconds("timeout", timeout)
    if buffersize is None and iterables and all(map(_is_endless, iterables)):
        buffersize = AHEAD * submitter.workers
    function = function_of(fn, submitter.pool.shared_names)
    seeds = submitter.seeds
    calls = zip(*iterables) if seeds is None else ((seeds.next(), *args) for args in zip(*iterables))
    parts = _parts(calls, chunksize)
    chunks = Chunks(submitter, function, parts, chunksize is None, buffersize)
    if buffersize is None:
        length: int | None = chunks.read_all()
    else:
        length = _common_length(iterables)
        chunks.read(min(buffersize, sys.maxsize))
    return Results(_results(chunks, deadline), length)


def _parts(calls: Iterator[Any], size: int | None) -> Iterator[list[Any]]:
    if size is None:
        return ([args] for args in calls)
    size = min(size, sys.maxsize)
    return iter(lambda: list(itertools.islice(calls, size)), [])


def _is_endless(iterable: object) -> bool:
    if isinstance(iterable, itertools.repeat):
        try:
            return iterable.__length_hint__() < 0
        except TypeError:
            return True
    return isinstance(iterable, (itertools.count, itertools.cycle))


def _common_length(iterables: Sequence[Any]) -> int | None:
    """How many calls there are; None if that is not known."""
    try:
        return min(map(len, iterables), default=0)
    except TypeError:
        return None


def _results(chunks: Chunks, deadline: float | None) -> Iterator[Any]:
    try:
        while chunks.has_next():
            results, failure = chunks.next(None if deadline is None else deadline - time.monotonic())
            results.reverse()
            is_part = chunks.is_guided and chunks.is_read_ahead
            if not is_part:
                chunks.read(1)
            while results:
                if is_part:  # a result is
                    chunks.read(1)
                yield _loaded(results.pop())  # nothing here keeps it
            if failure is not None:
                raise exception_of(failure)
        if chunks.error is not None:
            raise chunks.error
    finally:
        chunks.cancel()


def _loaded(result: Any) -> Any:
    if type(result) is Message:
        return loads(result.data, [buffer.view for buffer in result.buffers])
    return result
