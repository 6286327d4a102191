"""`map`: chunks of calls of one function, and their results in order."""

from __future__ import annotations

import itertools
import sys
import time
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any, Callable

from .._native.scalars import as_seconds
from ._calls import function_of, map_of
from ._requests import exception_of


def results_of(
    submit: Callable[..., Future[Any]],
    shared_names: frozenset[str],
    fn: Callable[..., Any],
    iterables: Sequence[Iterable[Any]],
    timeout: float | None,
    chunksize: int,
    buffersize: int | None,
) -> Iterator[Any]:
    """The results of fn, in order. The parameters after `shared_names` are those of the executor's `map`.

    submit: submits what `map_of`, which it gets first, makes of its other arguments.
    """
    if chunksize < 1:
        raise ValueError("chunksize must be >= 1.")
    if buffersize is not None and not isinstance(buffersize, int):
        raise TypeError("buffersize must be an integer or None")
    if buffersize is not None and buffersize < 1:
        raise ValueError("buffersize must be None or > 0")
    deadline = None if timeout is None else time.monotonic() + as_seconds("timeout", timeout)
    chunksize = min(chunksize, sys.maxsize)
    futures = _submit_chunks(submit, shared_names, fn, zip(*iterables), chunksize)
    pending = deque(futures if buffersize is None else itertools.islice(futures, min(buffersize, sys.maxsize)))
    return _results(pending, futures, deadline)


def _submit_chunks(
    submit: Callable[..., Future[Any]],
    shared_names: frozenset[str],
    fn: Callable[..., Any],
    calls: Iterator[tuple[Any, ...]],
    size: int,
) -> Iterator[Future[Any]]:
    function = function_of(fn, shared_names)
    while True:
        chunk = list(itertools.islice(calls, size))
        if not chunk:
            return
        yield submit(map_of, function, chunk)


def _results(pending: deque[Future[Any]], more: Iterator[Future[Any]], deadline: float | None) -> Iterator[Any]:
    """The results of chunks, in order. When the iterator is closed, the queued chunks are cancelled."""
    try:
        while pending:
            left = None if deadline is None else deadline - time.monotonic()
            results, failure = pending[0].result(left)
            pending.popleft()
            pending.extend(itertools.islice(more, 1))
            yield from _drain(results)
            if failure is not None:
                raise exception_of(failure)
    finally:
        for future in pending:
            future.cancel()


def _drain(results: list[Any]) -> Iterator[Any]:
    """The elements, in order. The list does not keep one that was yielded."""
    results.reverse()
    while results:
        yield results.pop()
