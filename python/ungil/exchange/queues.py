"""Queues between threads and tasks of all interpreters of the process."""

from __future__ import annotations

import ctypes
import functools
import queue
import sys
from typing import TYPE_CHECKING, Any

from .._native import signatures as c
from .._native.library import check, library
from .._private_apis import pickle
from ..control import Control
from ..interpreters._sharing import PROTOCOL
from ._messages import (
    BYTES,
    CAPACITY,
    INTEGER,
    PICKLE,
    PLAIN,
    SMALL,
    TEXT,
    Space,
    message_of,
    quick_get,
    quick_put,
    send,
    take_space,
)
from ._objects import SharedObject
from ._waiting import raise_for, seconds_of, wait

if TYPE_CHECKING or sys.version_info < (3, 13):

    class ShutDown(Exception):
        """A queue is shut down: nothing can be put into it, or, when it is empty, got from it.

        From Python 3.13 on, it is `queue.ShutDown`.
        """

else:
    ShutDown = queue.ShutDown

__all__ = ["Queue", "ShutDown"]

_get, _put, _dumps = library.ungil_queue_get, library.ungil_queue_put, pickle.dumps


class Queue(SharedObject):
    """A queue that tasks in interpreters, the program, and threads of both put items into and get them from.

    Its methods are those of `queue.Queue`. It is sent to other interpreters of the process as an argument, result or
    global of a task, or through another queue, and is the same queue there.

    Parameters
    ----------
    maxsize : int, optional
        How many items it holds at most; any number if it is 0 or less.

    Attributes
    ----------
    maxsize : int
        As given.

    Raises
    ------
    TypeError
        If `maxsize` is not an integer.

    See Also
    --------
    Event, Lock, Barrier, Counter : what tasks share besides.

    Notes
    -----
    What can be an argument of a task can be an item. The receiver's item is its own, as results of tasks are, and does
    not change when the sender changes what it has put: arrays are copied. An array goes without a copy if nothing else
    refers to it, as in ``queue.put(arrays.pop())`` and ``queue.put(numpy.zeros(n))`` (from Python 3.11 on). What
    `share` returns goes without a copy, too, and both sides use it.

    The queue is freed with the last reference to it in any interpreter. Items that are in it keep their memory until
    then. If an interpreter dies, what it has put can still be got.

    In the child of a fork, its methods raise `Error`: the queue is the parent's.

    Cost: about a microsecond to put and get an integer of less than 29 bits, a short text of ASCII characters or bytes;
    a few microseconds for other small items; plus what it takes to wake the thread that waits for it.

    Examples
    --------
    >>> import ungil
    >>> def double(numbers, answers):
    ...     for number in iter(numbers.get, None):
    ...         answers.put(2 * number)
    >>> numbers, answers = ungil.Queue(), ungil.Queue()
    >>> with ungil.InterpreterPoolExecutor(1) as executor:
    ...     future = executor.submit(double, numbers, answers)
    ...     numbers.put(21)
    ...     print(answers.get())
    ...     numbers.put(None)
    42
    """

    __slots__ = ("maxsize",)

    def __init__(self, maxsize: int = 0) -> None:
        if not isinstance(maxsize, int):
            raise TypeError("maxsize: expected an int, not %s" % type(maxsize).__name__)
        self.maxsize = maxsize
        handle = ctypes.c_int32()
        check(library.ungil_queue_new(max(maxsize, 0), ctypes.byref(handle)))
        self._create(handle)

    def _arguments(self) -> tuple[Any, ...]:
        return (self.maxsize,)

    def _initialize(self, *arguments: Any) -> None:
        (self.maxsize,) = arguments

    def put(
        self, item: Any, block: bool = True, timeout: float | None = None, *, control: Control | None = None
    ) -> None:
        """Put an item into the queue.

        Parameters
        ----------
        item : object
            Anything that can be sent to an interpreter.
        block : bool, optional
            Whether to wait if the queue is full.
        timeout : float, optional
            How many seconds to wait at most. By default there is no limit.
        control : Control, optional
            A control that cancels the wait.

        Raises
        ------
        queue.Full
            If the queue is full, and stays so.
        ShutDown
            If the queue is shut down.
        ValueError
            If `timeout` is negative.
        Exception
            pickle's, if the item cannot be sent.
        """
        kind = type(item)
        if kind is int and -SMALL < item < SMALL:
            tag, data = INTEGER + item, b""
        elif kind is bytes:
            tag, data = BYTES, item
        elif kind is str and item.isascii():
            tag, data = TEXT, item.encode("ascii")
        elif kind in PLAIN:
            tag, data = PICKLE, _dumps(item, PROTOCOL)
        else:
            box = [item]
            del item
            return self._put_other(box, seconds_of(timeout) if block else 0, control)
        length = len(data)
        if length <= CAPACITY:
            status = quick_put(self._handle, tag, data, length)
        else:
            status = _put(self._handle, tag, data, length, None, 0, 0, 0)
        if status == c.UNGIL_OK:
            return None
        if status == c.UNGIL_E_TIMED_OUT and block:
            status = self._put_message(tag, data, None, 0, seconds_of(timeout), control)
        return None if status == c.UNGIL_OK else _fail(status, queue.Full)

    def _put_other(self, box: list[Any], seconds: float | None, control: Control | None) -> None:
        """Put the item of a list, which is taken from it."""
        put = functools.partial(self._put_message, timeout=seconds, control=control)
        status = send(message_of(box), put)
        if status != c.UNGIL_OK:
            _fail(status, queue.Full)

    def _put_message(
        self, tag: int, data: bytes, buffers: Any, count: int, timeout: float | None, control: Control | None
    ) -> int:
        """Wait until the queue has room. Returns the status."""
        handle = self._handle

        def put(milliseconds: int, control: int) -> int:
            status: int = _put(handle, tag, data, len(data), buffers, count, milliseconds, control)
            return status

        return wait(put, timeout, control)

    def get(self, block: bool = True, timeout: float | None = None, *, control: Control | None = None) -> Any:
        """Take the first item out of the queue.

        Parameters
        ----------
        block : bool, optional
            Whether to wait if the queue is empty.
        timeout : float, optional
            How many seconds to wait at most. By default there is no limit.
        control : Control, optional
            A control that cancels the wait.

        Returns
        -------
        object
            The item.

        Raises
        ------
        queue.Empty
            If the queue is empty, and stays so.
        ShutDown
            If the queue is shut down and empty, or was shut down with `immediate`.
        ValueError
            If `timeout` is negative.
        Exception
            pickle's, if the item cannot be made here.
        """
        return self._take(block, timeout, control).item()

    def _take(self, block: bool, timeout: float | None, control: Control | None) -> Space:
        """The first message, as memory that has it."""
        space = take_space()
        try:
            status = quick_get(self._handle, space.bytes, CAPACITY, space.reference)
            if status != c.UNGIL_OK and block:
                status = self._get_message(status, space, seconds_of(timeout), control)
        except BaseException:  # an interrupt, which may come after the message
            space.put_back(self._handle)
            raise
        if status != c.UNGIL_OK:
            _fail(status, queue.Empty)
        return space

    def _get_message(self, status: int, space: Space, timeout: float | None, control: Control | None) -> int:
        """Wait until the queue has a message, if it can have one. Returns the status."""
        if status not in (c.UNGIL_E_TIMED_OUT, c.UNGIL_E_INTERRUPTED):
            return status
        handle = self._handle

        def get(milliseconds: int, control: int) -> int:
            status: int = _get(handle, space.bytes, CAPACITY, milliseconds, control, space.reference)
            return status

        return wait(get, timeout, control)

    def put_nowait(self, item: Any) -> None:
        """Put an item into the queue if it has room: `put` without waiting.

        Parameters
        ----------
        item : object
            As for `put`.

        Raises
        ------
        queue.Full, ShutDown, Exception
            As for `put`.
        """
        self.put(item, False)

    def get_nowait(self) -> Any:
        """Take the first item out of the queue if there is one: `get` without waiting.

        Returns
        -------
        object
            The item.

        Raises
        ------
        queue.Empty, ShutDown, Exception
            As for `get`.
        """
        return self.get(False)

    def qsize(self) -> int:
        """Return how many items are in the queue. Other threads may change that at any time.

        Returns
        -------
        int
            The number.
        """
        length = ctypes.c_size_t()
        check(library.ungil_queue_length(self._handle, ctypes.byref(length)))
        return length.value

    def empty(self) -> bool:
        """Return whether the queue is empty. Other threads may change that at any time.

        Returns
        -------
        bool
            Whether it is.
        """
        return not self.qsize()

    def full(self) -> bool:
        """Return whether the queue is full. Other threads may change that at any time.

        Returns
        -------
        bool
            Whether it is.
        """
        return 0 < self.maxsize <= self.qsize()

    def task_done(self) -> None:
        """Say that the work for an item that was got is done: see `join`.

        Raises
        ------
        ValueError
            If that was said for all items.
        """
        status = library.ungil_queue_task_done(self._handle)
        if status == c.UNGIL_E_INVALID:
            raise ValueError("task_done() called too many times")
        check(status)

    def join(self, timeout: float | None = None, *, control: Control | None = None) -> bool:
        """Wait until the work for all items that were put is done, as `task_done` says.

        Parameters
        ----------
        timeout : float, optional
            How many seconds to wait at most. By default there is no limit. (The standard library's has none.)
        control : Control, optional
            A control that cancels the wait.

        Returns
        -------
        bool
            Whether it is done.
        """
        handle, seconds = self._handle, seconds_of(timeout)
        status = wait(lambda *limits: library.ungil_queue_join(handle, *limits), seconds, control)
        if status not in (c.UNGIL_OK, c.UNGIL_E_TIMED_OUT):
            raise_for(status)
        return status == c.UNGIL_OK

    def shutdown(self, immediate: bool = False) -> None:
        """Let nothing more be put into the queue, and wake all who wait: they get `ShutDown`.

        Parameters
        ----------
        immediate : bool, optional
            Whether to drop the items that are in the queue, too. They count as done for `join`. By default, they can
            still be got.
        """
        check(library.ungil_queue_close(self._handle, int(bool(immediate))))


def _fail(status: int, timed_out: type[Exception]) -> None:
    if status == c.UNGIL_E_TIMED_OUT:
        raise timed_out
    if status == c.UNGIL_E_CLOSED:
        raise ShutDown
    raise_for(status)
