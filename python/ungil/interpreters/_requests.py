"""Requests to interpreters by ungil_interp_call(), and their replies."""

from __future__ import annotations

import atexit
import ctypes
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._arrays.addresses import address_of
from .._native import lending
from .._native import signatures as c
from .._native.library import last_error, library
from .._private_apis import pickle
from ..errors import ExecutionError, of_status
from . import _flags, _pickling
from . import _protocol as protocol
from ._sharing import OutOfBandBuffer


class RemoteTraceback(Exception):
    """The cause of an exception that was raised in an interpreter: the traceback that it had there, as text."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return '\n"""\n%s"""' % self.text


class Outcome(NamedTuple):
    """The result of a call, or the exception that it raised."""

    result: Any
    error: BaseException | None = None

    def get(self) -> Any:
        """Return the result, or raise the exception."""
        if self.error is None:
            return self.result
        try:
            raise self.error
        finally:
            del self  # the exception's traceback holds this frame


UNKNOWN = Outcome(None)  # the interpreter does not know the function that was not sent


_LENT = 2  # `readonly` of memory that is lent for one call


def _export(buffer: OutOfBandBuffer, handle: int) -> c.UngilBuffer:
    view = buffer.view
    flag = _flags.lend(view) if buffer.is_copied else None
    if flag is not None:
        return c.UngilBuffer(address_of(view)[0], view.nbytes, 1, _flags.release, flag)
    lent = lending.lend(view, buffer.writable, buffer.loan, handle)
    if buffer.loan is not None:
        lent.readonly = _LENT
    return lent


def exported(memory: Sequence[OutOfBandBuffer], handle: int = 0) -> Any:
    """An array of buffers for the library, or None if there are none.

    handle: the interpreter's, if it is known.
    """
    return (c.UngilBuffer * len(memory))(*[_export(buffer, handle) for buffer in memory]) if memory else None


def _end_loan(number: int, get: Any = lending.lent.get) -> None:
    lent = get(number)
    if lent is not None and lent.loan is not None:
        lent.loan.end()


end_loan = c.UngilRelease(_end_loan)
"""Ends the loan of memory to an interpreter that is dead, and never releases it."""
lending.keep_for_ever(end_loan)
atexit.register(library.ungil_interp_end_release, end_loan)


_COPIED = 1 << 12  # bytes: to copy them takes less time than to make a view of them


class Reply(c.UngilReply):
    """A reply, whose memory is used by what is made of it."""

    kept: Any = None
    """What has the memory, if it is not this object."""

    def content(self) -> bytes | memoryview:
        if 0 < self.length <= _COPIED:
            return ctypes.string_at(self.response, self.length)
        return lending.view_of(self, self.response, self.length)


_call, _free = library.ungil_interp_call, library.ungil_reply_free


class _OwnedReply(Reply):
    """A reply, which is freed when nothing uses its memory any more, even where Ctrl-C comes between."""

    def __del__(self) -> None:
        _free(self.handle)  # 0, which does nothing, if there was none


def request(handle: int, data: bytes, memory: Sequence[OutOfBandBuffer] = ()) -> Outcome:
    """Send a request to the interpreter with this handle, on this thread, and wait for the outcome."""
    buffers = exported(memory, handle)
    reply = _OwnedReply()
    status = _call(handle, data, len(data), buffers, len(memory), ctypes.byref(reply))
    error = None if status == c.UNGIL_OK else error_of(status, last_error())
    if status in (c.UNGIL_E_DIED, c.UNGIL_E_EXITING):
        _end_loans_to(handle)
    elif buffers:
        owners = [buffer.owner for buffer in buffers]
        _flags.take_back(owners)
        _collect_what_is_lent(handle, owners)
    return outcome_of_reply(reply) if error is None else Outcome(None, error)


def _end_loans_to(handle: int) -> None:
    """End the loans to an interpreter that is dead. It never releases the memory, which is kept."""
    for lent in list(lending.lent.values()):
        if lent.interpreter == handle and lent.loan is not None:
            lent.loan.end()


def _collect_what_is_lent(handle: int, numbers: Sequence[int]) -> None:
    """Collect garbage in the interpreter if a finished call has left references to memory that is lent.

    Otherwise a task's reference cycle, such as that of an accessor of pandas, would keep the program from writing to
    its array for any length of time.
    """
    for number in numbers:
        lent = lending.lent.get(number)
        if lent is not None and lent.loan is not None:
            del lent
            _call(handle, protocol.COLLECT, len(protocol.COLLECT), None, 0, ctypes.byref(_OwnedReply()))
            return


_loads = pickle.loads
(_RESULT,), (_UNKNOWN,) = protocol.RESULT, protocol.UNKNOWN  # as numbers


def outcome_of_reply(reply: Reply) -> Outcome:
    response, views = reply.content(), lending.views_of(reply) if reply.count else ()
    kind = response and response[-1]  # what is empty is no pickle, either
    if kind == _UNKNOWN:
        return UNKNOWN
    try:
        value = _loads(response, buffers=views)
    except Exception as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code in _HAVE_THE_REPLY:
            trace = trace.tb_next
        return Outcome(None, error.with_traceback(trace))
    return Outcome(value) if kind == _RESULT else Outcome(None, exception_of(value))


# Functions whose frames refer to the reply. In the traceback of an exception they would keep its memory.
_HAVE_THE_REPLY = (outcome_of_reply.__code__,)


def error_of(status: int, message: str) -> BaseException:
    """The exception for a request that failed. An interrupt before or after the task is a KeyboardInterrupt, too."""
    if status == c.UNGIL_E_DIED:
        what, _, stack = message.partition(": ")[2].partition("\n")
        died = of_status(status, what)
        died.__cause__ = RemoteTraceback(stack + "\n") if stack else None
        return died
    if status == c.UNGIL_E_PYTHON and message.partition(": ")[2].startswith("KeyboardInterrupt"):
        return KeyboardInterrupt()
    return of_status(status, message)


def exception_of(failure: tuple[_pickling.Message | None, str, str]) -> BaseException:
    """The exception that a task raised, with its traceback as the cause."""
    message, brief, text = failure
    error: Any = None
    if message is not None:
        try:
            error = _pickling.loads(message.data, [buffer.view for buffer in message.buffers])
        except Exception as reason:
            brief = "%s (which cannot be unpickled here: %s: %s)" % (brief, type(reason).__name__, reason)
    raised: BaseException = error if isinstance(error, BaseException) else ExecutionError(brief)
    raised.__cause__ = RemoteTraceback(text)
    return raised
