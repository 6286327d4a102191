"""Barriers between threads and tasks of all interpreters of the process."""

from __future__ import annotations

import ctypes
import threading
from typing import Any, Callable

from .._native import signatures as c
from .._native.library import check, library
from ..control import Control
from ._objects import SharedObject
from ._waiting import controlled, raise_for, threading_seconds, wait

__all__ = ["Barrier"]

_WHILE_HELD = 0.05
"""Seconds between two looks whether a party has arrived: its time begins then."""


class Barrier(SharedObject):
    """A barrier at which tasks in interpreters, the program, and threads of both wait for one another.

    Its methods are those of `threading.Barrier`. It is sent to other interpreters like a `Queue`.

    Parameters
    ----------
    parties : int
        How many threads have to come.
    action : callable, optional
        Called by the last one to come, before they go on. It is sent with the barrier.
    timeout : float, optional
        The timeout of `wait`, where none is given.

    Attributes
    ----------
    parties : int
        As given.
    n_waiting : int
        How many wait at present.
    broken : bool
        Whether the barrier is broken.

    Raises
    ------
    ValueError
        If `parties` is not positive.

    See Also
    --------
    Queue : how it is sent, and what becomes of it.

    Notes
    -----
    No timeout passes while the action runs: all have come. A control ends the wait of its party also then.

    Examples
    --------
    >>> import ungil
    >>> barrier = ungil.Barrier(2)
    >>> with ungil.InterpreterPoolExecutor(1) as executor:
    ...     future = executor.submit(barrier.wait)
    ...     barrier.wait() + future.result()
    1
    """

    __slots__ = ("_action", "_timeout", "parties")

    def __init__(self, parties: int, action: Callable[[], Any] | None = None, timeout: float | None = None) -> None:
        handle = ctypes.c_int32()
        if not 1 <= parties < 2**31:
            raise ValueError("parties must be > 0")
        check(library.ungil_barrier_new(parties, ctypes.byref(handle)))
        self._create(handle)
        self._initialize(parties, action, timeout)

    def _arguments(self) -> tuple[Any, ...]:
        return self.parties, self._action, self._timeout

    def _initialize(self, *arguments: Any) -> None:
        self.parties, self._action, self._timeout = arguments

    def wait(self, timeout: float | None = None, *, control: Control | None = None) -> int:
        """Wait until all parties have come.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most. If they pass, the barrier breaks. By default the barrier's own.
        control : Control, optional
            A control that cancels the wait. It does not break the barrier.

        Returns
        -------
        int
            The number of this party, from 0 to `parties` - 1.

        Raises
        ------
        threading.BrokenBarrierError
            If the barrier is broken, or is broken or reset meanwhile.
        Exception
            The action's. The barrier is broken then.
        """
        seconds = threading_seconds(self._timeout if timeout is None else timeout)
        arrival = c.UngilArrival()
        try:
            self._stay(arrival, seconds, control)
            if arrival.party:  # this is the last one, and holds the others
                self._action()
                self._stay(arrival, 0, None)
        except BaseException:
            library.ungil_barrier_leave(self._handle, ctypes.byref(arrival))
            raise
        return int(arrival.number)

    def _stay(self, arrival: c.UngilArrival, seconds: float | None, control: Control | None) -> None:
        """Wait in slices, between which this party stays at the barrier."""
        handle, reference = self._handle, ctypes.byref(arrival)
        holds = 0 if self._action is None else c.UNGIL_BARRIER_HOLD

        def once(milliseconds: int, control: int) -> int:
            status: int = library.ungil_barrier_stay(handle, holds, milliseconds, control, reference)
            return status

        call = once if control is None else controlled(once, control)
        status = call(0, 0)
        while status == c.UNGIL_E_TIMED_OUT and not arrival.party:  # the last phase is held
            status = wait(call, _WHILE_HELD)
        if status == c.UNGIL_E_TIMED_OUT:
            status = wait(call, seconds)
        if status == c.UNGIL_E_TIMED_OUT:
            status = library.ungil_barrier_stay(handle, holds | c.UNGIL_BARRIER_BREAK, 0, 0, reference)
        if status == c.UNGIL_E_TIMED_OUT:  # the barrier is not broken, as the action runs
            status = wait(call)
        if status == c.UNGIL_E_BROKEN:
            raise threading.BrokenBarrierError
        if status != c.UNGIL_OK:
            raise_for(status)

    def reset(self) -> None:
        """Make the barrier as new. Parties that wait get BrokenBarrierError."""
        check(library.ungil_barrier_reset(self._handle))

    def abort(self) -> None:
        """Break the barrier: parties that wait, and those that come, get BrokenBarrierError until it is reset."""
        check(library.ungil_barrier_abort(self._handle))

    @property
    def n_waiting(self) -> int:
        """How many wait at present."""
        return self._status()[0]

    @property
    def broken(self) -> bool:
        """Whether the barrier is broken."""
        return bool(self._status()[1])

    def _status(self) -> tuple[int, int]:
        waiting, broken = ctypes.c_int32(), ctypes.c_int32()
        check(library.ungil_barrier_status(self._handle, ctypes.byref(waiting), ctypes.byref(broken)))
        return waiting.value, broken.value
