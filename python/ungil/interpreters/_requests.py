"""Requests to interpreters: what goes through ungil_interp_call(), and what comes back."""

from __future__ import annotations

import atexit
import ctypes
import sys
from typing import Any, NamedTuple, Sequence

from .._arrays.addresses import address_of
from .._native import signatures as c
from .._native.library import last_error, library
from .._native.locks import Numbers
from ..errors import ExecutionError, of_status
from . import _pickling
from . import _protocol as protocol
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
    # It is never freed: interpreters may call it after the end of this module.
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(_release))
# A thread in an interpreter may outlast this Python, and would crash in a callback then.
atexit.register(library.ungil_interp_end_release, _release)


def _buffer_of(loan: Loan) -> c.UngilBuffer:
    number = _numbers.take()
    _lent[number] = loan.view
    return c.UngilBuffer(address_of(loan.view)[0], loan.view.nbytes, int(not loan.writable), _release, number)


# An array type for each length would take 20 us to make: what is there is a part of this one.
_Everything = ctypes.c_char * sys.maxsize


class _Answer(c.UngilReply):
    """A reply: given back when nothing uses its memory any more, whatever comes between."""

    def __del__(self) -> None:
        _free(self.handle)  # 0, which does nothing, if there was none

    def _view(self, address: int | None, length: int) -> memoryview:
        """Memory that is part of the reply, and keeps that there."""
        memory: Any = _Everything.from_address(address or 0)
        memory.answer = self
        return memoryview(memory).cast("B")[:length]

    def content(self) -> memoryview:
        return self._view(self.response, self.length)

    def views(self) -> Sequence[memoryview]:
        """The memory that the interpreter lends."""
        views = []
        for i in range(self.count):
            buffer = self.buffers[i]
            view = self._view(buffer.address, buffer.length)
            views.append(view.toreadonly() if buffer.readonly else view)
        return views


_call, _free = library.ungil_interp_call, library.ungil_reply_free


def request(handle: int, data: bytes, loans: Sequence[Loan] = ()) -> Outcome:
    """Sends a request to the interpreter with this handle, on this thread, and waits for the outcome."""
    buffers = (c.UngilBuffer * len(loans))(*map(_buffer_of, loans)) if loans else None
    answer = _Answer()
    status = _call(handle, data, len(data), buffers, len(loans), ctypes.byref(answer))
    if status != c.UNGIL_OK:
        return Outcome(None, _error_of(status, last_error()))
    return _outcome_of(answer)


def _outcome_of(answer: _Answer) -> Outcome:
    response, views = answer.content(), answer.views()
    kind = bytes(response[-1:])
    if kind == protocol.UNKNOWN:
        return UNKNOWN
    try:
        value = _pickling.loads(response, views)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code in _HOLDERS:
            trace = trace.tb_next
        return Outcome(None, error.with_traceback(trace))
    return Outcome(value) if kind == protocol.RESULT else Outcome(None, exception_of(value))


# Functions whose frames hold the reply: in the traceback of an exception that is kept, they would keep its memory.
_HOLDERS = (_outcome_of.__code__, _pickling.loads.__code__)


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
    came: BaseException = error if isinstance(error, BaseException) else ExecutionError(brief)
    came.__cause__ = RemoteTraceback(text)
    return came
