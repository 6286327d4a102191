"""The futures of an inbox's calls, and the threads that end those that are watched."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import ref

from ._inbox import Inbox, SubmittedCall
from ._threads import Worker

if TYPE_CHECKING:
    from ._calls import Call
    from ._futures import PoolFuture

_INTERVAL = 200  # milliseconds, after which a dispatcher that does not stay looks whether a future is watched


class InboxFutures:
    """The futures of the calls that this interpreter has submitted to one inbox.

    name, stack_size: of the dispatchers. There is one, which starts when a future is watched, or more if it is busy.

    stays: whether a dispatcher waits for further futures when none is watched.
    """

    def __init__(self, inbox: Inbox, name: str, stack_size: int = 0, *, stays: bool) -> None:
        self._inbox, self._name, self._stack_size, self._stays = inbox, name, stack_size, stays
        self.watched: dict[int, PoolFuture] = {}  # those that dispatchers end
        self.dispatchers: list[Worker] = []
        self._busy: set[Any] = set()  # dispatchers, while they call callbacks
        self._lock = threading.RLock()  # of the list of dispatchers
        self._all: set[ref[PoolFuture]] = set()  # which remove themselves

    def submit(self, call: Call, submitted: SubmittedCall, future: PoolFuture | None) -> bool:
        """Queue a call, whose future this is, if it has one. False if the inbox is closed."""
        futures = self._all
        try:
            if future is not None:
                futures.add(ref(future, futures.discard))
                future.begin(submitted)
            return self._inbox.submit(call, submitted)
        except BaseException:  # the program gets neither
            submitted.cancel()
            raise

    def is_dispatcher(self) -> bool:
        """Whether this thread ends watched futures."""
        return threading.current_thread() in self.dispatchers

    def start_dispatcher(self, is_urgent: bool) -> None:
        """Have a thread end watched futures; if it is urgent, one that calls no callback at present."""
        with self._lock:
            if self.dispatchers and not (is_urgent and len(self._busy) == len(self.dispatchers)):
                return
            name = "%s_dispatcher_%d" % (self._name, len(self.dispatchers))
            thread = Worker(self._dispatch, name, self._stack_size)
            try:
                self.dispatchers.append(thread)
                thread.start()
            except BaseException:
                if thread.abandon():
                    self.dispatchers.remove(thread)
                raise

    def _dispatch(self) -> None:
        """The main function of a dispatcher."""
        while True:
            numbers = self._inbox.completed(-1 if self._stays else _INTERVAL)
            # If the inbox is over, those that are left have ended otherwise.
            self._end(list(self.watched) if numbers is None else numbers)
            if self._stays:
                if numbers is None:
                    return
            elif self._leave():
                return

    def _end(self, numbers: list[int]) -> None:
        own = threading.current_thread()
        for number in numbers:
            future = self.watched.pop(number, None)
            if future is not None:
                self._busy.add(own)
                future.end()
                self._busy.discard(own)
            del future  # nothing is kept while the dispatcher waits

    def _leave(self) -> bool:
        """Have this thread be no dispatcher any more, if no future is watched."""
        with self._lock:
            if self.watched:
                return False
            self.dispatchers.remove(threading.current_thread())  # type: ignore[arg-type]
            return True

    def fail_in_child(self, error: BaseException) -> None:
        """End all futures in the child of a fork."""
        self._lock = threading.RLock()
        self.dispatchers, self._busy = [], set()
        self.watched.clear()
        for reference in self._all.copy():
            future = reference()
            if future is not None:
                future.fail_in_child(error)
