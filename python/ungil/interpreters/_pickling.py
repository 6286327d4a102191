"""Objects between interpreters: pickled by protocol 5, with the memory of arrays beside the pickle, uncopied.

Both sides import this file: the process's Python, and the interpreters. Functions and classes that the other side can
import are sent by name. Those of `__main__`, lambdas and closures are sent by value, by cloudpickle.
"""

from __future__ import annotations

import io
import os
import sys
from types import CodeType, FunctionType

from .._private_apis import RLock, is_pickled_by_value, pickle, reduction_of_code
from . import _deferred, _handles, _main_globals, _sources
from ._main_globals import main_globals
from ._sentinels import Sentinel, reduce_sentinel
from ._sharing import PROTOCOL, OutOfBandBuffer, OutOfBandBytes, Shared, native_format, view_of

# Each interpreter imports this, so it must not import typing, which takes as long as half of an interpreter's start.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Callable

    from ._main_globals import SentGlobal

IMMUTABLE_TYPES = frozenset([type(None), bool, int, float, complex, str])
"""Types whose objects need nothing but pickle, and never change."""


class Message:
    """A pickled object, and the memory that belongs to it.

    globals: the globals of `__main__` that were sent along. They are kept, so that no other object gets the `id` of one
    as long as the message may be sent.
    """

    __slots__ = ("buffers", "data", "globals")

    def __init__(
        self, data: bytes, buffers: Sequence[OutOfBandBuffer] = (), globals: Sequence[SentGlobal] = ()
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
    pickler: Any = FastPickler(file)
    try:
        _handles.dump(pickler, obj)
    except Exception:  # cloudpickle may know more; if not, its error is the better one
        file = io.BytesIO()
        pickler = _full_pickler()(file, shared_names)
        _handles.dump(pickler, obj)
    return Message(file.getvalue(), pickler.buffers, pickler.globals)


def loads(data: Any, buffers: Sequence[Any]) -> Any:
    """The object of a message."""
    return pickle.loads(data, buffers=buffers)


def is_by_value(obj: Any) -> bool:
    """Whether a function or class is one that the other side cannot import."""
    # multiprocessing names the program's module __mp_main__ in children that it has not forked.
    return obj.__module__ in ("__main__", "__mp_main__") or is_pickled_by_value(obj.__module__)


def is_importable(obj: Any) -> bool:
    """Whether a function or class is found by its module and name."""
    try:
        found: Any = sys.modules[obj.__module__]
        for name in obj.__qualname__.split("."):
            found = getattr(found, name)
    except (AttributeError, KeyError, TypeError):
        return False
    return found is obj


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
    globals: list[SentGlobal]

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
        self.buffers, self.globals = _Buffers(), []
        super().__init__(file, PROTOCOL, buffer_callback=self.buffers.add)

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, (type, FunctionType)):
            if is_by_value(obj):
                raise _NeedsCloudpickle
            return NotImplemented
        return self._reduce_own(obj)


_full: Callable[..., Any] | None = None

# No fork happens while a thread imports what pickling needs: in the child that import would never end.
_importing = RLock()
os.register_at_fork(before=_importing.acquire, after_in_parent=_importing.release, after_in_child=_importing.release)


def _full_pickler() -> Callable[..., Any]:
    """cloudpickle's pickler, with memory out of band. cloudpickle is imported when it is first needed."""
    global _full
    if _full is None:
        with _importing:
            if _full is None:
                _main_globals.import_what_fingerprints_need()
                _full = _make_full_pickler()
    return _full


def _make_full_pickler() -> Callable[..., Any]:
    import cloudpickle

    if "__mp_main__" in sys.modules:
        cloudpickle.register_pickle_by_value(sys.modules["__mp_main__"])

    class FullPickler(OutOfBandPickler, cloudpickle.Pickler):  # type: ignore[misc]
        def __init__(self, file: io.BytesIO, shared_names: frozenset[str] | None) -> None:
            self.buffers, self.globals = _Buffers(), []
            cloudpickle.Pickler.__init__(self, file, PROTOCOL, buffer_callback=self.buffers.add)
            self._shared_names = shared_names

        def reducer_override(self, obj: Any) -> Any:
            own = self._reduce_own(obj)
            if own is not NotImplemented:
                return own
            if type(obj) is FunctionType:
                return self._reduce_function(obj)
            reduced = cloudpickle.Pickler.reducer_override(self, obj)
            if type(obj) is CodeType:
                if reduced is NotImplemented:
                    reduced = reduction_of_code(self, obj)
                return _sources.reduce_code(obj, reduced)
            if isinstance(obj, type) and type(reduced) is tuple and len(reduced) == 6:
                return _deferred.reduce_class(obj, reduced)
            return reduced

        def _reduce_function(self, function: FunctionType) -> Any:
            if is_by_value(function) or not is_importable(function):
                _deferred.make_imports(function)
                function = _deferred.with_annotations(function)
            reduced = cloudpickle.Pickler.reducer_override(self, function)
            if self._shared_names is None or type(reduced) is not tuple:
                return reduced
            if function.__globals__ is not main_globals():
                return reduced
            return _main_globals.reduce_function(reduced, self._shared_names, self.globals, dumps)

    return FullPickler
