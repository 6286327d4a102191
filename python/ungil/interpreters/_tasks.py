"""Tasks: calls with the futures that receive their results."""

from __future__ import annotations

import logging
from concurrent.futures import CancelledError, Future, InvalidStateError
from typing import Any, NamedTuple

from .._private_apis import begin_future, has_ended
from ._calls import Call
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


def run(task: Task, interpreter: Interpreter) -> None:
    """Run a task, unless it was cancelled, and end its future."""
    if begin_future(task.future):
        result, error = outcome_of(task.call, interpreter)
        task.call.drop()
        end_future(task.future, result, error)


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
