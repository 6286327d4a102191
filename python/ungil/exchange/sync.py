"""Events, locks and counters between threads and tasks of all interpreters of the process."""

from __future__ import annotations

import ctypes
import operator
from types import TracebackType
from typing import SupportsIndex

from .._native import signatures as c
from .._native.library import check, library
from ..control import Control
from ._objects import SharedObject
from ._waiting import raise_for, threading_seconds, wait

__all__ = ["Counter", "Event", "Lock"]

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

    # The counter counts how often it was set and cleared: so whoever waits notices that it was set, even if it is
    # cleared at once.
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
        return self._value() % 2 == 1

    def set(self) -> None:
        """Set the event, and wake all who wait for it."""
        self._change_to(1)

    def clear(self) -> None:
        """Make the event not set."""
        self._change_to(0)

    def _change_to(self, parity: int) -> None:
        value, former = self._value(), ctypes.c_int64()
        while value % 2 != parity:
            check(library.ungil_counter_compare_exchange(self._handle, value, value + 1, ctypes.byref(former)))
            if former.value == value:
                return
            value = former.value

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
            Whether it was set; false only if the time has passed.
        """
        value = self._value()
        return self._wait(value + (value % 2 == 0), _MOST, 0, threading_seconds(timeout), control)


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
        return former.value if self._wait(lowest, highest, 0, threading_seconds(timeout), control, former) else None


def _number(name: str, value: SupportsIndex) -> int:
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError("%s: expected an int, not %s" % (name, type(value).__name__)) from None
    if not _LEAST <= number <= _MOST:
        raise OverflowError("%s: %d does not fit in 64 bits" % (name, number))
    return number
