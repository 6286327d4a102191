"""Answers requests in each interpreter. Only interpreters import it, each at its start, so it imports little."""

from __future__ import annotations

import _thread
import gc
import sys
import time

import _ungil  # type: ignore[import-not-found]

import __main__

from .._private_apis import RLock
from . import _arrivals, _inheritance, _pickling, _settings, _sources
from . import _protocol as protocol
from ._ownership import give_away
from ._pickling import Message
from ._plain import needs_only_pickle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, Callable

    from ._arrivals import Fingerprints

    Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

SLICE = 0.05  # seconds that a sleep may take before it notices an interrupt

_functions: dict[int, _CachedFunction] = {}  # by their keys
_lock = RLock()  # of _functions


class _UnknownFunction(Exception):
    """The function of a request is not in the cache, or its globals have changed."""


class _CachedFunction:
    """A function that arrived, and the fingerprints of what arrived with it."""

    __slots__ = ("changes", "fingerprints", "function")

    def __init__(self, function: Callable[..., Any], fingerprints: Fingerprints) -> None:
        self.function, self.fingerprints = function, fingerprints
        self.changes = -1  # _arrivals.changes when these were last found current

    def is_current(self) -> bool:
        changes = _arrivals.changes[0]
        if self.fingerprints and self.changes != changes:
            if not _arrivals.are_current(self.fingerprints):
                return False
            self.changes = changes
        return True


def answer(request: bytes, *buffers: memoryview) -> tuple[Any, ...]:
    """The response to a request, and the memory that it refers to."""
    result: Any = None
    try:
        result = _OPERATIONS[request[-1:]](request, buffers)
        message = result if type(result) is Message else _pickling.dumps(result)
        kind = protocol.RESULT
    except _UnknownFunction:
        return (protocol.UNKNOWN,)
    except protocol.Later:
        return (protocol.LATER,)
    except BaseException as error:  # SystemExit and KeyboardInterrupt, too, are raised in the caller
        message, kind = _pickling.dumps(failure_of(error, buffers)), protocol.FAILURE
    if not message.buffers:
        return (message.data + kind,)
    result = None  # so that only the message has it
    give_away(message.buffers)
    views = [buffer.view if buffer.writable else buffer.view.toreadonly() for buffer in message.buffers]
    return (message.data + kind, *views)


def _call(request: bytes, buffers: tuple[memoryview, ...], decorate: Decorator | None = None) -> Any:
    function, args, kwargs = _pickling.loads(request, buffers)
    if decorate is not None:
        function = decorate(function)
    return function(*args, **kwargs)


def _call_cached(request: bytes, buffers: tuple[memoryview, ...], decorate: Decorator | None = None) -> Any:
    function, memory = _function_of(request, buffers)
    args, kwargs = _pickling.loads(request, memory)
    if decorate is not None:
        function = decorate(function)
    return function(*args, **kwargs)


def _map_cached(request: bytes, buffers: tuple[memoryview, ...], decorate: Decorator | None = None) -> Any:
    """Make calls of one function: (the results before the first failure, that failure or None, the cost in seconds).

    All calls are made, as if they were tasks of their own, unless one is interrupted.
    """
    start = time.perf_counter()
    function, memory = _function_of(request, buffers)
    if decorate is not None:
        function = decorate(function)
    outcome = _MapOutcome()
    for part in _pickling.loads(request, ()):
        if type(part) is list:
            outcome.add(function, part, ())
        else:
            data, count = part
            outcome.load_and_add(function, data, memory[:count])
            memory = memory[count:]
        if outcome.is_interrupted:
            break
    size = len(request) + sum(view.nbytes for view in buffers) + outcome.size
    return outcome.results, outcome.failure, time.perf_counter() - start + size * protocol.SECONDS_PER_BYTE


class _MapOutcome:
    """What calls of one function have returned. Mutable results are messages: the next call may change the objects."""

    def __init__(self) -> None:
        self.results: list[Any] = []
        self.failure: Any = None
        self.is_interrupted = False
        self.size = 0  # of the messages

    def load_and_add(self, function: Callable[..., Any], data: bytes, memory: Sequence[memoryview]) -> None:
        try:
            calls = _pickling.loads(data, memory)
        except BaseException as error:
            self._fail(error, memory)
        else:
            self.add(function, calls, memory)

    def add(self, function: Callable[..., Any], calls: list[Any], memory: Sequence[memoryview]) -> None:
        calls.reverse()
        while calls and not self.is_interrupted:
            try:
                result = function(*calls.pop())
                if self.failure is None:
                    if not needs_only_pickle((result,)):
                        message = _pickling.dumps(result)
                        result = None  # so that only the message has its memory
                        give_away(message.buffers)
                        self.size += len(message.data) + sum(buffer.view.nbytes for buffer in message.buffers)
                        result = message
                    self.results.append(result)
            except BaseException as error:
                self._fail(error, memory)

    def _fail(self, error: BaseException, memory: Sequence[memoryview]) -> None:
        if self.failure is None:
            self.failure = failure_of(error, memory)
        self.is_interrupted = isinstance(error, KeyboardInterrupt)


def _function_of(request: bytes, buffers: tuple[memoryview, ...]) -> tuple[Any, Sequence[memoryview]]:
    """The function that a request calls, sent or cached, and the memory that is not the function's."""
    end = len(request) - protocol.HEADER_LENGTH
    key, length, memory = protocol.read_header(request, end)
    if length:
        pickled = memoryview(request)[end - length : end]
        function, fingerprints = _arrivals.record_arrivals(_pickling.loads, pickled, buffers[:memory])
        _keep(key, _CachedFunction(function, fingerprints))
        return function, buffers[memory:]
    cached = _functions.get(key)
    if cached is None or not cached.is_current():  # it has to be sent again, with its globals
        raise _UnknownFunction
    return cached.function, buffers[memory:]


def _keep(key: int, cached: _CachedFunction) -> None:
    dropped: list[Any] = []  # kept until the lock is released: their destructors may run any code
    with _lock:
        dropped.append(_functions.pop(key, None))
        while len(_functions) >= protocol.MAX_CACHED_FUNCTIONS:
            try:
                dropped.append(_functions.pop(next(iter(_functions)), None))
            except (RuntimeError, StopIteration):  # code that garbage collection ran has changed it
                pass
        _functions[key] = cached


def _seeded(function: Callable[..., Any]) -> Callable[..., Any]:
    from ._seeding import seeded

    return seeded(function)


def _make(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    from ._actor_objects import make

    make(lambda: _pickling.loads(request, buffers))


def _invoke(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    from ._actor_objects import invoke

    return invoke(*_pickling.loads(request, buffers))


def _resume(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    from ._actor_loops import resume

    return resume(request)


def _share(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    __main__.__dict__.update(_pickling.loads(request, buffers))


def _execute(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    source = _pickling.loads(request, buffers)
    exec(_ungil.compiled(source.encode(), "exec"), __main__.__dict__)


def _evaluate(request: bytes, buffers: tuple[memoryview, ...]) -> Any:
    expression = _pickling.loads(request, buffers)
    return eval(_ungil.compiled(expression.strip().encode(), "eval"), __main__.__dict__)


def _collect(request: bytes, buffers: tuple[memoryview, ...]) -> None:
    gc.collect()


_OPERATIONS = {
    protocol.CALL: _call,
    protocol.CALL_CACHED: _call_cached,
    protocol.MAP_CACHED: _map_cached,
    protocol.SEEDED[protocol.CALL]: lambda request, buffers: _call(request, buffers, _seeded),
    protocol.SEEDED[protocol.CALL_CACHED]: lambda request, buffers: _call_cached(request, buffers, _seeded),
    protocol.SEEDED[protocol.MAP_CACHED]: lambda request, buffers: _map_cached(request, buffers, _seeded),
    protocol.SHARE: _share,
    protocol.EXECUTE: _execute,
    protocol.EVALUATE: _evaluate,
    protocol.MAKE: _make,
    protocol.INVOKE: _invoke,
    protocol.RESUME: _resume,
    protocol.COLLECT: _collect,
}


_ungil.FILES.add(__file__)


_LENT = """
This memory is an argument's. Large arrays are lent to a task, and are read-only there. To change one, make a copy in
the task (array.copy()); or pass ungil.share(array, writable=True), whose memory the task and the program both change.
"""


def failure_of(error: BaseException, memory: Sequence[memoryview]) -> tuple[Message | None, str, str]:
    """(the exception as a message or None, one line about it, its traceback)

    memory: that of the task's arguments.
    """
    import traceback

    _ungil.show_sources()
    trace: TracebackType | None = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename in _ungil.FILES:
        trace = trace.tb_next
    if isinstance(error, KeyboardInterrupt) and _is_of_import(trace):
        _ungil.spoil()
    try:
        brief = "".join(traceback.format_exception_only(type(error), error)).strip()
        text = "".join(traceback.format_exception(type(error), error, trace))
        if isinstance(error, (TypeError, ValueError)) and "read-only" in brief:
            text += _LENT if any(view.readonly for view in memory) else ""
    except BaseException as other:  # of the exception's own __str__
        brief = text = "%s: <exception str() failed: %s>" % (type(error).__name__, type(other).__name__)
    try:
        return _pickling.dumps(error), brief, text
    except BaseException as other:
        return None, "%s (which cannot be sent: %s)" % (brief, other), text


def _is_of_import(trace: TracebackType | None) -> bool:
    """Whether the import of a module failed: modules of its package stay, and a second import may fail by that."""
    while trace is not None:
        names = trace.tb_frame.f_globals
        if trace.tb_frame.f_code.co_name == "<module>" and names.get("__spec__") is not None:
            name = names.get("__name__")
            module = sys.modules.get(name) if type(name) is str else None
            if getattr(module, "__dict__", None) is not names:
                return True
        trace = trace.tb_next
    return False


def begin(
    version: str,
    depth: int,
    limit: int,
    stack: int,
    lazy_imports: str | None,
    program: tuple[int, ...],
    streams: list[str],
    settings: bytes,
) -> None:
    """Make the interpreter answer requests, with nothing left from its previous user.

    version: of the program's Python, which is to be this one's. depth: see `_nesting`. limit: that of recursion.
    stack: of threads. program: the addresses in `_program`. streams: what `_streams.kinds` returns. settings: see
    `_settings`.
    """
    if version != "%d.%d" % sys.version_info[:2]:
        raise RuntimeError("this is not Python %s" % version)
    _ungil.depth = depth
    _ungil.seed = None  # see `_seeding`
    sys.setrecursionlimit(limit)
    _thread.stack_size(stack)
    _inheritance.inherit_from(program)
    _inheritance.inherit_streams(streams)
    _functions.clear()
    _arrivals.clear()
    _sources.clear()
    _settings.take_over(settings)
    _ungil.serve(answer)
    if lazy_imports:
        sys.set_lazy_imports(lazy_imports)  # type: ignore[attr-defined]


_sleep = time.sleep


def sleep(seconds: float) -> None:
    """Sleep as time.sleep() does, but notice an interrupt."""
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
