"""Items of queues on their way: as bytes, text, or pickles with memory that is lent."""

from __future__ import annotations

import atexit
import ctypes
import sys
from typing import Any, Callable, ClassVar

from .._arrays.addresses import address_of
from .._native import signatures as c
from .._native.library import library
from .._native.locks import Numbers
from .._private_apis import pickle
from ..interpreters import _pickling
from ..interpreters._ownership import give_away

PICKLE, BYTES = range(2)
"""The tags of messages: what their bytes are."""

PLAIN = _pickling.IMMUTABLE_TYPES
"""Types whose objects pickle alone can send."""

Send = Callable[[int, bytes, Any, int], int]
"""send(tag, data, buffers, count of these): puts a message, and returns the status."""


# Memory that messages have, by the numbers of its loans. Any thread adds to it or removes from it, by one operation of
# a dict.
_lent: dict[int, memoryview] = {}
_numbers = Numbers()


def _end_loan(number: int, pop: Any = _lent.pop) -> None:
    pop(number, None)


_release = c.UngilRelease(_end_loan)
if sys.implementation.name == "cpython":
    # It is never freed: the library may call it after the end of this module.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_release))
# A receiver may outlast this Python, and would crash in a callback then.
atexit.register(library.ungil_interp_end_release, _release)


class Outgoing:
    """A pickled item, and the memory that goes with it."""

    def __init__(self, message: _pickling.Message) -> None:
        self._data, self._views = message.data, [buffer.view for buffer in message.buffers]
        self._numbers = [_numbers.take() for _ in self._views]
        structs = [
            c.UngilBuffer(address_of(buffer.view)[0], buffer.view.nbytes, not buffer.writable, _release, number)
            for buffer, number in zip(message.buffers, self._numbers)
        ]
        self._structs = (c.UngilBuffer * len(structs))(*structs) if structs else None

    def send(self, put: Send) -> int:
        """Put the message. Returns the status."""
        _lent.update(zip(self._numbers, self._views))
        status: int | None = None
        try:
            status = put(PICKLE, self._data, self._structs, len(self._numbers))
            return status
        finally:
            # None if an interrupt came: then the receiver may have the memory.
            if status is not None and status != c.UNGIL_OK:
                for number in self._numbers:
                    _end_loan(number)


def message_of(box: list[Any]) -> Outgoing:
    """The message for the item of a list, from which it is taken.

    Memory of an array in it that nothing else refers to is handed over. Any other is copied, unless it is shared.
    """
    message = _pickling.dumps(box.pop())
    if message.buffers:
        give_away(message.buffers)
    return Outgoing(message)


CAPACITY = 4096
"""Bytes. Messages up to this length are copied to memory of the receiver's."""

_UNTOUCHED = 2**64 - 1  # no message is so long


class Space:
    """Memory for a message that is received. It is used again and again, by one thread at a time."""

    __slots__ = ("bytes", "message", "reference")

    def __init__(self) -> None:
        self.bytes = (ctypes.c_char * CAPACITY)()
        self.message = c.UngilMessage()
        self.reference = ctypes.byref(self.message)

    def item(self) -> Any:
        """The item of the message that was received. After that, the space is used again."""
        message = self.message
        if message.handle:
            received = _Received.from_buffer_copy(message)
            _spaces.append(self)
            return received.item()
        data: Any = self.bytes[: message.length]
        tag = message.tag
        _spaces.append(self)
        return data if tag == BYTES else _loads(data)

    def put_back(self, queue: int) -> None:
        """Put a message back, if one was received, as nobody gets it."""
        if self.message.length != _UNTOUCHED:
            library.ungil_queue_put_back(queue, self.reference)


_spaces: list[Space] = []
_loads = pickle.loads


def take_space() -> Space:
    """Memory that no other thread uses."""
    try:
        space = _spaces.pop()
    except IndexError:
        space = Space()
    space.message.length = _UNTOUCHED
    return space


# Making an array type for each length would take 20 us. The memory of a message is a part of this array instead.
_AllMemory = ctypes.c_char * sys.maxsize


class _Received(c.UngilMessage):
    """A message of the library's, which is freed when nothing uses its memory any more."""

    _fields_: ClassVar[Any] = []  # PyPy needs it

    def __del__(self) -> None:
        _free_message(self.handle)

    def _view(self, address: int | None, length: int) -> memoryview:
        """A view of the message's memory, which keeps the message."""
        memory: Any = _AllMemory.from_address(address or 0)
        memory.message = self
        return memoryview(memory).cast("B")[:length]

    def item(self) -> Any:
        if self.tag == BYTES:
            return ctypes.string_at(self.data, self.length)
        views = []
        for i in range(self.count):
            buffer = self.buffers[i]
            view = self._view(buffer.address, buffer.length)
            views.append(view.toreadonly() if buffer.readonly else view)
        return _pickling.loads(self._view(self.data, self.length), views)


_free_message = library.ungil_message_free
