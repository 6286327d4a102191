"""Objects between interpreters: pickled by protocol 5, with the memory of arrays beside the pickle, uncopied.

Both sides import this file: the process's Python, and the interpreters. Functions and classes that the other side can
import are sent by name. Those of `__main__`, lambdas and closures are sent by value, by cloudpickle.
"""

from __future__ import annotations

import io
import sys
from types import BuiltinFunctionType, CodeType, FunctionType

from .._native.forks import register_at_fork
from .._private_apis import RLock, pickle, reduction_of_code
from . import _handles, _sources
from ._beside import is_large, pickled_alone, take_out
from ._importable import is_by_reference, is_by_value
from ._plain import IMMUTABLE_TYPES, NUMBERS, needs_only_pickle, pickle_of_few
from ._sentinels import Sentinel, reduce_sentinel
from ._sharing import (
    COPIED,
    LARGE,
    PROTOCOL,
    SMALL,
    OutOfBandBuffer,
    Shared,
    array_of_numbers,
    copy_of,
    native_format,
    reduced_as_writable,
    reduced_by,
    reduced_plainly,
    view_of,
)

# Each interpreter imports this, so it must not import typing, which takes as long as half of an interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

    from ._arrivals import Piece
    from ._definitions import Definitions

    Lend = Callable[[memoryview, Any], OutOfBandBuffer]
    """The buffer for memory of an array, and that array if it is one of numpy's."""

_MAIN_MODULE = b"__main__"


class Message:
    """A pickled object, and the memory that belongs to it.

    globals: the names and values of the globals of `__main__` that were sent along.
    """

    __slots__ = ("buffers", "data", "globals")

    def __init__(
        self, data: bytes, buffers: Sequence[OutOfBandBuffer] = (), globals: Sequence[tuple[str, Any]] = ()
    ) -> None:
        self.data, self.buffers, self.globals = data, buffers, globals

    def __reduce__(self) -> Any:
        """A message in a message arrives as one, without the globals, which matter to the sender."""
        return Message, (self.data, list(self.buffers))


def dumps(obj: Any, shared_names: frozenset[str] | None = None, lend: Lend | None = None) -> Message:
    """The object as a message.

    shared_names: globals that the other side has of its own, and that are not sent. Functions of `__main__` become
    functions of the `__main__` there, and bring along the other globals that they use. If it is None, each function
    gets a dict of globals of its own.

    lend: makes the buffers of memory that is not small, and that is not shared; by default it goes as it is.

    Raises what pickle and cloudpickle raise.
    """
    if type(obj) in NUMBERS or needs_only_pickle((obj,)):
        return Message(pickle.dumps(obj, PROTOCOL))
    if is_large(obj):
        return Message(*pickled_alone(obj, lend is not None))
    few = pickle_of_few(obj)
    if few is not None:
        return Message(few)
    pickler = FastPickler(lend)
    try:
        _dump(pickler, obj)
    except Exception:  # cloudpickle may know more; if not, its error is the better one
        return _dumps_by_value(obj, shared_names, lend)
    data, found = pickler.take_out()
    # Some objects pickle themselves as names, which `__main__` on the other side may not have. (The search takes longer
    # than pickle does to copy what is searched.)
    if pickler.has_others and _MAIN_MODULE in data:
        del found
        pickler.buffers.written.clear()
        return _dumps_by_value(obj, shared_names, lend)
    return Message(data, found)


def _dumps_by_value(obj: Any, shared_names: frozenset[str] | None, lend: Lend | None) -> Message:
    """The object as a message, with definitions of all in it that the other side cannot import."""
    definitions = _new_definitions()(shared_names, lend)
    pickler = FastPickler(lend)
    pickler.buffers.known = definitions.known_memory
    try:
        _dump(pickler, definitions.envelope(definitions.piece(obj, "")))
    except BaseException:
        definitions.release()  # the traceback has frames that have the definitions
        raise
    data, found = pickler.take_out()
    return Message(data, found, definitions.main_values)


def _dump(pickler: Any, obj: Any) -> None:
    try:
        _handles.dump(pickler, obj)
    except BaseException:
        pickler.buffers.written.clear()  # the traceback has frames that have the pickler
        raise


def loads(data: Any, buffers: Sequence[Any]) -> Any:
    """The object of a message."""
    return pickle.loads(data, buffers=buffers)


class _NeedsCloudpickle(Exception):
    """Only cloudpickle can pickle this object."""


class _Buffers:
    """The memory that a pickler met. It does not refer to the pickler: memory must not be part of a reference cycle.

    written: that memory, in the order of the pickle; and what the pickler wrote if this is its file.
    met: how many pieces of memory are in it.
    array: the array of numpy's that is being pickled.
    known: memory that is shared, or was met when a part of the message was pickled.
    """

    __slots__ = ("array", "known", "lend", "met", "write", "written")

    def __init__(self, lend: Lend | None) -> None:
        self.written: list[Any] = []
        self.write = self.written.append
        self.met = 0
        self.array: Any = None
        self.lend = lend
        self.known: list[tuple[pickle.PickleBuffer, OutOfBandBuffer]] = []

    def share(self, buffer: pickle.PickleBuffer, writable: bool) -> None:
        """Both sides are meant to use this buffer's memory."""
        self.known.append((buffer, OutOfBandBuffer(buffer.raw(), writable, is_shared=True)))

    def as_it_is(self, buffer: pickle.PickleBuffer) -> pickle.PickleBuffer:
        """The same memory, as writable as it is at present: the array is asked no more."""
        view = buffer.raw()
        self.known.append((pickle.PickleBuffer(view), OutOfBandBuffer(view, True)))
        return self.known[-1][0]

    def copied_there(self, memory: Any) -> pickle.PickleBuffer:
        """Memory that the receiver copies at once. An argument's may change before that, and is copied here, too."""
        is_argument = self.lend is not None
        buffer = pickle.PickleBuffer(bytes(memory) if is_argument else memory)
        self.known.append((buffer, OutOfBandBuffer(buffer.raw(), not is_argument)))
        self.known[-1][1].is_copied = is_argument
        return buffer

    def add(self, buffer: pickle.PickleBuffer) -> bool:
        """The callback of pickle: whether the memory is to be part of the pickle."""
        array, self.array = self.array, None
        found = next((known for other, known in self.known if buffer is other), None) if self.known else None
        if found is None:
            view = buffer.raw()
            if view.nbytes <= SMALL and not view.readonly:  # it would arrive read-only
                return True
            found = OutOfBandBuffer(view, True) if self.lend is None else self.lend(view, array)
        self.written.append(found)
        self.met += 1
        return False


class OutOfBandPickler(pickle.Pickler):
    """Pickles the types of `_sharing`, and memoryviews, with their memory out of band; and sentinels."""

    buffers: _Buffers
    """The pickler's file, too, from which `take_out` takes what it wrote."""

    def take_out(self) -> tuple[bytes, list[OutOfBandBuffer]]:
        """The pickle, and the memory beside it."""
        *met, last = written = self.buffers.written
        if len(met) == self.buffers.met:  # the pickler has written once
            return last, met
        return take_out(written, self.buffers.lend is not None)

    def _reduce_own(self, obj: Any) -> Any:
        kind = type(obj)
        if kind.__name__ == "ndarray" and kind.__module__ == "numpy":
            self.buffers.array = obj
            if not obj.flags.writeable:
                return self._reduce_read_only(obj)
            return reduced_plainly(obj) or NotImplemented
        if kind is memoryview:
            return self._reduce_view(obj, False)
        if kind is Shared:
            return self._reduce_array(obj) or self._reduce_view(memoryview(obj.data), obj.writable)
        if kind is OutOfBandBuffer and not obj.is_shared:  # in a message: whose memory it is depends on its own view
            buffer = pickle.PickleBuffer(obj.view)
            self.buffers.known.append((buffer, OutOfBandBuffer(obj.view, obj.writable)))
            return OutOfBandBuffer, (buffer, obj.writable)
        if kind is Sentinel and is_by_value(obj):
            return reduce_sentinel(obj)
        return _handles.reduce(obj, self._lend)

    def _lend(self, memory: Any) -> pickle.PickleBuffer:
        """Memory that the other side uses in place, and may write to."""
        buffer = pickle.PickleBuffer(memory)
        self.buffers.share(buffer, True)
        return buffer

    def _reduce_read_only(self, array: Any) -> Any:
        """A read-only array of numpy's arrives as a writable one, except for large arguments, which are lent."""
        if array.nbytes > COPIED:
            if self.buffers.lend is not None:
                return NotImplemented
            reduced = reduced_as_writable(array, self.buffers.as_it_is)
            if reduced is not None:
                return reduced
        return reduced_by(array, lambda buffer: pickle.PickleBuffer(copy_of(buffer.raw()).obj))

    def _reduce_array(self, shared: Shared) -> Any:
        """How an array of numpy's, or of another library's, reduces itself to memory; None if it is no array."""
        if not hasattr(shared.data, "dtype"):
            return None
        reduced = shared.data.__reduce_ex__(PROTOCOL)
        for item in reduced[1]:
            if isinstance(item, pickle.PickleBuffer):
                self.buffers.share(item, shared.writable)
        return reduced

    def _reduce_view(self, view: memoryview, writable: bool) -> Any:
        if not view.c_contiguous:
            raise pickle.PicklingError("a memoryview must be contiguous to be sent, and this one is not")
        buffer = pickle.PickleBuffer(view)
        self.buffers.share(buffer, writable)
        format = native_format(view)
        return view_of, (buffer, format, view.shape if format != "B" else (view.nbytes,))


class FastPickler(OutOfBandPickler):
    """For objects that the other side can import: it takes a third of cloudpickle's time."""

    has_others = False
    """Whether there are objects whose classes say how they are pickled."""

    def __init__(self, lend: Lend | None) -> None:
        self.buffers = buffers = _Buffers(lend)
        super().__init__(buffers, PROTOCOL, buffer_callback=buffers.add)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is FunctionType or issubclass(kind, type):
            if is_by_value(obj):
                raise _NeedsCloudpickle
            return NotImplemented
        if kind is object:
            raise _NeedsCloudpickle
        is_array = kind.__name__ == "array" and kind is getattr(sys.modules.get("array"), "array", None)
        if is_array and len(obj) * obj.itemsize >= LARGE:
            return array_of_numbers, (obj.typecode, self.buffers.copied_there(obj))
        reduced = self._reduce_own(obj)
        if reduced is NotImplemented:
            self.has_others = True
        return reduced


_make: Callable[[frozenset[str] | None, Lend | None], Definitions] | None = None

# No fork happens while a thread imports what pickling needs: in the child that import would never end.
_importing = RLock()
register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def _new_definitions() -> Callable[[frozenset[str] | None, Lend | None], Definitions]:
    """What makes the definitions of a message. cloudpickle is imported when it is first needed."""
    global _make
    if _make is None:
        with _importing:
            if _make is None:
                _make = _make_full_pickler()
    return _make


def import_cloudpickle() -> None:
    """Import it, and all else that sending by value needs, as no fork happens meanwhile."""
    _new_definitions()


def _make_full_pickler() -> Callable[[frozenset[str] | None, Lend | None], Definitions]:
    import cloudpickle

    from ._definitions import Definitions

    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])

    class FullPickler(OutOfBandPickler, cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, lend: Lend | None, definitions: Definitions | None, file: io.BytesIO | None) -> None:
            self.buffers = buffers = _Buffers(lend)
            cloudpickle.Pickler.__init__(self, file or buffers, PROTOCOL, buffer_callback=buffers.add)
            self._definitions: Any = definitions

        def reducer_override(self, obj: Any) -> Any:
            kind = type(obj)
            if kind is FunctionType or issubclass(kind, type):
                if is_by_reference(obj):
                    return NotImplemented
            elif kind is BuiltinFunctionType:
                return NotImplemented
            else:
                is_file = not self._definitions.is_content and _handles.reduction_of_file(obj) is not None
                own = NotImplemented if is_file else self._reduce_own(obj)
                if own is not NotImplemented:
                    return own
            reduced = self._definitions.reduce(obj)
            if reduced is not None:
                return reduced
            reduced = self.by_cloudpickle(obj)
            if kind is not CodeType:
                return reduced
            return _sources.reduce_code(obj, reduction_of_code(self, obj) if reduced is NotImplemented else reduced)

        def by_cloudpickle(self, obj: Any) -> Any:
            if isinstance(obj, FunctionType) and type(obj) is not FunctionType:
                return NotImplemented  # a proxy of a function, which cloudpickle takes for the function
            return cloudpickle.Pickler.reducer_override(self, obj)

    kinds = FullPickler, _with_references(FullPickler)

    def pickled(value: Any, definitions: Definitions) -> Piece:
        return _pickled(value, kinds[definitions.references is not None], definitions)

    def make(shared_names: frozenset[str] | None, lend: Lend | None) -> Definitions:
        return Definitions(pickled, FullPickler(None, None, None).by_cloudpickle, shared_names, lend)

    return make


def _with_references(pickler: Any) -> Any:
    class PicklerWithReferences(pickler):  # type: ignore[misc]
        """Refers to globals by their names."""

        def persistent_id(self, obj: Any) -> str | None:
            return self._definitions.references.to(obj)  # type: ignore[no-any-return]

    return PicklerWithReferences


def _pickled(value: Any, make_pickler: Callable[..., Any], definitions: Definitions) -> Piece:
    if type(value) in IMMUTABLE_TYPES:
        return pickle.dumps(value, PROTOCOL)
    # The memory of a definition or global is not compared with what was sent before: only what is an array goes beside.
    file = None if definitions.is_content else io.BytesIO()
    pickler = make_pickler(definitions.lend, definitions, file)
    _dump(pickler, value)
    data, found = (file.getvalue(), pickler.buffers.written) if file else pickler.take_out()
    return (data, definitions.memory(found)) if found else data
