"""One isolated interpreter: Python code that runs at the same time as other Python code, in one process."""

from __future__ import annotations

import ctypes
import functools
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Callable, SupportsIndex, Union

from .._native import signatures
from .._native.handle import Handle
from .._native.interruptible import Latch, run_interruptibly
from .._native.library import check, library
from .._native.stand_in import StandIns
from .._typing import Parameters, Result
from ..errors import UnsupportedError
from . import _nesting, _options, _pickling, _requests, _start, _streams
from ._calls import Call, call_of
from ._protocol import EVALUATE, EXECUTE, MAX_CACHED_FUNCTIONS, SHARE
from ._requests import Outcome
from ._shared_variables import shared_variables

Path = Union[str, os.PathLike[str]]

OLDEST_PYTHON = (3, 9)
"""The oldest version that can have interpreters, as in src/interp/cpython/version.rs. There is no newest one."""


def require() -> None:
    """Raise UnsupportedError where there can be no interpreters for Python objects; RuntimeError in some imports."""
    if sys.implementation.name != "cpython" or sys.version_info < OLDEST_PYTHON:
        found = *OLDEST_PYTHON, sys.implementation.name, sys.version.split()[0]
        raise UnsupportedError(
            "unsupported: isolated interpreters require CPython %d.%d or newer; this is %s %s" % found
        )
    _nesting.refuse_deep_imports()


class Interpreter(Handle):
    """A Python interpreter of its own inside this process, with a GIL of its own.

    It is like this process's Python (`sys.path`, venv, flags), but has its own `__main__`, modules and extension
    modules. Threads that call different interpreters run at the same time; those that call the same one take turns.
    (With a free-threaded Python, neither the program nor an interpreter has a GIL; interpreters then only isolate.)

    Parameters
    ----------
    share : mapping of str to object, optional
        Memory that `__main__` has there, by the names of the variables; see `ungil.share`.
    fresh : bool, optional
        Whether to start a new interpreter, and not to reuse one that was closed.
    group : str, optional
        Any text. An interpreter that was closed is reused for the same group only, and without it, for those without.
    libpython : path, optional
        The shared library of Python. It must be of the same version as this process's.
    executable : path, optional
        The Python program whose packages are used, of a venv for example.
    home : path, optional
        The prefix that has the standard library, if there is no executable.
    module_search_paths : list of path, optional
        `sys.path`: the whole list, in place of this process's. To add a directory: ``[*sys.path, directory]``.
    argv, warnoptions, xoptions : list of str, optional
        `sys.argv`, and the arguments of Python's options -W and -X.
    private, shared : list of path, optional
        Libraries to load once for this interpreter, or once for the process: ``["libhdf5*"]``. See docs/libraries.md.
    pycache_prefix : path, optional
        `sys.pycache_prefix`.
    int_max_str_digits : int, optional
        See `sys.set_int_max_str_digits`; 0, or 640 and more.
    optimization_level : int, optional
        1 removes assert statements (-O), and 2 docstrings as well (-OO).
    write_bytecode : bool, optional
        Whether imported modules write .pyc files; False is -B.
    user_site_directory, site_import : bool, optional
        Whether the user's site-packages are used, and the module `site` is imported; False is -s and -S.
    use_environment : bool, optional
        Whether the variables PYTHON* of the environment are used; False is -E.
    bytes_warning, verbose, parser_debug : int, optional
        How often -b, -v or -d is given.
    isolated, quiet, utf8_mode, dev_mode : bool, optional
        True is -I, -q, -X utf8 and -X dev.

    Raises
    ------
    UnsupportedError
        If there can be no interpreter, or one of another version of Python only.
    ValueError, TypeError
        If an argument is wrong.
    Error
        If the process cannot have more interpreters.

    Notes
    -----
    None, the default, means as in this process. A list must not be empty. As for `python` itself, the variables
    PYTHONOPTIMIZE, PYTHONVERBOSE, PYTHONDEBUG, PYTHONDONTWRITEBYTECODE and PYTHONNOUSERSITE outweigh lower levels, and
    True for `write_bytecode` and `user_site_directory`, unless `use_environment` is False. For ungil_interp_new(), some
    have other names: path (`module_search_paths`), warnoption and xoption, optimize (`optimization_level`) and debug
    (`parser_debug`); and the opposites dont_write_bytecode, no_user_site, no_site and ignore_environment.

    Functions of this program's `__main__`, and lambdas, become functions of the `__main__` there, and bring along the
    globals that they use.

    Code may recurse as deep as `sys.setrecursionlimit` allows this program when the interpreter is made, and at least
    1000 deep; before Python 3.12 at most 131072 deep.

    Cost: 20 to 60 ms and about 5 MB, which the process keeps, for a new interpreter; 1 or 2 ms for one that was closed
    and is reused. Of that, the C function ungil_interp_new() takes about 20 ms, or 0.1 ms.

    Examples
    --------
    >>> import ungil
    >>> with ungil.Interpreter() as interpreter:
    ...     interpreter.exec("import math")
    ...     interpreter.eval("math.tau"), interpreter.call(lambda n: sum(range(n)), 5)
    (6.283185307179586, 10)
    """

    _kind = "interpreter"
    _free = library.ungil_interp_free

    def __init__(
        self,
        *,
        share: Mapping[str, Any] | None = None,
        fresh: bool = False,
        group: str | None = None,
        libpython: Path | None = None,
        executable: Path | None = None,
        home: Path | None = None,
        module_search_paths: Sequence[Path] | None = None,
        argv: Sequence[str] | None = None,
        warnoptions: Sequence[str] | None = None,
        xoptions: Sequence[str] | None = None,
        private: Sequence[Path] | None = None,
        shared: Sequence[Path] | None = None,
        pycache_prefix: Path | None = None,
        int_max_str_digits: SupportsIndex | None = None,
        optimization_level: SupportsIndex | None = None,
        write_bytecode: bool | None = None,
        user_site_directory: bool | None = None,
        site_import: bool | None = None,
        use_environment: bool | None = None,
        isolated: bool | None = None,
        bytes_warning: SupportsIndex | None = None,
        verbose: SupportsIndex | None = None,
        parser_debug: SupportsIndex | None = None,
        quiet: bool | None = None,
        utf8_mode: bool | None = None,
        dev_mode: bool | None = None,
    ) -> None:
        options = _options.text_of(locals())
        require()
        limit, self._stack, settings, is_worker = _start.of_this_thread()
        self._stand_ins = StandIns(self._stack)
        # That of the thread which makes this object. It has a thread state in the interpreter until it closes it.
        self._owner = None if is_worker else self._stand_ins.of_this_thread()
        lazy_imports = _start.lazy_imports(xoptions or ())
        self._start(functools.partial(self._begin, options, limit, settings, lazy_imports, share or {}))

    def _start(self, begin: Callable[[], None]) -> None:
        try:
            run_interruptibly(begin, self._stop, thread=self._owner) if self._owner else begin()
        except BaseException:
            self.close()
            raise

    def _begin(
        self, options: bytes, limit: int, settings: bytes, lazy_imports: str | None, share: Mapping[str, Any]
    ) -> None:
        self._known: set[int] = set()  # keys of functions that were sent
        self._shared_names = frozenset(share)
        self._handle = _start.new(options)
        _start.prepare(self._handle, limit, self._stack, settings, lazy_imports)
        if share:
            self._outcome(Call(SHARE, None, _pickling.dumps(shared_variables(share)))).get()

    def call(
        self, function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
    ) -> Result:
        """Return function(*args, **kwargs), called in this interpreter.

        Parameters
        ----------
        function : callable
            Any function that pickle or cloudpickle can pickle.
        *args, **kwargs
            Its arguments, which are pickled. Numpy arrays of up to 512 KiB are copied. Larger ones are lent: the
            function reads the memory in place, and until nothing in the interpreter uses it any more, the array is not
            writeable on either side. What `ungil.share` returns goes without a copy.

        Returns
        -------
        object
            The function's result. Arrays in it are writable, and the caller's own. They come without a copy, unless
            something in the interpreter keeps them.

        Raises
        ------
        Exception
            The function's own, whose cause has the traceback in the interpreter; pickle's, if an argument cannot be
            sent.
        ExecutionError
            If the function's exception cannot be sent.

        Notes
        -----
        In the main thread Ctrl-C interrupts the call, and what other threads run in this interpreter meanwhile. If the
        call has not ended a second later, it is left behind, and this object is closed.

        It takes some 20 us, and as many more in the main thread, or if the recursion limit is raised: another thread
        makes the call then, which has a larger stack if need be. It makes all calls of this thread, so what remembers
        its thread works from call to call, as a connection of `sqlite3` does. What lives in a thread, as values of
        `threading.local` and context variables do, stays for the thread that has made this object; for others, it
        lasts for one call.

        Examples
        --------
        >>> import ungil
        >>> with ungil.Interpreter() as interpreter:
        ...     interpreter.call(pow, 2, 10)
        1024
        """
        result: Result = self._wait(call_of(function, args, kwargs, self._shared_names))
        return result

    def exec(self, source: str) -> None:
        """Run statements in the interpreter's `__main__`.

        Parameters
        ----------
        source : str
            The statements.

        Raises
        ------
        Exception
            The statements' own, as for `call`.

        Examples
        --------
        >>> import ungil
        >>> with ungil.Interpreter() as interpreter:
        ...     interpreter.exec("x = 1")
        ...     interpreter.eval("x + 1")
        2
        """
        self._wait(Call(EXECUTE, None, _pickling.dumps(_text("source", source))))

    def eval(self, expression: str) -> Any:
        """Evaluate an expression in the interpreter's `__main__`.

        Parameters
        ----------
        expression : str
            The expression.

        Returns
        -------
        object
            Its value.

        Raises
        ------
        Exception
            The expression's own, as for `call`.

        Examples
        --------
        >>> import ungil
        >>> with ungil.Interpreter() as interpreter:
        ...     interpreter.eval("6 * 7")
        42
        """
        return self._wait(Call(EVALUATE, None, _pickling.dumps(_text("expression", expression))))

    def interrupt(self) -> None:
        """Raise KeyboardInterrupt in the code that the interpreter runs. Any thread may call this; it does not wait.

        Raises
        ------
        ValueError
            If the interpreter is closed.
        """
        check(library.ungil_interp_interrupt(self._open()))

    def close(self) -> None:
        """Call the functions that code registered with `atexit`, and close the interpreter, which may then be reused.

        Ctrl-C interrupts these functions. In the child of a fork, nothing is done.

        Raises
        ------
        Error
            If code runs in the interpreter.
        """
        if self._handle:
            run_interruptibly(self._close, self._stop, thread=self._owner)
            self._stand_ins, self._owner = StandIns(self._stack), None

    def __del__(self) -> None:
        handle, owner = self._handle, getattr(self, "_owner", None)
        if not handle:
            return
        free = functools.partial(self._free, handle)
        if owner is None or not owner.begin(free, Latch()):
            free()

    def _close(self) -> None:
        status = self._free(self._handle)
        if status not in (signatures.UNGIL_E_HANDLE, signatures.UNGIL_E_FORKED):  # another thread's, or the parent's
            check(status)
        self._handle = 0

    @property
    def is_alive(self) -> bool:
        """Whether code can run in the interpreter: it is neither closed nor dead. See `InterpreterDiedError`."""
        alive = ctypes.c_int32()
        is_open = library.ungil_interp_is_alive(self._handle, ctypes.byref(alive)) == signatures.UNGIL_OK
        return is_open and bool(alive.value)

    def _outcome(self, call: Call) -> Outcome:
        """The outcome of a call, which is made on this thread even if it is the main one."""
        handle = self._open()
        key = call.function.key if call.function else None
        outcome = _requests.request(handle, *call.request(key in self._known))
        if outcome is _requests.UNKNOWN:
            outcome = _requests.request(handle, *call.request(False))
        if key is not None and outcome.error is None:
            if len(self._known) >= MAX_CACHED_FUNCTIONS:
                self._known.clear()
            self._known.add(key)
        return outcome

    def _wait(self, call: Call) -> Any:
        _streams.flush()
        thread = self._stand_ins.of_this_thread()
        with call:
            return run_interruptibly(lambda: self._outcome(call), self._stop, self._stack, thread, self._leave).get()

    def _leave(self) -> None:
        """Leave the interpreter to a call that Ctrl-C does not end. This object is closed."""
        self._handle = 0

    def _stop(self) -> None:
        library.ungil_interp_interrupt(self._handle)  # an error: another thread has closed this

    def __repr__(self) -> str:
        return "<ungil.Interpreter %d>" % self._handle if self._handle else "<ungil.Interpreter, closed>"


def _text(name: str, value: str) -> str:
    if not isinstance(value, str):
        raise TypeError("%s: expected a str, not %s" % (name, type(value).__name__))
    return value


def run(function: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
    """Return function(*args, **kwargs), called in an interpreter that is closed afterwards.

    Parameters
    ----------
    function : callable
        Any function that pickle or cloudpickle can pickle.
    *args, **kwargs
        Its arguments.

    Returns
    -------
    object
        The function's result.

    Raises
    ------
    Exception
        As for `Interpreter` and `Interpreter.call`.

    Notes
    -----
    Calls of several threads run at the same time, each in an interpreter of its own.

    Cost: that of a new `Interpreter` in the first call; 2 or 3 ms later, when an interpreter is reused: to reset it, to
    call the function, and to close it.

    Examples
    --------
    >>> import ungil
    >>> ungil.run(sum, range(10))
    45
    """
    with Interpreter() as interpreter:
        return interpreter.call(function, *args, **kwargs)


__all__ = ["Interpreter", "run"]
