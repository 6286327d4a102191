"""Generators that run in an interpreter, for streams. Both sides import this, as functions are sent by name."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any


def run(queue: Any, source: Any, args: Sequence[Any], kwargs: Mapping[str, Any], is_in_step: bool) -> Any:
    """Put the items into the queue, until the end, or until that is shut down. The failure, or None.

    is_in_step: whether to go on only when an item was taken.
    """
    from ._worker import failure_of  # which the program cannot import

    try:
        items = iter(source(*args, **kwargs) if callable(source) else source)
        try:
            _put(items, queue, is_in_step)
        finally:
            if hasattr(items, "close"):
                items.close()
    except BaseException as error:
        return failure_of(error, ())
    return None


def _put(items: Iterator[Any], queue: Any, is_in_step: bool) -> None:
    from ..exchange.queues import ShutDown

    box: list[Any] = []  # so that only the queue has an item which the generator gives away
    while True:
        try:
            box.append(next(items))
        except StopIteration:
            return
        try:
            queue.put(box.pop())
        except ShutDown:
            return
        if is_in_step:
            queue.join()


if "_ungil" in sys.modules:
    sys.modules["_ungil"].FILES.add(__file__)  # its frames are no part of tracebacks
