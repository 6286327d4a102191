"""Objects between interpreters: pickled by protocol 5, with the memory of arrays beside the pickle, uncopied.

Both sides import this file: the process's Python, and the interpreters. Functions and classes that the other side can
import are sent by name. Those of `__main__`, lambdas and closures are sent by value, by cloudpickle.
"""

from __future__ import annotations

import io
import os
import sys
from types import CodeType, FunctionType

from .._private_apis import RLock, pickle, reduction_of_code
from . import _handles, _sources
from ._importable import is_by_value
from ._sentinels import Sentinel, reduce_sentinel
from ._sharing import PROTOCOL, OutOfBandBuffer, OutOfBandBytes, Shared, native_format, view_of

# Each interpreter imports this, so it must not import typing, which takes as long as half of an interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

    from ._arrivals import Piece
    from ._definitions import Definitions

IMMUTABLE_TYPES = frozenset([type(None), bool, int, float, complex, str])
"""Types whose objects need nothing but pickle, and never change."""


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


def dumps(obj: Any, shared_names: frozenset[str] | None = None) -> Message:
    """The object as a message.

    shared_names: globals that the other side has of its own, and that are not sent. Functions of `__main__` become
    functions of the `__main__` there, and bring along the other globals that they use. If it is None, each function
    gets a dict of globals of its own.

    Raises what pickle and cloudpickle raise.
    """
    if type(obj) in IMMUTABLE_TYPES:
        return Message(pickle.dumps(obj, PROTOCOL))
    file = io.BytesIO()
    pickler = FastPickler(file)
    try:
        _handles.dump(pickler, obj)
    except Exception:  # cloudpickle may know more; if not, its error is the better one
        return _dumps_by_value(obj, shared_names)
    data = file.getvalue()
    if _MAIN_MODULE in data:  # some objects pickle themselves as names, which `__main__` on the other side may not have
        return _dumps_by_value(obj, shared_names)
    return Message(data, pickler.buffers)


def _dumps_by_value(obj: Any, shared_names: frozenset[str] | None) -> Message:
    """The object as a message, with definitions of all in it that the other side cannot import."""
    definitions = _new_definitions()(shared_names)
    envelope = definitions.envelope(definitions.piece(obj, ""))
    file = io.BytesIO()
    pickler = FastPickler(file)
    pickler.buffers.writable = definitions.writable
    pickler.dump(envelope)
    return Message(file.getvalue(), pickler.buffers, definitions.main_values)


def loads(data: Any, buffers: Sequence[Any]) -> Any:
    """The object of a message."""
    return pickle.loads(data, buffers=buffers)


class _NeedsCloudpickle(Exception):
    """Only cloudpickle can pickle this object."""


class _Buffers(list):  # type: ignore[type-arg]
    """The memory that a pickler met. It does not refer to the pickler: memory must not be part of a reference cycle."""

    def __init__(self) -> None:
        super().__init__()
        self.writable: list[pickle.PickleBuffer] = []

    def add(self, buffer: pickle.PickleBuffer) -> None:
        self.append(OutOfBandBuffer(buffer.raw(), any(buffer is other for other in self.writable)))


class OutOfBandPickler(pickle.Pickler):
    """Pickles the types of `_sharing`, and memoryviews, with their memory out of band; and sentinels."""

    buffers: _Buffers

    def _reduce_own(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is OutOfBandBytes:
            return bytes, (pickle.PickleBuffer(obj.data),)
        if kind is memoryview:
            return self._reduce_view(obj, False)
        if kind is Shared:
            return self._reduce_array(obj) or self._reduce_view(memoryview(obj.data), obj.writable)
        if kind is Sentinel and is_by_value(obj):
            return reduce_sentinel(obj)
        return _handles.reduce(obj, self._lend)

    def _lend(self, memory: Any) -> pickle.PickleBuffer:
        """Memory that the other side uses in place, and may write to."""
        buffer = pickle.PickleBuffer(memory)
        self.buffers.writable.append(buffer)
        return buffer

    def _reduce_array(self, shared: Shared) -> Any:
        """How an array of numpy's, or of another library's, reduces itself to memory; None if it is no array."""
        if not hasattr(shared.data, "dtype"):
            return None
        reduced = shared.data.__reduce_ex__(PROTOCOL)
        if shared.writable:
            self.buffers.writable.extend(item for item in reduced[1] if isinstance(item, pickle.PickleBuffer))
        return reduced

    def _reduce_view(self, view: memoryview, writable: bool) -> Any:
        if not view.c_contiguous:
            raise pickle.PicklingError("a memoryview must be contiguous to be sent, and this one is not")
        buffer = self._lend(view) if writable else pickle.PickleBuffer(view)
        format = native_format(view)
        return view_of, (buffer, format, view.shape if format != "B" else (view.nbytes,))


class FastPickler(OutOfBandPickler):
    """For objects that the other side can import: it takes a third of cloudpickle's time."""

    def __init__(self, file: io.BytesIO) -> None:
        self.buffers = _Buffers()
        super().__init__(file, PROTOCOL, buffer_callback=self.buffers.add)

    def reducer_override(self, obj: Any) -> Any:
        kind = type(obj)
        if kind is FunctionType or issubclass(kind, type):
            if is_by_value(obj):
                raise _NeedsCloudpickle
            return NotImplemented
        if kind is object:
            raise _NeedsCloudpickle
        return self._reduce_own(obj)


_make: Callable[[frozenset[str] | None], Definitions] | None = None

# No fork happens while a thread imports what pickling needs: in the child that import would never end.
_importing = RLock()
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def _new_definitions() -> Callable[[frozenset[str] | None], Definitions]:
    """What makes the definitions of a message. cloudpickle is imported when it is first needed."""
    global _make
    if _make is None:
        with _importing:
            if _make is None:
                _make = _make_full_pickler()
    return _make


def _make_full_pickler() -> Callable[[frozenset[str] | None], Definitions]:
    import cloudpickle

    from ._definitions import Definitions

    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])

    class FullPickler(OutOfBandPickler, cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: io.BytesIO, definitions: Definitions | None) -> None:
            self.buffers = _Buffers()
            cloudpickle.Pickler.__init__(self, file, PROTOCOL, buffer_callback=self.buffers.add)
            self._definitions: Any = definitions

        def reducer_override(self, obj: Any) -> Any:
            own = self._reduce_own(obj)
            if own is not NotImplemented:
                return own
            reduced = self._definitions.reduce(obj)
            if reduced is not None:
                return reduced
            reduced = self.by_cloudpickle(obj)
            if type(obj) is CodeType:
                if reduced is NotImplemented:
                    reduced = reduction_of_code(self, obj)
                return _sources.reduce_code(obj, reduced)
            return reduced

        def by_cloudpickle(self, obj: Any) -> Any:
            if isinstance(obj, FunctionType) and type(obj) is not FunctionType:
                return NotImplemented  # a proxy of a function, which cloudpickle takes for the function
            return cloudpickle.Pickler.reducer_override(self, obj)

    def pickled(value: Any, definitions: Definitions) -> Piece:
        if type(value) in IMMUTABLE_TYPES:
            return pickle.dumps(value, PROTOCOL)
        file = io.BytesIO()
        pickler = FullPickler(file, definitions)
        _handles.dump(pickler, value)
        data = file.getvalue()
        return (data, definitions.memory(pickler.buffers)) if pickler.buffers else data

    def make(shared_names: frozenset[str] | None) -> Definitions:
        return Definitions(pickled, FullPickler(io.BytesIO(), None).by_cloudpickle, shared_names)

    return make
