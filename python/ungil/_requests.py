"""Requests to interpreters: what goes through ungil_interp_call(), and what comes back."""

from __future__ import annotations

import ctypes
import sys
from typing import Any, NamedTuple, Sequence

from . import _pickling
from . import _protocol as protocol
from . import _signatures as c
from ._addresses import address_of
from ._errors import ExecutionFailed, of_status
from ._library import last_error, library
from ._locks import Numbers
from ._pickling import Loan


class RemoteTraceback(Exception):
    """The cause of an exception that came from an interpreter: the traceback that it had there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return '\n"""\n%s"""' % self.text


class Outcome(NamedTuple):
    """What a task came to: its result, or the exception that ended it."""

    result: Any
    error: BaseException | None = None

    def get(self) -> Any:
        """The result, or raises the exception."""
        if self.error is None:
            return self.result
        try:
            raise self.error
        finally:
            del self  # the exception's traceback holds this frame


UNKNOWN = Outcome(None)  # the interpreter does not know the function that was not sent

# What interpreters have views of. Any thread adds to it or removes from it, by one operation of a dict.
_lent: dict[int, memoryview] = {}
_numbers = Numbers()


def _give_back(owner: int, take: Any = _lent.pop) -> None:
    take(owner, None)


_release = c.UngilRelease(_give_back)
if sys.implementation.name == "cpython":
    # It never ends: interpreters may call it after the end of this module.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_release))


def _buffer_of(loan: Loan) -> c.UngilBuffer:
    number = _numbers.take()
    _lent[number] = loan.view
    return c.UngilBuffer(address_of(loan.view)[0], loan.view.nbytes, int(not loan.writable), _release, number)


class _Answer:
    """A reply's memory; given back when nothing uses it any more."""

    __slots__ = ("handle",)

    def __init__(self, handle: int) -> None:
        self.handle = handle

    def __del__(self) -> None:
        _free(self.handle)


def _views(reply: c.UngilReply, answer: _Answer) -> Sequence[memoryview]:
    """The memory that an interpreter lends, each with the reply behind it."""
    views = []
    for i in range(reply.count):
        buffer = reply.buffers[i]
        memory: Any = (ctypes.c_char * buffer.length).from_address(buffer.address or 0)
        memory.answer = answer
        view = memoryview(memory).cast("B")
        views.append(view.toreadonly() if buffer.readonly else view)
    return views


_call, _free = library.ungil_interp_call, library.ungil_reply_free


def request(handle: int, data: bytes, loans: Sequence[Loan] = ()) -> Outcome:
    """Sends a request to the interpreter with this handle, on this thread, and waits for the outcome."""
    buffers = (c.UngilBuffer * len(loans))(*map(_buffer_of, loans)) if loans else None
    reply = c.UngilReply()
    status = _call(handle, data, len(data), buffers, len(loans), ctypes.byref(reply))
    if status != c.UNGIL_OK:
        return Outcome(None, _error_of(status, last_error()))
    response: bytes = ctypes.string_at(reply.response, reply.length)
    views: Sequence[memoryview] = ()
    if reply.count:
        views = _views(reply, _Answer(reply.handle))
    else:
        _free(reply.handle)
    if response == protocol.UNKNOWN:
        return UNKNOWN
    try:
        value = _pickling.loads(response, views)
    except Exception as error:
        return Outcome(None, error)
    return Outcome(value) if response.endswith(protocol.RESULT) else Outcome(None, exception_of(value))


def _error_of(status: int, message: str) -> BaseException:
    """An interrupt may come where the task is over, or not begun: it is KeyboardInterrupt there as well."""
    if status == c.UNGIL_E_PYTHON and message.partition(": ")[2].startswith("KeyboardInterrupt"):
        return KeyboardInterrupt()
    return of_status(status, message)


def exception_of(failure: tuple[_pickling.Message | None, str, str]) -> BaseException:
    """The exception that a task ended with, with its traceback as its cause."""
    message, brief, text = failure
    error: Any = None
    if message is not None:
        try:
            error = _pickling.loads(message.data, [loan.view for loan in message.loans])
        except Exception as reason:
            brief = "%s (which cannot be had here: %s: %s)" % (brief, type(reason).__name__, reason)
    came: BaseException = error if isinstance(error, BaseException) else ExecutionFailed(brief)
    came.__cause__ = RemoteTraceback(text)
    return came
