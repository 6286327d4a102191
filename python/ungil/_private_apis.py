"""All uses of what other packages keep private, each with its reason.

tests/package/test_private_apis.py fails when one of them changes. Each interpreter imports this module, so it imports
next to nothing else at the top. (`_arrays.addresses` reads a field of memoryview objects, and checks itself at its
import.)
"""

from __future__ import annotations

import sys

from ._import_hooks import FunctoolsInC

# pickle without the imports that only its Python version needs: those take as long as half of an interpreter's start.
try:
    with FunctoolsInC("functools"):
        import _pickle as pickle
except ImportError:
    import pickle  # type: ignore[no-redef]

# threading.local and threading.RLock, without an import of threading, for the same reason.
try:
    from _thread import RLock as RLock
    from _thread import _local as thread_local
except ImportError:
    from threading import RLock as RLock
    from threading import local as thread_local

# weakref.ref, without an import of weakref, for the same reason.
try:
    from _weakref import ref as weak_reference
except ImportError:
    from weakref import ref as weak_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from types import CodeType, FrameType
    from typing import Any, Callable

__all__ = ["RLock", "pickle", "thread_local", "weak_reference"]

IS_FREE_THREADED = "t" in getattr(sys, "abiflags", "")
"""Whether this is a build of Python without a GIL, even if it has one at present."""


def is_gil_enabled() -> bool:
    """Whether this Python has a GIL at present. The documented function has an underscore, and is new in 3.13."""
    is_enabled: Callable[[], bool] = getattr(sys, "_is_gil_enabled", lambda: True)
    return is_enabled()


def is_only_thread() -> bool:
    """Whether no other thread can change a reference count meanwhile: there is a GIL, or Python has no other thread."""
    return is_gil_enabled() or len(sys._current_frames()) == 1


# concurrent.futures

FIELDS_OF_FUTURES = ("_condition", "_state", "_result", "_exception", "_waiters", "_done_callbacks")
"""What Future.__init__ sets. The module's functions and other packages use it, so a pool's futures have it, too."""

UNFINISHED = ("PENDING", "RUNNING")
CANCELLED = ("CANCELLED", "CANCELLED_AND_NOTIFIED")
"""States. No public method tells these two from each other: only the second ends a wait for several futures."""


# threading

CONDITION_LOCK = "_lock"
"""The attribute of a threading.Condition that is its lock. Only the lock's own methods are in C throughout."""


def register_atexit(function: Callable[[], object]) -> None:
    """Call the function before the process waits for its threads to end.

    atexit's functions are called after that, so a pool's threads would never be asked to end.
    """
    import threading

    threading._register_atexit(function)  # type: ignore[attr-defined]


# ctypes


def ctypes_bases() -> tuple[Any, Any, Any]:
    """The base classes of all functions, pointers and simple types of ctypes, which exports only derived classes."""
    import ctypes

    return ctypes._CFuncPtr, ctypes._Pointer, ctypes._SimpleCData  # type: ignore[attr-defined]


def flags_of(function: Any) -> int:
    """The flags of a ctypes function, one of which says that it needs the GIL. ctypes offers no other way to ask."""
    flags: int = function._flags_
    return flags


def path_of(library: Any) -> Any:
    """The name with which a ctypes.CDLL was loaded, which has no other attribute."""
    return library._name


def library_of(function: Any) -> Any:
    """The ctypes.CDLL that a function belongs to; None if it is not one of a library."""
    import ctypes

    library = (getattr(function, "_objects", None) or {}).get("0")
    return library if isinstance(library, ctypes.CDLL) else None


def reduction_of_c_type(kind: Any) -> Any:
    """How pickle can make a type anew that ctypes made: of functions, pointers or arrays. None for other types."""
    import ctypes
    import operator

    function, pointer, _ = ctypes_bases()
    if issubclass(kind, function) and hasattr(kind, "_argtypes_"):
        reduced: Any = make_function_type, (kind._restype_, kind._argtypes_, kind._flags_)
    elif issubclass(kind, pointer) and hasattr(kind, "_type_"):
        reduced = ctypes.POINTER, (kind._type_,)
    elif issubclass(kind, ctypes.Array) and hasattr(kind, "_length_"):
        reduced = operator.mul, (kind._type_, kind._length_)
    elif issubclass(kind, type):
        bases = *ctypes_bases(), ctypes.Structure, ctypes.Union, ctypes.Array
        base = next((base for base in bases if type(base) is kind), type)
        reduced = type, (base,)
    else:
        return None
    make, arguments = reduced
    return reduced if make(*arguments) is kind else None  # a program may derive from such a type


def make_function_type(result: Any, arguments: tuple[Any, ...], flags: int) -> Any:
    """The type of ctypes with these flags, which ctypes.CFUNCTYPE() and ctypes.PYFUNCTYPE() have for options."""
    import ctypes

    if flags & ctypes._FUNCFLAG_PYTHONAPI:  # type: ignore[attr-defined]
        return ctypes.PYFUNCTYPE(result, *arguments)
    use_errno = bool(flags & ctypes._FUNCFLAG_USE_ERRNO)  # type: ignore[attr-defined]
    return ctypes.CFUNCTYPE(result, *arguments, use_errno=use_errno)


# wrapt


def wrapper_of(function: Any) -> Any:
    """The wrapper of a function under a decorator of wrapt: it has no other name."""
    return function._self_wrapper


# linecache


def lines_of_code(code: CodeType) -> Sequence[str] | None:
    """The source lines of code that was typed in an interactive session.

    From Python 3.14 on, linecache keeps these by code object, and has no public function for it.
    """
    linecache: Any = sys.modules["linecache"]
    lines_of = getattr(linecache, "_getlines_from_code", None)
    lines: Sequence[str] | None = lines_of and lines_of(code)
    return lines


def register_code(code: CodeType, lines: Sequence[str]) -> None:
    """Let linecache know the lines of code that is in no file, where it keeps them by code object."""
    linecache: Any = sys.modules["linecache"]
    if hasattr(linecache, "_getlines_from_code"):
        linecache._register_code(code, "".join(lines), code.co_filename)


# asyncio


def asyncio_is_interrupted() -> bool:
    """Whether asyncio.run() of the main thread has caught a Ctrl-C, for which it cancels its task.

    It does so from Python 3.11 on. Its handler is a partial of a method.
    """
    import signal

    runner = getattr(getattr(signal.getsignal(signal.SIGINT), "func", None), "__self__", None)
    count = getattr(runner, "_interrupt_count", 0)
    return isinstance(count, int) and count > 0


# multiprocessing


def spawning(context: Any) -> Any:
    """What stands for the process that this thread is starting; None if it starts none.

    multiprocessing.context, the argument, does not document these two. Objects that only children may get, such as
    locks, ask for it when they are pickled.
    """
    return context.get_spawning_popen()


def set_spawning(context: Any, process: Any) -> None:
    context.set_spawning_popen(process)


def semaphore_of(obj: Any) -> Any:
    """The semaphore in C that a lock, or a relative, of multiprocessing consists of."""
    return obj._semlock


def with_semaphore(kind: Any, semaphore: Any, like: Mapping[str, Any]) -> Any:
    """A lock, or a relative, with this semaphore. What pickle makes closes the semaphore of the one that was sent.

    like: what `traits_of_semaphore` gave for the one that was sent.
    """
    from multiprocessing.util import register_after_fork

    made: Any = kind.__new__(kind)
    vars(made).update(like, _semlock=semaphore)
    made._make_methods()
    register_after_fork(made, lambda made: made._semlock._after_fork())
    return made


def traits_of_semaphore(obj: Any) -> dict[str, Any]:
    """Whether it was made for processes that fork, where this Python notes that (3.11.5, 3.12 and later)."""
    return {name: value for name, value in vars(obj).items() if name.endswith("is_fork_ctx")}


def semaphore_at(handle: int, kind: int, maximum: int) -> Any:
    """An object in C for a semaphore that exists in this process. When it is freed, it closes the semaphore."""
    from _multiprocessing import SemLock  # type: ignore[import-not-found]

    return SemLock._rebuild(handle, kind, maximum, None)


def reset_semaphore(semaphore: Any) -> None:
    """Make the object know of no acquisition by this process."""
    semaphore._after_fork()


def place_of(block: Any) -> Any:
    """The arena, and the place in it, of the memory of a Value or an Array."""
    return block._state


def block_at(place: Any, kept: Any) -> Any:
    """The memory at this place, which another one owns. `kept` is kept as long as this exists."""
    from multiprocessing.heap import BufferWrapper

    block: Any = BufferWrapper.__new__(BufferWrapper)
    block._state, block._kept = place, kept
    return block


def share_tracker(module: Any, ask: Callable[[], int | None]) -> None:
    """Make multiprocessing.resource_tracker use a tracker that is there already, when it first needs one.

    ask: gives a descriptor of the pipe to that tracker, or None.
    """
    tracker = module._resource_tracker
    if hasattr(type(tracker), "own_descriptor"):
        return

    class SharedTracker(type(tracker)):  # type: ignore[misc]
        own_descriptor: int | None = tracker._fd
        has_asked = False

        @property
        def _fd(self) -> int | None:
            if self.own_descriptor is None and not self.has_asked:
                self.has_asked = True
                self.own_descriptor = ask()
            return self.own_descriptor

        @_fd.setter
        def _fd(self, descriptor: int | None) -> None:
            self.own_descriptor = descriptor

    del tracker._fd  # a property takes precedence over it, but it would be misleading
    tracker.__class__ = SharedTracker


# cloudpickle


def is_pickled_by_value(module: str | None) -> bool:
    """Whether the program has told cloudpickle to pickle this module by value.

    cloudpickle.list_registry_pickle_by_value() copies the set, for each function and class that is pickled.
    """
    # While another thread imports cloudpickle, it may lack the set: nothing is registered yet.
    return module in getattr(sys.modules.get("cloudpickle.cloudpickle"), "_PICKLE_BY_VALUE_MODULES", ())


def parts_of_reduction(
    reduced: Any,
) -> tuple[Callable[..., Any], tuple[Any, ...], Any, dict[str, Any], Callable[..., Any]]:
    """cloudpickle's reduction of a function or class: what makes it, arguments, attributes, slots, what completes it.

    For a function, the second argument is the dict of its globals; the slots have those that it uses.
    """
    make, arguments, (attributes, slots), _, _, complete = reduced
    return make, arguments, attributes, slots, complete


def globals_used_by(code: CodeType) -> Iterable[str]:
    """The names of the globals that a function with this code brings along."""
    from cloudpickle import cloudpickle

    names: Iterable[str] = cloudpickle._extract_code_globals(code)
    return names


def reduction_of_code(pickler: Any, code: CodeType) -> Any:
    """cloudpickle's reduction of a code object, which it keeps in a table and does not offer as a function."""
    from types import CodeType

    return pickler.dispatch_table[CodeType](code)


# sys


def current_frame() -> FrameType:
    """The frame of the function that calls this. inspect, which offers the same, takes long to import."""
    return sys._getframe(1)


# typing


def any_parameters() -> Any:
    """A ParamSpec's substitute before Python 3.10: Callable accepts a list, and makes Callable[..., T] of this one."""
    import typing

    class Parameters(list):  # type: ignore[type-arg]
        args = kwargs = typing.Any

    return Parameters([typing._TypingEllipsis])  # type: ignore[attr-defined]


# distributed


def variable_of_dask_worker() -> Any:
    """The context variable by which distributed.get_worker() finds the worker."""
    from distributed.worker import _worker_cvar

    return _worker_cvar


# logging

_STYLES = {"PercentStyle": "%", "StrFormatStyle": "{", "StringTemplateStyle": "$"}


def format_of(formatter: Any) -> tuple[str, str | None, str, dict[str, Any] | None] | None:
    """The arguments that make such a formatter: format, format of dates, style, defaults. None if that is not known."""
    style = formatter._style
    kind, text, dates = _STYLES.get(type(style).__name__), style._fmt, formatter.datefmt
    defaults = getattr(style, "_defaults", None)  # new in Python 3.10
    if kind is None or type(text) is not str or not (dates is None or type(dates) is str):
        return None
    if defaults is not None and not all(type(value) in (str, int, float, bool) for value in defaults.values()):
        return None
    return text, dates, kind, defaults


def captures_warnings() -> bool:
    """Whether `logging.captureWarnings` is on."""
    import logging

    return getattr(logging, "_warnings_showwarning", None) is not None
