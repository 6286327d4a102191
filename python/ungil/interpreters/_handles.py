"""What the operating system keeps for the process: descriptors, semaphores, memory that processes share.

An interpreter is in the same process, so its objects can refer to the same: sockets, pipes, and the objects of
multiprocessing. Each side has a descriptor of its own, and closes it. A semaphore, and the place of a Value, belong to
the side that made them; that keeps them as long as the other side uses them, by memory that is lent. Both sides import
this file.
"""

from __future__ import annotations

import os
import sys

from .._private_apis import (
    RLock,
    block_at,
    ctypes_bases,
    place_of,
    reset_semaphore,
    semaphore_at,
    semaphore_of,
    set_spawning,
    spawning,
    traits_of_semaphore,
    with_semaphore,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


class Kept:
    """What the other side has to keep as long as this object exists, by memory that is lent. On one side `view` has it.

    In a pickle for another process it is None: there, multiprocessing's own rules hold.
    """

    __slots__ = ("view",)

    def __init__(self, view: memoryview) -> None:
        self.view = view

    def __reduce__(self) -> Any:
        return _none, ()


def _none() -> None:
    return None


class _Keeper(bytearray):
    """Memory to lend, which keeps an object."""

    __slots__ = ("kept",)

    kept: Any


def _keep(kept: Any) -> Kept:
    keeper = _Keeper(1)  # memory of no bytes would not be lent
    keeper.kept = kept
    return Kept(memoryview(keeper))


class Descriptor(Kept):
    """A descriptor that is sent. The sender's duplicate is open until the memory is given back."""

    __slots__ = ()

    def detach(self) -> int:
        """A new descriptor, which the caller owns. (It has this name in multiprocessing.)"""
        return os.dup(int.from_bytes(self.view, "little"))


class _OwnedDescriptor(bytearray):
    """The number of a descriptor that is closed when nobody uses this memory."""

    def __del__(self) -> None:
        os.close(int.from_bytes(self, "little"))


def duplicate(descriptor: int) -> Descriptor:
    return Descriptor(memoryview(_OwnedDescriptor(os.dup(descriptor).to_bytes(4, "little"))))


class SameProcess:
    """Stands for the process that multiprocessing starts while it pickles its objects."""

    def duplicate_for_child(self, descriptor: int) -> int:
        return descriptor

    def DupFd(self, descriptor: int) -> Descriptor:
        return duplicate(descriptor)


_same_process = SameProcess()


def dump(pickler: Any, obj: Any) -> None:
    """pickler.dump(obj), while multiprocessing allows its objects to be pickled, as it does when a process starts."""
    context = sys.modules.get("multiprocessing.context")
    if context is None or not hasattr(context, "set_spawning_popen"):  # it is being imported
        pickler.dump(obj)
        return
    before = spawning(context)
    set_spawning(context, _same_process)
    try:
        pickler.dump(obj)
    finally:
        set_spawning(context, before)


def reduce(obj: Any, lend: Callable[[Any], Any]) -> Any:
    """The reduction of an object that this module knows, or NotImplemented.

    lend: makes the PickleBuffer of memory that must not be copied.
    """
    kind = type(obj)
    if kind is Descriptor or kind is Kept:
        return kind, (lend(obj.view),)
    name = kind.__name__
    if name in _REDUCERS:
        module, reduce_this = _REDUCERS[name]
        if getattr(sys.modules.get(module), name, None) is kind:
            return reduce_this(obj)
    if "multiprocessing.synchronize" in sys.modules and _is_semaphore(obj):
        return _reduce_semaphore(obj)
    if "multiprocessing.sharedctypes" in sys.modules and _is_shared_memory(obj):
        return sys.modules["multiprocessing.sharedctypes"].reduce_ctype(obj)
    return NotImplemented


def _is_semaphore(obj: Any) -> bool:
    base = getattr(sys.modules["multiprocessing.synchronize"], "SemLock", None)  # None while it is being imported
    return base is not None and isinstance(obj, base)


def _is_shared_memory(obj: Any) -> bool:
    from ctypes import Array, Structure, Union

    return isinstance(obj, (ctypes_bases()[2], Array, Structure, Union)) and hasattr(obj, "_wrapper")


# Sockets and connections


def _reduce_socket(obj: Any) -> Any:
    state = int(obj.family), int(obj.type), obj.proto, obj.gettimeout()
    return _socket, (duplicate(obj.fileno()), *state)


def _socket(descriptor: Descriptor, family: int, kind: int, protocol: int, timeout: float | None) -> Any:
    import socket

    made = socket.socket(family, kind, protocol, descriptor.detach())
    made.settimeout(timeout)
    return made


def _reduce_connection(obj: Any) -> Any:
    return _connection, (duplicate(obj.fileno()), obj.readable, obj.writable)


def _connection(descriptor: Descriptor, readable: bool, writable: bool) -> Any:
    from multiprocessing.connection import Connection

    return Connection(descriptor.detach(), readable, writable)


# Files


def _refuse_file(obj: Any) -> Any:
    if obj in (sys.stdin, sys.stdout, sys.stderr):
        return NotImplemented  # cloudpickle's: the same stream there
    raise TypeError(
        "cannot send the open file %r: send its path and open it in the task, or send its descriptor, file.fileno()"
        % (getattr(obj, "name", obj),)
    )


def reduction_of_file(obj: Any) -> Any:
    """How a text file that is a global is made anew, as for `_anew`; None for others.

    One that is read gets a position of its own, from where the program is. One that is written has the program's.
    """
    if type(obj).__name__ != "TextIOWrapper" or obj in (sys.stdin, sys.stdout, sys.stderr):
        return None
    position = None
    try:
        if obj.mode in ("r", "rt"):
            position = obj.tell()
        obj.flush()
        return _text_file, (duplicate(obj.fileno()), obj.mode, obj.encoding, obj.errors, position), {}
    except (AttributeError, OSError, ValueError):  # it is closed, has no descriptor, or no position that can be told
        return None


def _text_file(descriptor: Descriptor, mode: str, encoding: str, errors: str, position: int | None) -> Any:
    own = descriptor.detach()
    if position is None:
        return open(own, mode.replace("x", "w"), encoding=encoding, errors=errors)
    try:
        return _at(position, open("/proc/self/fd/%d" % own, encoding=encoding, errors=errors))
    finally:
        os.close(own)


def _at(position: int, file: Any) -> Any:
    file.seek(position)
    return file


# Memory of Value and Array


def _reduce_arena(obj: Any) -> Any:
    return _arena, (obj.size, duplicate(obj.fd))


def _arena(size: int, descriptor: Descriptor) -> Any:
    from multiprocessing.heap import Arena
    from multiprocessing.util import Finalize

    arena = Arena(size, descriptor.detach())
    Finalize(arena, os.close, (arena.fd,))
    return arena


def _reduce_block(obj: Any) -> Any:
    return block_at, (place_of(obj), _keep(obj))


# Semaphores: also those of locks, conditions, events, barriers and queues


def _reduce_semaphore(obj: Any) -> Any:
    semaphore = semaphore_of(obj)
    identity = semaphore.handle, semaphore.kind, semaphore.maxvalue
    return _semaphore, (type(obj), traits_of_semaphore(obj), identity, semaphore.name, _keep(semaphore))


def _semaphore(kind: type, traits: dict[str, Any], identity: tuple[int, int, int], name: str, kept: Kept) -> Any:
    return with_semaphore(kind, BorrowedSemaphore(identity, name, kept), traits)


class BorrowedSemaphore:
    """A semaphore of the other side, with the interface of `_multiprocessing.SemLock`.

    An object of that class closes its semaphore when it is freed, which only the owner may do. So those that are made
    for other sides' semaphores are kept, and used again for the same address.
    """

    def __init__(self, identity: tuple[int, int, int], name: str | None, kept: Kept) -> None:
        self.handle, self.kind, self.maxvalue = identity
        self.name, self._kept, self._identity = name, kept, identity
        self._semaphore = _take(identity)

    def __del__(self) -> None:
        if hasattr(self, "_semaphore"):
            _give_back(self._identity)

    def acquire(self, block: bool = True, timeout: float | None = None) -> bool:
        return self._semaphore.acquire(block, timeout)  # type: ignore[no-any-return]

    def release(self) -> None:
        self._semaphore.release()

    def __enter__(self) -> bool:
        return self._semaphore.__enter__()  # type: ignore[no-any-return]

    def __exit__(self, *error: object) -> None:
        self._semaphore.__exit__(*error)

    def __getattr__(self, name: str) -> Any:
        if name == "_semaphore":
            raise AttributeError(name)
        return getattr(self._semaphore, name)  # _count and others


_semaphores: dict[tuple[int, int, int], list[Any]] = {}  # by identity: the object, and how many users it has
_lock = RLock()  # of _semaphores


def _take(identity: tuple[int, int, int]) -> Any:
    with _lock:
        entry = _semaphores.get(identity)
        if entry is None:
            entry = _semaphores[identity] = [semaphore_at(*identity), 0]
        if entry[1] == 0:
            reset_semaphore(entry[0])  # another semaphore was at this address before
        entry[1] += 1
    return entry[0]


def _give_back(identity: tuple[int, int, int]) -> None:
    with _lock:
        _semaphores[identity][1] -= 1


# Queues and the like of this package


def _reduce_shared_object(obj: Any) -> Any:
    from ..exchange._objects import reduction

    return reduction(obj)


_REDUCERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    **{name: ("ungil.exchange.sync", _reduce_shared_object) for name in ("Event", "Lock", "Counter")},
    "Barrier": ("ungil.exchange.barriers", _reduce_shared_object),
    "Queue": ("ungil.exchange.queues", _reduce_shared_object),
    "Actor": ("ungil.interpreters.actors", _reduce_shared_object),
    "socket": ("socket", _reduce_socket),
    "Connection": ("multiprocessing.connection", _reduce_connection),
    "Arena": ("multiprocessing.heap", _reduce_arena),
    "BufferWrapper": ("multiprocessing.heap", _reduce_block),
    "TextIOWrapper": ("_io", _refuse_file),
    "BufferedReader": ("_io", _refuse_file),
    "BufferedWriter": ("_io", _refuse_file),
    "BufferedRandom": ("_io", _refuse_file),
    "FileIO": ("_io", _refuse_file),
    "_TemporaryFileWrapper": ("tempfile", _refuse_file),
}
"""By the names of types, which only these modules have: what reduces their objects."""
