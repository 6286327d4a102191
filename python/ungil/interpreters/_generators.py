"""Generators that run in an interpreter, for streams: a few of their items wait until the program takes them.

Only interpreters run this. Both sides import it, as functions are sent by name.
"""

from __future__ import annotations

import sys
import threading
from collections import deque

from . import _pickling

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

POLL_INTERVAL = 0.02  # seconds after which a wait notices that the program has closed the stream

_buffers: dict[int, _Buffer] = {}  # by the streams' numbers


class _Buffer:
    """Items on their way from the generator to the program.

    closed: a byte that the program sets to close the stream. It takes neither a lock nor a request, so it can be set
    anywhere, as by a destructor.
    """

    def __init__(self, size: int, closed: memoryview) -> None:
        self._size, self._closed = size, closed
        self._items: deque[Any] = deque()
        self._changed = threading.Condition()
        self._is_over = False

    @property
    def is_closed(self) -> bool:
        return bool(self._closed[0])

    def put(self, item: Any) -> None:
        """Add an item. There is room for it."""
        with self._changed:
            self._items.append(item)
            self._changed.notify_all()

    def wait_for_room(self) -> None:
        with self._changed:
            while len(self._items) >= self._size and not self.is_closed:
                self._changed.wait(POLL_INTERVAL)

    def take(self, limit: int) -> list[Any]:
        """The first items, but at least one; none if no more will come."""
        with self._changed:
            while not (self._items or self._is_over or self.is_closed):
                self._changed.wait(POLL_INTERVAL)
            taken = [self._items.popleft() for _ in range(min(limit, len(self._items)))]
            self._changed.notify_all()
        return taken

    def end(self) -> list[Any]:
        """The items that nobody takes any more; none if the program does not want them."""
        with self._changed:
            self._is_over = True
            self._changed.notify_all()
            rest = [] if self.is_closed else list(self._items)
            self._items.clear()
        return rest


def begin(number: int, size: int, closed: memoryview) -> None:
    """Make the buffer of a stream, before it runs."""
    _buffers[number] = _Buffer(size, closed)


def take(number: int, limit: int) -> list[Any]:
    """Items of the stream, for the program: immutable ones as they are, and messages of others."""
    return _buffers[number].take(limit)


def run(number: int, source: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> tuple[list[Any], Any]:
    """Iterate until the end, or until the stream is closed. (The items that were not taken, the failure or None)."""
    from ._worker import failure_of  # which the program cannot import

    buffer, failure = _buffers[number], None
    try:
        if not buffer.is_closed:
            _iterate(iter(source(*args, **kwargs) if callable(source) else source), buffer)
    except BaseException as error:
        failure = failure_of(error, ())
    finally:
        rest = buffer.end()
        del _buffers[number]
    return rest, failure


def _iterate(items: Iterator[Any], buffer: _Buffer) -> None:
    from ._ownership import give_away

    try:
        for item in items:
            if not _pickling.needs_only_pickle((item,)):
                message = _pickling.dumps(item)
                item = None  # so that, if the generator does not keep it, only the message has its memory
                give_away(message.buffers)
                item = message
                del message
            buffer.put(item)
            del item  # the generator waits, and nothing else has what the program takes
            buffer.wait_for_room()
            if buffer.is_closed:
                return
    finally:
        if hasattr(items, "close"):
            items.close()


if "_ungil" in sys.modules:
    sys.modules["_ungil"].FILES.add(__file__)  # its frames are no part of tracebacks
