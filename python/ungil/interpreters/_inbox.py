"""Calls that go to a pool's interpreters through an inbox of the library; see src/exchange/README.md."""

from __future__ import annotations

import ctypes
from typing import Any

from .._native import signatures as c
from .._native.handle import Handle
from .._native.interruptible import POLL_INTERVAL
from .._native.library import check, library, undeclared
from .._native.numbers import OwnedNumber
from . import _flags
from . import _protocol as protocol
from ._calls import Call
from ._requests import Reply, end_loan, exported

_submit, _wait, _state, _free_call = map(
    undeclared, ("ungil_inbox_submit", "ungil_call_wait", "ungil_call_state", "ungil_call_free")
)
_NO_FUNCTION, _NONE = ctypes.c_int64(0), ctypes.c_size_t(0)


def _rounded(seconds: float) -> int:
    """Milliseconds, not fewer."""
    return -int(-seconds * 1000 // 1)


LONG_INTERVAL = 0.5
"""Seconds of one wait where no signal has to be noticed, but perhaps that the program has ended the future itself."""

_OFTEN = {seconds: ctypes.c_int64(_rounded(seconds)) for seconds in (POLL_INTERVAL, LONG_INTERVAL)}


class SubmittedCall(OwnedNumber):
    """A call in an inbox. It is freed with this object, but goes on.

    lent: loans of memory that the interpreter keeps for longer than the call, and the owners of all memory.
    """

    __slots__ = ("lent",)

    def __init__(self) -> None:
        super().__init__(_free_call)
        self.lent: Any = None

    def end_loans(self) -> None:
        """Note that the call has ended."""
        lent, self.lent = self.lent, None
        if lent is not None:
            _flags.take_back(lent[1])

    def state(self) -> int:
        """One of UNGIL_CALL_*; -1 in the child of a fork."""
        state = ctypes.c_int32(-1)
        _state(self.number, ctypes.byref(state))
        return state.value

    def wait(self, seconds: float) -> tuple[int, Reply]:
        """Wait for the call to end, for so long at most. Return the status, and the reply, which keeps this object."""
        reply = Reply()
        reply.kept = self
        milliseconds = _OFTEN.get(seconds) or ctypes.c_int64(_rounded(seconds))
        return _wait(self.number, milliseconds, 0, ctypes.byref(reply)), reply

    def cancel(self) -> bool:
        """Cancel the call. False if it runs, or has ended."""
        status: int = library.ungil_call_cancel(self.number)
        return status == c.UNGIL_OK

    def watch(self) -> int:
        """Have the call's end noted for `Inbox.completed`. Return its state: if it has ended, nothing will be noted."""
        state = ctypes.c_int32(-1)
        library.ungil_call_watch(self.number, ctypes.byref(state))
        return state.value


class Inbox(Handle):
    """A queue of calls, which servers take: threads with an interpreter each."""

    _kind = "inbox"
    _free = library.ungil_inbox_free

    def __init__(self) -> None:
        handle = ctypes.c_int32()
        check(library.ungil_inbox_new(ctypes.byref(handle)))
        self._handle = handle.value

    def submit(self, call: Call, submitted: SubmittedCall) -> bool:
        """Queue a call. False if the inbox is closed."""
        function, data, memory = call.submission()
        buffers, count, length = None, _NONE, ctypes.c_size_t(len(data))
        if memory:
            buffers, count = exported(memory), ctypes.c_size_t(len(memory))
            submitted.lent = call.loans(), [buffer.owner for buffer in buffers]
        number = ctypes.byref(submitted.number)
        status = _submit(self._handle, function or _NO_FUNCTION, data, length, buffers, count, number)
        if status == c.UNGIL_E_CLOSED:
            return False
        check(status)
        return True

    def close(self, close: Any = library.ungil_inbox_close) -> None:
        """Take no more calls: servers end when the queue is empty. It may be called at the end of Python."""
        close(self._handle)

    def is_wanted(self) -> bool:
        """Wait until a server is needed, and return True; or until none will be."""
        while True:
            status = library.ungil_inbox_await_call(self._handle, -1, 0)
            if status != c.UNGIL_E_INTERRUPTED:
                return bool(status == c.UNGIL_OK)

    def serve(self, interpreter: int) -> bool:
        """Run calls on this thread, in the interpreter with this handle. False if it has died: calls may be left."""
        collect = protocol.COLLECT
        status = library.ungil_inbox_serve(self._handle, interpreter, collect, len(collect), end_loan)
        return bool(status != c.UNGIL_E_DIED)

    def counts(self) -> c.UngilInboxCounts:
        """How many calls and servers there are. All are 0 in the child of a fork."""
        counts = c.UngilInboxCounts()
        library.ungil_inbox_counts(self._handle, ctypes.byref(counts))
        return counts

    def cancel_queued(self) -> None:
        """Cancel the calls that no server has taken."""
        library.ungil_inbox_cancel_queued(self._handle)

    def stop(self) -> None:
        """Do that, and interrupt the others."""
        library.ungil_inbox_stop(self._handle)

    def give_up(self, *, running: bool) -> None:
        """End the calls that no server has taken with UNGIL_E_CLOSED, and those that run as well."""
        library.ungil_inbox_give_up(self._handle, running)

    def completed(self, milliseconds: int = -1) -> list[int] | None:
        """Wait for watched calls to end; for so long at most, unless that is negative. None if no more will end."""
        numbers, count = (ctypes.c_int64 * 64)(), ctypes.c_size_t()
        length, place = len(numbers), ctypes.byref(count)
        while True:
            status = library.ungil_inbox_completed(self._handle, milliseconds, 0, numbers, length, place)
            if status == c.UNGIL_OK:
                return numbers[: count.value]
            if status == c.UNGIL_E_TIMED_OUT:
                return []
            if status != c.UNGIL_E_INTERRUPTED:
                return None
