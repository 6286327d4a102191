"""Isolated interpreters: any Python code, at the same time as other Python code, in one process."""

from __future__ import annotations

import contextlib
import ctypes
import keyword
import os
import platform
import sys
import threading
from numbers import Integral
from typing import Any, Callable, Mapping, Sequence, TypeVar, Union

from .._native import recursion as _recursion
from .._native import signatures
from .._native.handle import Handle
from .._native.interruptible import run_interruptibly
from .._native.library import check, library
from .._native.scalars import short_repr
from ..errors import InvalidArgumentError, UnsupportedError
from . import _pickling, _requests, _streams
from ._calls import Call, call_of
from ._protocol import EVALUATE, EXECUTE, KEPT_FUNCTIONS, SHARE
from ._requests import Outcome

Result = TypeVar("Result")
Option = Union[str, int, Sequence[str]]

_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# The package that answers is this one, whatever sys.path is there.
_BEGIN = """
def begin(folder, limit, stack):
    import sys, _thread
    sys.setrecursionlimit(limit)
    _thread.stack_size(stack)
    sys.path.insert(0, folder)
    try:
        import ungil.interpreters._worker
    finally:
        sys.path.remove(folder)
    ungil.interpreters._worker.begin()
begin(%r, %d, %d)
del begin
"""


def require() -> None:
    """Raises UnsupportedError where there can be no interpreters for Python objects."""
    if platform.python_implementation() != "CPython":
        raise UnsupportedError(
            "unsupported: interpreters are CPython's, and this is %s" % platform.python_implementation()
        )
    if not (3, 8) <= sys.version_info[:2] <= (3, 14):
        raise UnsupportedError(
            "unsupported: interpreters are of CPython 3.8 to 3.14, and this is %s" % sys.version.split()[0]
        )


def _lines(options: Mapping[str, Option]) -> bytes:
    lines: list[str] = []
    for name, value in options.items():
        for item in [value] if isinstance(value, (str, int, Integral)) else value:
            number = int(item) if isinstance(item, Integral) else None
            if number is not None and number.bit_length() > 63:
                raise InvalidArgumentError("%s: %s is too large" % (name, short_repr(number)))
            lines.append("%s=%s" % (name, item if number is None else number))
            if "\n" in lines[-1] or "\0" in lines[-1]:
                raise ValueError("%s: an option cannot have a new line or a NUL" % name)
    return "\n".join(lines).encode("utf-8", "surrogateescape")


class Interpreter(Handle):
    """A Python of its own inside this process, with a lock of its own.

    >>> with ungil.Interpreter() as interpreter:
    ...     interpreter.exec("import math")
    ...     interpreter.call(lambda n: math.factorial(n), 5), interpreter.eval("math.tau")
    (120, 6.283185307179586)

    It is like this process's Python: `sys.path`, venv, flags; but has its own modules, extension modules like numpy's
    included, and a `__main__` of its own. Functions of this program's `__main__`, and lambdas, become functions of
    that one, and bring along the globals that they use. Threads that call different interpreters run at the same time;
    those that call the same one take turns.

    Code there may recurse as deep as this program's `sys.setrecursionlimit` allows when the interpreter is made, and at
    least 1000 deep; before Python 3.12 at most 131072.

    share: memory, by the names that `__main__` is to have for it there; see `ungil.share`.
    options: as ungil_interp_new() takes them, a list for those that have several values: `path=["a", "b"]`.
    Errors: UnsupportedError where there can be no interpreter, or one of another version of Python; ValueError for an
    option that is unknown or wrong; ungil.Error if the process cannot have more.
    Cost: 20 to 60 ms and some 15 MB, which stay with the process; 1 ms or two if one that was closed can be had.
    """

    _kind = "interpreter"
    _free = library.ungil_interp_free

    def __init__(self, *, share: Mapping[str, Any] | None = None, **options: Option) -> None:
        self._known: set[int] = set()  # functions that were sent, by their numbers
        limit = getattr(threading.current_thread(), "recursion_limit", None) or _recursion.limit()
        self._stack = _recursion.stack_for(limit)
        require()
        lines = _lines(options)
        handle = ctypes.c_int32()
        check(library.ungil_interp_new(lines, ctypes.byref(handle)))
        self._handle = handle.value
        try:
            self._begin(share or {}, limit)
        except BaseException:
            self.close()
            raise

    def _begin(self, share: Mapping[str, Any], limit: int) -> None:
        text = ctypes.c_char_p()
        version = b"'%d.%d' % __import__('sys').version_info[:2]"
        check(library.ungil_interp_eval(self._handle, version, ctypes.byref(text)))
        there, here = (text.value or b"").decode(), "%d.%d" % sys.version_info[:2]
        if there != here:
            raise UnsupportedError("unsupported: an interpreter of Python %s for objects of Python %s" % (there, here))
        check(library.ungil_interp_exec(self._handle, (_BEGIN % (_FOLDER, limit, self._stack)).encode()))
        self._own_names = frozenset(share)
        if share:
            self.outcome(Call(SHARE, None, _pickling.dumps(shared(share)))).get()

    def call(self, function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Result:
        """function(*args, **kwargs), there. Numpy arrays and what `ungil.share` gives go without a copy.

        Errors: the function's exceptions, with the traceback that they had there as the cause; what pickle raises for
        what cannot be sent; ExecutionError for an exception that cannot.
        In the main thread Ctrl-C interrupts it, and what other threads run in this interpreter meanwhile.
        Cost: some 20 us, 50 more in the main thread, or where the limit of recursion is raised: a thread with a larger
        stack makes the call then.
        """
        result: Result = self._wait(call_of(function, args, kwargs, self._own_names))
        return result

    def exec(self, source: str) -> None:
        """Runs statements in its `__main__`. Errors: the statements' exceptions."""
        self._wait(Call(EXECUTE, None, _pickling.dumps(_text("source", source))))

    def eval(self, expression: str) -> Any:
        """The value of an expression in its `__main__`. Errors: the expression's exceptions."""
        return self._wait(Call(EVALUATE, None, _pickling.dumps(_text("expression", expression))))

    def interrupt(self) -> None:
        """Raises KeyboardInterrupt in what runs there; any thread may do that. It does not wait."""
        check(library.ungil_interp_interrupt(self._open()))

    def close(self) -> None:
        """Gives the interpreter back, for others to have.

        Errors: ungil.Error while something runs in it. In a fork's child it does nothing.
        """
        if self._handle:
            status = self._free(self._handle)
            # A handle that another thread closed meanwhile, or one of the parent process.
            if status not in (signatures.UNGIL_E_HANDLE, signatures.UNGIL_E_FORKED):
                check(status)
            self._handle = 0

    def outcome(self, call: Call) -> Outcome:
        """What the call comes to, which is made on this thread, whichever that is."""
        handle = self._open()
        token = call.function.token if call.function else None
        outcome = _requests.request(handle, *call.request(token in self._known))
        if outcome is _requests.UNKNOWN:
            outcome = _requests.request(handle, *call.request(False))
        if token is not None and outcome.error is None:
            if len(self._known) >= KEPT_FUNCTIONS:
                self._known.clear()
            self._known.add(token)
        return outcome

    def _wait(self, call: Call) -> Any:
        _streams.flush()
        return run_interruptibly(lambda: self.outcome(call), self._stop, self._stack).get()

    def _stop(self) -> None:
        with contextlib.suppress(ValueError):  # the call is over, and another thread has closed this
            self.interrupt()

    def __repr__(self) -> str:
        return "<ungil.Interpreter %d>" % self._handle if self._handle else "<ungil.Interpreter, closed>"


def shared(share: Mapping[str, Any]) -> dict[str, Any]:
    """The memory by its names, if these are names. Errors: ValueError; those of `ungil.share`."""
    for name in share:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError("share: %r is not a name" % (name,))
    return {name: it if isinstance(it, _pickling.Shared) else _pickling.share(it) for name, it in share.items()}


def _text(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError("%s: expected a str, not %s" % (name, type(value).__name__))
    return value


def run(function: Callable[..., Result], /, *args: Any, **kwargs: Any) -> Result:
    """function(*args, **kwargs) in an interpreter, which is given back at the end.

    >>> ungil.run(sum, range(10))
    45

    Threads that call this run at the same time. Errors: as for `Interpreter` and `Interpreter.call`.
    Cost: that of an `Interpreter`: 40 ms for the first, 2 ms or three for one that was had before.
    """
    with Interpreter() as interpreter:
        return interpreter.call(function, *args, **kwargs)
