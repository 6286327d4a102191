"""What answers requests in each interpreter. It runs there; the process's Python does not import it."""

from __future__ import annotations

import _thread
import time

import _ungil  # type: ignore[import-not-found]

import __main__

from . import _pickling, _sources
from . import _protocol as protocol
from ._pickling import Message, received

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any, Callable, Sequence

SLICE = 0.05  # seconds that a sleep may take before it notices an interrupt

_functions: dict[int, _Known] = {}
_lock = _thread.RLock()  # of what the threads share that are in here


class _Unknown(Exception):
    """The function of a request is not known here."""


class _Known:
    """A function that came, and the marks of the globals that came along."""

    __slots__ = ("changes", "function", "marks")

    def __init__(self, function: Callable[..., Any], marks: dict[str, Any]) -> None:
        self.function, self.marks = function, marks
        self.changes = -1  # of globals, as often as there were when these were found current

    def is_current(self) -> bool:
        changes = received.changes
        if self.marks and self.changes != changes:
            if not received.are_current(self.marks):
                return False
            self.changes = changes
        return True


def answer(request: bytes, *buffers: memoryview) -> tuple[Any, ...]:
    try:
        result: Any = _OPERATIONS[request[-1:]](request, buffers)
        message = result if type(result) is Message else _pickling.dumps(_pickling.lend_large(result))
        kind = protocol.RESULT
    except _Unknown:
        return (protocol.UNKNOWN,)
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too, are the caller's
        message, kind = _pickling.dumps(_failure(error)), protocol.FAILURE
    if not message.loans:
        return (message.data + kind,)
    # Memory is read-only on the other side, unless the task said otherwise.
    loans = [loan.view if loan.writable else loan.view.toreadonly() for loan in message.loans]
    return (message.data + kind, *loans)


def _call(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    function, args, kwargs = _pickling.loads(request, buffers)
    return function(*args, **kwargs)


def _call_known(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    function, memory = _function_of(request, buffers)
    args, kwargs = _pickling.loads(request, memory)
    return function(*args, **kwargs)


def _map_known(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    """For each chunk of calls: (results, what ended them or None). An interrupt ends all of them."""
    function, memory = _function_of(request, buffers)
    chunks: list[tuple[list[Any], Any]] = []
    interrupt = None
    for data in _pickling.loads(request, ()):
        results: list[Any] = []
        failure = interrupt
        try:
            if not interrupt:
                for args in _pickling.loads(data, memory):
                    results.append(_pickling.lend_large(function(*args)))
        except BaseException as error:
            failure = _failure(error)
            interrupt = failure if isinstance(error, KeyboardInterrupt) else None
        chunks.append((results, failure))
    try:
        return _pickling.dumps(chunks)
    except Exception:
        return _pickling.dumps([_what_can_be_sent(*chunk) for chunk in chunks])


def _what_can_be_sent(results: list[Any], failure: Any) -> Any:
    """A chunk's results up to one that does not pickle, with that as what ended them."""
    for i, result in enumerate(results):
        try:
            _pickling.dumps(result)
        except Exception as error:
            return results[:i], _failure(error)
    return results, failure


def _function_of(request: bytes, buffers: tuple[memoryview, ...]) -> tuple[Any, Sequence[memoryview]]:
    """The function that a request is about, sent or known, and the memory that is not its own."""
    end = len(request) - protocol.HEADER.size
    token, length, memory, _ = protocol.HEADER.unpack_from(request, end)
    if length:
        function, marks = received.load(memoryview(request)[end - length : end], buffers[:memory])
        _keep(token, _Known(function, marks))
        return function, buffers[memory:]
    known = _functions.get(token)
    if known is None or not known.is_current():  # with its globals, it is to come again
        raise _Unknown
    return known.function, buffers[memory:]


def _keep(token: int, known: _Known) -> None:
    dropped: list[Any] = []  # until the lock is free: their ends may run any code
    with _lock:
        dropped.append(_functions.pop(token, None))
        while len(_functions) >= protocol.KEPT_FUNCTIONS:
            try:
                dropped.append(_functions.pop(next(iter(_functions)), None))
            except (RuntimeError, StopIteration):  # code that garbage collection runs was at it
                pass
        _functions[token] = known


def _share(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    __main__.__dict__.update(_pickling.loads(request, buffers))


def _execute(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    source = _pickling.loads(request, buffers)
    exec(_ungil.compiled(source.encode(), "exec"), __main__.__dict__)


def _evaluate(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    expression = _pickling.loads(request, buffers)
    return eval(_ungil.compiled(expression.strip().encode(), "eval"), __main__.__dict__)


_OPERATIONS = {
    protocol.CALL: _call,
    protocol.CALL_KNOWN: _call_known,
    protocol.MAP_KNOWN: _map_known,
    protocol.SHARE: _share,
    protocol.EXECUTE: _execute,
    protocol.EVALUATE: _evaluate,
}


_OWN_FILES = (__file__, _ungil.FILE)


def _failure(error: BaseException) -> tuple[Message | None, str, str]:
    """(the exception as a message or None, what it is in short, its traceback)"""
    import traceback

    _ungil.show_sources()
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in _OWN_FILES:
        trace = trace.tb_next
    try:
        brief = "".join(traceback.format_exception_only(type(error), error)).strip()
        text = "".join(traceback.format_exception(type(error), error, trace))
    except BaseException as other:  # of the exception's own __str__
        brief = text = "%s, which cannot be told: %s" % (type(error).__name__, type(other).__name__)
    try:
        return _pickling.dumps(error), brief, text
    except BaseException as other:
        return None, "%s (which cannot be sent: %s)" % (brief, other), text


def begin() -> None:
    """Makes the interpreter answer, with nothing left of who had it before."""
    _functions.clear()
    received.forget()
    _sources.forget()
    _ungil.serve(answer)


_sleep = time.sleep


def sleep(seconds: float) -> None:
    """time.sleep(), in which an interrupt is noticed."""
    if not isinstance(seconds, (int, float)) or not seconds > SLICE:
        return _sleep(seconds)
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        if left <= 0:
            return None
        _sleep(min(left, SLICE))


sleep.__doc__ = _sleep.__doc__
time.sleep = sleep  # type: ignore[assignment]
