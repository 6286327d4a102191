"""Items of queues on their way: as bytes, text, or pickles with memory that is lent."""

from __future__ import annotations

import ctypes
from typing import Any, Callable, ClassVar

from .._native import signatures as c
from .._native.lending import end_loan, lend, view_of, views_of
from .._native.library import library, undeclared
from .._private_apis import pickle
from ..interpreters import _pickling
from ..interpreters._ownership import give_away
from ..interpreters._plain import IMMUTABLE_TYPES

PICKLE, BYTES, TEXT = range(3)
"""The tags of messages: what their bytes are. Text is of ASCII characters."""

SMALL = 1 << 29
INTEGER = 2 * SMALL
"""The tag of a message without bytes that is an integer n from -SMALL to SMALL: INTEGER + n."""

PLAIN = IMMUTABLE_TYPES
"""Types whose objects pickle alone can send."""

Send = Callable[[int, bytes, Any, int], int]
"""send(tag, data, buffers, count of these): puts a message, and returns the status."""


quick_put, quick_get = (undeclared("ungil_queue_try_%s" % name, keeps_gil=True) for name in ("put", "get"))


def send(message: _pickling.Message, put: Send) -> int:
    """Put a message, and lend its memory. Returns the status."""
    structs: list[c.UngilBuffer] = []
    is_lent = False
    try:
        for buffer in message.buffers:
            structs.append(lend(buffer.view, buffer.writable))
        buffers = (c.UngilBuffer * len(structs))(*structs) if structs else None
        is_lent = True  # also if an interrupt comes: then the receiver may have the memory
        status = put(PICKLE, message.data, buffers, len(structs))
        is_lent = status == c.UNGIL_OK
        return status
    finally:
        if not is_lent:
            for struct in structs:
                end_loan(struct.owner)


def message_of(box: list[Any]) -> _pickling.Message:
    """The message for the item of a list, from which it is taken.

    Memory of an array in it that nothing else refers to is handed over. Any other is copied, unless it is shared.
    """
    message = _pickling.dumps(box.pop())
    if message.buffers:
        give_away(message.buffers)
    return message


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
        tag = message.tag
        if tag > TEXT:
            _spaces.append(self)
            return tag - INTEGER
        data: Any = self.bytes[: message.length]
        _spaces.append(self)
        if tag == PICKLE:
            return _loads(data)
        return data if tag == BYTES else data.decode("ascii")

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


class _Received(c.UngilMessage):
    """A message of the library's, which is freed when nothing uses its memory any more."""

    _fields_: ClassVar[Any] = []  # PyPy needs it

    def __del__(self) -> None:
        _free_message(self.handle)

    def item(self) -> Any:
        if self.tag == BYTES:
            return ctypes.string_at(self.data, self.length)
        if self.tag == TEXT:
            return str(view_of(self, self.data, self.length), "ascii")
        return _pickling.loads(view_of(self, self.data, self.length), views_of(self))


_free_message = library.ungil_message_free
