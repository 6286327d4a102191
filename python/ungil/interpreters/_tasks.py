"""Tasks: calls with the futures that receive their results."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any, NamedTuple

from .._private_apis import begin_future, has_ended
from ._calls import Call, combine
from ._requests import Outcome
from .interpreter import Interpreter

_logger = logging.getLogger("concurrent.futures")


class Task(NamedTuple):
    """A call, and the future that receives its result."""

    call: Call
    future: Future[Any]

    def cancel(self) -> None:
        future = self.future
        if future.cancel():
            begin_future(future)  # only this notifies concurrent.futures.wait()
        elif future.running():  # the program has marked it so, and no worker would end it
            end_future(future, None, CancelledError())


def run(tasks: Sequence[Task], interpreter: Interpreter) -> None:
    """Run tasks that can be one request, except those that were cancelled, and end their futures."""
    tasks = [task for task in tasks if begin_future(task.future)]
    if not tasks:
        return
    call = tasks[0].call
    is_map = call.is_map
    result, error = outcome_of(combine([task.call for task in tasks]) if is_map else call, interpreter)
    for task in tasks:
        task.call.drop()
    for i, task in enumerate(tasks):
        end_future(task.future, result[i] if is_map and error is None else result, error)


def outcome_of(call: Call, interpreter: Interpreter) -> Outcome:
    """The outcome of a call; an exception of the package itself is one too."""
    try:
        return interpreter._outcome(call)
    except BaseException as unexpected:  # the future must end
        return Outcome(None, unexpected)


def end_future(future: Future[Any], result: Any, error: BaseException | None) -> None:
    """Set the result or the exception. The worker goes on if a callback fails, or the program has ended the future."""
    if has_ended(future):
        return
    try:
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
    except InvalidStateError:  # the program was faster
        pass
    except BaseException as failure:
        _logger.critical("Exception at the end of %r:", future, exc_info=failure)
