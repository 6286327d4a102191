"""Events, locks, barriers and counters between threads and tasks of all interpreters of the process."""

from __future__ import annotations

import ctypes
import operator
import threading
import time
from types import TracebackType
from typing import Any, Callable, SupportsIndex

from .._native import signatures as c
from .._native.library import check, library
from .._native.scalars import as_seconds
from ..control import Control
from ._objects import SharedObject
from ._waiting import raise_for, wait

__all__ = ["Barrier", "Counter", "Event", "Lock"]

_LEAST, _MOST = -(2**63), 2**63 - 1
_UNTOUCHED = -(2**62)  # no counter of a lock has this value


class _Counting(SharedObject):
    """An object that is a counter of the library's."""

    __slots__ = ()

    def _count(self, value: int) -> None:
        """Own a new counter."""
        handle = ctypes.c_int32()
        check(library.ungil_counter_new(value, ctypes.byref(handle)))
        self._create(handle)

    def _value(self) -> int:
        value = ctypes.c_int64()
        check(library.ungil_counter_value(self._handle, ctypes.byref(value)))
        return value.value

    def _exchange(self, value: int) -> None:
        check(library.ungil_counter_exchange(self._handle, value, ctypes.byref(ctypes.c_int64())))

    def _wait(
        self,
        lowest: int,
        highest: int,
        change: int,
        timeout: float | None,
        control: Control | None,
        former: ctypes.c_int64 | None = None,
    ) -> bool:
        """Wait until the value is in the range, and then add the change. False if the time has passed."""
        handle, reference = self._handle, ctypes.byref(ctypes.c_int64() if former is None else former)

        def once(milliseconds: int, control: int) -> int:
            status: int = library.ungil_counter_wait(handle, lowest, highest, change, milliseconds, control, reference)
            return status

        status = wait(once, timeout, control)
        if status not in (c.UNGIL_OK, c.UNGIL_E_TIMED_OUT):
            raise_for(status)
        return status == c.UNGIL_OK


class Event(_Counting):
    """An event that tasks in interpreters, the program, and threads of both set and wait for.

    Its methods are those of `threading.Event`. It is sent to other interpreters like a `Queue`.

    See Also
    --------
    Queue : how it is sent, and what becomes of it.

    Examples
    --------
    >>> import ungil
    >>> event = ungil.Event()
    >>> with ungil.InterpreterPoolExecutor(1) as executor:
    ...     future = executor.submit(event.wait)
    ...     event.set()
    ...     future.result()
    True
    """

    __slots__ = ()

    def __init__(self) -> None:
        self._count(0)

    def is_set(self) -> bool:
        """Return whether the event is set.

        Returns
        -------
        bool
            Whether it is.
        """
        return self._value() == 1

    def set(self) -> None:
        """Set the event, and wake all who wait for it."""
        self._exchange(1)

    def clear(self) -> None:
        """Make the event not set."""
        self._exchange(0)

    def wait(self, timeout: float | None = None, *, control: Control | None = None) -> bool:
        """Wait until the event is set.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most. By default there is no limit.
        control : Control, optional
            A control that cancels the wait.

        Returns
        -------
        bool
            Whether it is set; false only if the time has passed.
        """
        return self._wait(1, 1, 0, _seconds(timeout), control)


class Lock(_Counting):
    """A lock that tasks in interpreters, the program, and threads of both take and release.

    Its methods are those of `threading.Lock`: it is not reentrant, and any thread may release it. It is sent to other
    interpreters like a `Queue`.

    See Also
    --------
    Queue : how it is sent, and what becomes of it.

    Notes
    -----
    An interpreter that dies does not release it.

    Examples
    --------
    >>> import ungil
    >>> lock = ungil.Lock()
    >>> def append(lock, line):
    ...     with lock:  # no other task writes meanwhile
    ...         print(line)
    >>> with lock:
    ...     lock.locked()
    True
    """

    __slots__ = ()

    def __init__(self) -> None:
        self._count(1)

    def acquire(self, blocking: bool = True, timeout: float = -1, *, control: Control | None = None) -> bool:
        """Take the lock. Waits until nobody has it.

        Parameters
        ----------
        blocking : bool, optional
            Whether to wait.
        timeout : float, optional
            How many seconds to wait at most; -1 for any number.
        control : Control, optional
            A control that cancels the wait.

        Returns
        -------
        bool
            Whether the lock was taken.

        Raises
        ------
        ValueError
            If `timeout` is negative and not -1, or is given although `blocking` is false.
        """
        if timeout != -1:
            if not blocking:
                raise ValueError("can't specify a timeout for a non-blocking call")
            if not timeout >= 0:
                raise ValueError("timeout value must be a non-negative number")
        seconds = 0 if not blocking else None if timeout == -1 else timeout
        former = ctypes.c_int64(_UNTOUCHED)
        try:
            return self._wait(1, 1, -1, seconds, control, former)
        except BaseException:  # an interrupt, which may come when the lock is taken
            if former.value != _UNTOUCHED:
                self.release()
            raise

    def release(self) -> None:
        """Release the lock.

        Raises
        ------
        RuntimeError
            If nobody has it.
        """
        former = ctypes.c_int64()
        check(library.ungil_counter_compare_exchange(self._handle, 0, 1, ctypes.byref(former)))
        if former.value != 0:
            raise RuntimeError("release unlocked lock")

    def locked(self) -> bool:
        """Return whether somebody has the lock.

        Returns
        -------
        bool
            Whether somebody has.
        """
        return self._value() == 0

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()


class Counter(_Counting):
    """An integer that tasks in interpreters, the program, and threads of both change and wait for.

    Each change is one step: none is lost, however many threads make them. It is sent to other interpreters like a
    `Queue`.

    Parameters
    ----------
    value : int, optional
        The first value.

    Attributes
    ----------
    value : int
        The value at present. It can be set.

    Raises
    ------
    TypeError
        If `value` is not an integer.
    OverflowError
        If it does not fit in 64 bits.

    See Also
    --------
    Queue : how it is sent, and what becomes of it.

    Examples
    --------
    >>> import ungil
    >>> counter = ungil.Counter()
    >>> with ungil.InterpreterPoolExecutor(2) as executor:
    ...     for _ in range(10):
    ...         future = executor.submit(counter.add, 1)
    ...     counter.wait(10)
    10
    """

    __slots__ = ()

    def __init__(self, value: SupportsIndex = 0) -> None:
        self._count(_number("value", value))

    @property
    def value(self) -> int:
        """The value at present."""
        return self._value()

    @value.setter
    def value(self, value: SupportsIndex) -> None:
        self._exchange(_number("value", value))

    def add(self, change: SupportsIndex = 1) -> int:
        """Add to the value.

        Parameters
        ----------
        change : int, optional
            What to add.

        Returns
        -------
        int
            The new value.

        Raises
        ------
        OverflowError
            If it does not fit in 64 bits. The value stays then.
        """
        value = ctypes.c_int64()
        check(library.ungil_counter_add(self._handle, _number("change", change), ctypes.byref(value)))
        return value.value

    def wait(
        self,
        at_least: SupportsIndex | None = None,
        at_most: SupportsIndex | None = None,
        timeout: float | None = None,
        *,
        control: Control | None = None,
    ) -> int | None:
        """Wait until the value is in a range. A value that comes and goes may be missed.

        Parameters
        ----------
        at_least, at_most : int, optional
            The range; by default it has no limit on that side.
        timeout : float, optional
            How many seconds to wait at most. By default there is no limit.
        control : Control, optional
            A control that cancels the wait.

        Returns
        -------
        int or None
            A value in the range; None if the time has passed.

        Raises
        ------
        ValueError
            If the range is empty.
        """
        lowest = _LEAST if at_least is None else _number("at_least", at_least)
        highest = _MOST if at_most is None else _number("at_most", at_most)
        if highest < lowest:
            raise ValueError("at_most: expected at least %d, not %d" % (lowest, highest))
        former = ctypes.c_int64()
        return former.value if self._wait(lowest, highest, 0, _seconds(timeout), control, former) else None


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
    A timeout that passes while the action runs breaks the barrier.

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
        number = ctypes.c_int32()
        seconds = _seconds(self._timeout if timeout is None else timeout)
        flags = _Flags(0 if self._action is None else c.UNGIL_BARRIER_HOLD, seconds)
        handle, reference = self._handle, ctypes.byref(number)

        def once(milliseconds: int, control: int) -> int:
            status: int = library.ungil_barrier_wait(handle, flags.of(milliseconds), milliseconds, control, reference)
            return status

        status = wait(once, seconds, control)
        if status == c.UNGIL_E_TIMED_OUT and not flags.breaks:
            self.abort()
        if status in (c.UNGIL_E_TIMED_OUT, c.UNGIL_E_BROKEN):
            raise threading.BrokenBarrierError
        if status != c.UNGIL_OK:
            raise_for(status)
        if number.value == self.parties - 1 and self._action is not None:
            self._act()
        return number.value

    def _act(self) -> None:
        try:
            self._action()
        except BaseException:
            self.abort()
            raise
        status = library.ungil_barrier_release(self._handle)
        if status == c.UNGIL_E_BROKEN:
            raise threading.BrokenBarrierError
        check(status)

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


class _Flags:
    """The flags of a wait at a barrier, which consists of slices: only a timeout of the last one breaks the barrier."""

    def __init__(self, flags: int, seconds: float | None) -> None:
        self._flags, self._end = flags, None if seconds is None else time.monotonic() + seconds
        self.breaks = False

    def of(self, milliseconds: int) -> int:
        """The flags for a slice that begins now."""
        self.breaks = self._end is not None and 1000 * (self._end - time.monotonic()) <= milliseconds
        return self._flags | (c.UNGIL_BARRIER_BREAK if self.breaks else 0)


def _number(name: str, value: SupportsIndex) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError("%s: expected an int, not %s" % (name, type(value).__name__)) from None
    if not _LEAST <= number <= _MOST:
        raise OverflowError("%s: %d does not fit in 64 bits" % (name, number))
    return number


def _seconds(timeout: float | None) -> float | None:
    """The timeout. As in threading, one that is negative has passed."""
    return None if timeout is None else max(as_seconds("timeout", timeout), 0)
