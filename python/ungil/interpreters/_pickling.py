"""Objects between interpreters: pickled by protocol 5, with the memory of arrays beside, which is lent and not copied.

Both sides use this file: the process's Python, and the interpreters. Functions and classes that others can import go by
their name, those of `__main__`, lambdas and closures by value, which is cloudpickle's work.
"""

from __future__ import annotations

import _thread
import io
import os
import sys
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType

from . import _sources

# Each interpreter imports this, and neither what pickle imports nor typing, which takes as long as half a start.
try:
    import _pickle as pickle
except ImportError:
    import pickle  # type: ignore[no-redef]
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable, Sequence

PROTOCOL = 5
SHORT = 64  # bytes of a global's pickle, which are as good as their hash
LARGE = 1 << 20  # bytes objects from this size on are copied once, and not four times

# Types of immutable objects, by which two of them can be compared.
ATOMS = frozenset([type(None), bool, int, float, complex, str])


class Loan:
    """Memory that goes beside a pickle: one-dimensional bytes, contiguous."""

    __slots__ = ("view", "writable")

    def __init__(self, view: memoryview, writable: bool) -> None:
        self.view, self.writable = view, writable


class Message:
    """A pickled object, and the memory that belongs to it.

    globals: those of `__main__` that went along: names, values, and what else the identity of a function lies in. They
    are kept, so that no other object gets their `id` as long as the message may be sent.
    """

    __slots__ = ("data", "globals", "loans")

    def __init__(
        self, data: bytes, loans: Sequence[Loan] = (), globals: Sequence[tuple[str, Any, tuple[Any, ...]]] = ()
    ) -> None:
        self.data, self.loans, self.globals = data, loans, globals


class Shared:
    """What `share` gives: it becomes the memory's view when it arrives."""

    __slots__ = ("data", "writable")

    def __init__(self, data: Any, writable: bool) -> None:
        view = _memory_of_array(data) if hasattr(data, "dtype") else memoryview(data)
        if not view.c_contiguous:
            raise ValueError("share() wants contiguous memory, not one with strides %r" % (view.strides,))
        if view.format.strip("<>=!@") == "O":
            raise TypeError("share() wants numbers or bytes, not Python objects")
        if writable and view.readonly:
            raise ValueError("share(writable=True) wants memory that can be written to; this is read-only")
        self.data, self.writable = data, writable

    def __reduce__(self) -> Any:
        raise TypeError("what share() gives can only go to an interpreter of ungil")


def share(data: Any, *, writable: bool = False) -> Any:
    """Sends memory to a task, or back from one, without a copy; writable, if that is asked for.

    data: a numpy array, which arrives as a numpy array, or anything else with a buffer (bytes, bytearray, array.array,
    mmap, ctypes arrays), which arrives as a memoryview of the same format and shape. It must be contiguous.
    writable: both sides may write to the memory; they must agree when, as threads must.
    The memory is in use as long as a view of it is left on the other side; a bytearray cannot be resized until then.
    Errors: TypeError if data has no buffer, or one of Python objects, or is an array that is not just contiguous memory
    (masked, of dates, with strides); ValueError if it is not contiguous, or read-only while writable is asked for.
    """
    return Shared(data, writable)


def _memory_of_array(array: Any) -> memoryview:
    """The memory of an array of numpy's, or of another library's, as it pickles itself."""
    for item in array.__reduce_ex__(PROTOCOL)[1]:
        if isinstance(item, pickle.PickleBuffer):
            return item.raw()
    raise TypeError(
        "share() wants a contiguous array of numbers of a plain type, not this %s; numpy.ascontiguousarray() makes one"
        % type(array).__name__
    )


class Large:
    """Marks a bytes object that is to be lent, and copied where it arrives."""

    __slots__ = ("data",)

    def __init__(self, data: bytes) -> None:
        self.data = data


def lend_large(value: Any) -> Any:
    """The value, marked if it is a large bytes object."""
    return Large(value) if type(value) is bytes and len(value) >= LARGE else value


def view_of(buffer: Any, format: str, shape: tuple[int, ...]) -> memoryview:
    """A view of the memory that arrived, as it was where it came from."""
    view = memoryview(buffer).cast("B")
    return view.cast(format, shape) if view.nbytes else view.cast(format)  # type: ignore[call-overload, no-any-return]


def native_format(view: memoryview) -> str:
    """The format as memoryview.cast() takes it: ctypes writes "<i" for "i". "B" for structures."""
    code = view.format.lstrip("@=<") if sys.byteorder == "little" else view.format.lstrip("@")
    for candidate in (code, {"l": "q", "L": "Q"}.get(code, code)):
        try:
            if memoryview(b"").cast(candidate).itemsize == view.itemsize:  # type: ignore[call-overload]
                return candidate
        except ValueError:  # not one that there is
            pass
    return "B"


class _ByValue(Exception):
    """Something is met that only cloudpickle can pickle."""


class _Loans(list):  # type: ignore[type-arg]
    """The memory that a pickler met. It does not know the pickler: memory must not be part of a cycle."""

    def __init__(self) -> None:
        super().__init__()
        self.writable: list[pickle.PickleBuffer] = []

    def lend(self, buffer: pickle.PickleBuffer) -> None:
        self.append(Loan(buffer.raw(), any(buffer is other for other in self.writable)))


class _Lending(pickle.Pickler):
    """Knows the types of this module."""

    loans: _Loans
    globals: list[tuple[str, Any, tuple[Any, ...]]]

    def _reduce_own(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is Large:
            return bytes, (pickle.PickleBuffer(obj.data),)
        if kind is memoryview:
            return self._reduce_view(obj, False)
        if kind is Shared:
            return self._reduce_array(obj) or self._reduce_view(memoryview(obj.data), obj.writable)
        return NotImplemented

    def _reduce_array(self, shared: Shared) -> Any:
        """How an array of numpy's, or of another library's, reduces itself to memory; None if it is no array."""
        if not hasattr(shared.data, "dtype"):
            return None
        reduced = shared.data.__reduce_ex__(PROTOCOL)
        if shared.writable:
            self.loans.writable.extend(item for item in reduced[1] if isinstance(item, pickle.PickleBuffer))
        return reduced

    def _reduce_view(self, view: memoryview, writable: bool) -> Any:
        if not view.c_contiguous:
            raise pickle.PicklingError("a memoryview must be contiguous to be sent, and this one is not")
        buffer = pickle.PickleBuffer(view)
        if writable:
            self.loans.writable.append(buffer)
        format = native_format(view)
        return view_of, (buffer, format, view.shape if format != "B" else (view.nbytes,))


class _Plain(_Lending):
    """For what the other side can import: a third of cloudpickle's time."""

    def __init__(self, file: io.BytesIO) -> None:
        self.loans, self.globals = _Loans(), []
        super().__init__(file, PROTOCOL, buffer_callback=self.loans.lend)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (type, FunctionType)):
            if is_by_value(obj):
                raise _ByValue
            return NotImplemented
        return self._reduce_own(obj)


def is_by_value(obj: Any) -> bool:
    """Whether a function or class is one that the other side cannot import."""
    # The program has the second name in a child that multiprocessing has not forked.
    return obj.__module__ in ("__main__", "__mp_main__") or is_registered(obj.__module__)


def is_registered(module: str | None) -> bool:
    """Whether the user told cloudpickle to pickle this module by value."""
    cloudpickle = sys.modules.get("cloudpickle.cloudpickle")
    return cloudpickle is not None and module in cloudpickle._PICKLE_BY_VALUE_MODULES


def dumps(obj: Any, into_main: frozenset[str] | None = None) -> Message:
    """The object as a message.

    into_main: None, or that functions of `__main__` become functions of `__main__` there too, and which of the globals
    that they use the other side has of its own.

    Errors: what pickle and cloudpickle raise.
    """
    if type(obj) in ATOMS:
        return Message(pickle.dumps(obj, PROTOCOL))
    file = io.BytesIO()
    pickler: Any = _Plain(file)
    try:
        pickler.dump(obj)
    except Exception:  # cloudpickle may know more; if not, it says what is wrong
        file = io.BytesIO()
        pickler = _full_pickler()(file, into_main)
        pickler.dump(obj)
    return Message(file.getvalue(), pickler.loans, pickler.globals)


def loads(data: Any, buffers: Sequence[Any]) -> Any:
    """The object of a message."""
    return pickle.loads(data, buffers=buffers)


# Functions of __main__.


class Main:
    """Stands for the globals of `__main__`, wherever it arrives."""

    def __reduce__(self) -> Any:
        return main_globals, ()


def main_globals() -> dict[str, Any]:
    return sys.modules["__main__"].__dict__


class Received:
    """Globals of `__main__` that came along with functions, with their marks: what they were where they came from.

    All threads that are in an interpreter share it.
    """

    def __init__(self) -> None:
        self._lock = _thread.RLock()
        self._marks: dict[str, Any] = {}  # of the latest that came, by name
        self.changes = 0  # how often one came that was different
        self._of_thread = _thread._local()

    def forget(self) -> None:
        with self._lock:
            self._marks.clear()
            self.changes += 1

    def take(self, namespace: dict[str, Any], values: dict[str, tuple[Any, Any]]) -> None:
        """What came along with one function. A value that is as it was when it came last does not overwrite what code
        here has made of it: an initializer, for example."""
        dropped = []  # until the lock is free: their ends may run any code
        with self._lock:
            for name, (mark, value) in values.items():
                is_different = self._marks.get(name) != mark
                self.changes += is_different
                if is_different or type(mark) is not bytes:
                    self._marks.pop(name, None)  # first: an interrupt may come between these lines
                    dropped.append(namespace.get(name))
                    namespace[name] = value
                    self._marks[name] = mark
        marks = getattr(self._of_thread, "marks", None)
        if marks is not None:
            marks.update((name, mark) for name, (mark, _) in values.items())

    def load(self, data: Any, buffers: Sequence[Any]) -> tuple[Any, dict[str, Any]]:
        """The function of a message, and the marks of all globals that came along."""
        marks: dict[str, Any] = {}
        before = getattr(self._of_thread, "marks", None)
        self._of_thread.marks = marks
        try:
            return loads(data, buffers), marks
        finally:
            self._of_thread.marks = before

    def are_current(self, marks: dict[str, Any]) -> bool:
        """Whether no other values came since these globals did."""
        with self._lock:
            for name, mark in marks.items():
                if mark is None or self._marks.get(name) != mark:
                    return False
        return True


received = Received()


def set_function_state(function: Any, state: Any) -> None:
    """Completes a function of `__main__` that arrived, with the globals that it uses."""
    complete, attributes, slots = state
    received.take(function.__globals__, slots["__globals__"])
    complete(function, (attributes, dict(slots, __globals__={})))


_full: Callable[..., Any] | None = None

# No fork comes while a thread imports what pickling needs: in the child the import would never end.
_importing = _thread.RLock()
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def _full_pickler() -> Callable[..., Any]:
    """cloudpickle's pickler, lending memory; it is imported when it is needed."""
    global _full
    if _full is None:
        with _importing:
            if _full is None:
                import hashlib  # noqa: F401 # for _mark()

                from .._arrays import addresses  # noqa: F401 # as well

                _full = _make_full_pickler()
    return _full


def _make_full_pickler() -> Callable[..., Any]:
    import cloudpickle

    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])

    class Full(_Lending, cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: io.BytesIO, into_main: frozenset[str] | None) -> None:
            self.loans, self.globals = _Loans(), []
            cloudpickle.Pickler.__init__(self, file, PROTOCOL, buffer_callback=self.loans.lend)
            self._into_main = into_main

        def reducer_override(self, obj: Any) -> Any:
            own = self._reduce_own(obj)
            if own is not NotImplemented:
                return own
            reduced = cloudpickle.Pickler.reducer_override(self, obj)
            if type(obj) is CodeType:
                if reduced is NotImplemented:
                    reduced = self.dispatch_table[CodeType](obj)
                return _sources.reduce_code(obj, reduced)
            if self._into_main is None or type(obj) is not FunctionType or type(reduced) is not tuple:
                return reduced
            if obj.__globals__ is not main_globals():
                return reduced
            return _in_main(reduced, self._into_main, self.globals)

    return Full


def _in_main(reduced: Any, own_names: frozenset[str], sent: list[tuple[str, Any, tuple[Any, ...]]]) -> Any:
    """cloudpickle's reduction of a function, but that it shares `__main__`'s globals with others that arrive there."""
    make, arguments, (attributes, slots) = reduced[:3]
    values = {}
    for name, value in slots["__globals__"].items():
        if name not in own_names:
            identity = _identity(value)
            sent.append((name, value, identity))
            mark = tuple(map(id, identity)) or _mark(value)
            values[name] = mark, value
    state = reduced[5], attributes, dict(slots, __globals__=values)  # the sixth is cloudpickle's own way to complete it
    return make, (arguments[0], Main(), *arguments[2:]), state, None, None, set_function_state


def _identity(value: Any) -> tuple[Any, ...]:
    """The objects that tell a function, class or module from others; none for other values.

    What is told by them is always sent anew, as it may have changed inside.
    """
    if isinstance(value, FunctionType):
        return value, value.__code__, value.__defaults__
    return (value,) if isinstance(value, (type, BuiltinFunctionType, ModuleType)) else ()


def _mark(value: Any) -> bytes | None:
    """What tells whether a global is as it was; None where that cannot be told."""
    try:
        message = dumps(value)
    except Exception:  # which pickling the function is going to raise
        return None
    if type(value) in ATOMS and len(message.data) <= SHORT:
        return message.data
    import hashlib

    from .._arrays.addresses import address_of

    # Memory that is lent is the same on both sides, whatever is written to it.
    places = [(address_of(loan.view)[0], loan.view.nbytes) for loan in message.loans]
    return hashlib.blake2b(message.data + repr(places).encode(), digest_size=16).digest()
