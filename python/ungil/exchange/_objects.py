"""What the shared objects have in common: a handle, and the way into other interpreters.

An object of the library, a queue for example, is one Python object in each interpreter that has it. Each of these has
a handle, which is freed with it. The library's object is freed with the last handle. If an interpreter dies, or is
given back, the library frees the handles of its code.
"""

from __future__ import annotations

import ctypes
import sys
import weakref
from typing import Any, NoReturn, TypeVar

from .._native import signatures as c
from .._native.library import check, library
from .._native.locks import Lock
from ..interpreters._handles import Kept

Self = TypeVar("Self", bound="SharedObject")

HOLDER: int = getattr(sys.modules.get("_ungil"), "number", 0)
"""By which the library knows the interpreter that this is; 0 in the program."""

_free = library.ungil_exchange_free


class SharedObject:
    """An object of the library that threads of all interpreters use."""

    __slots__ = ("__weakref__", "_handle", "_identity")

    _handle: int
    _identity: int

    def _adopt(self, handle: int) -> None:
        """Own a handle that the library has just made for this interpreter's code."""
        self._handle = handle
        self._identity = _identity_of(handle)
        with _lock:
            _known[self._identity] = self

    def _create(self, handle: ctypes.c_int32) -> None:
        """Own a handle that the library has just made."""
        if HOLDER:
            own = _shared(handle.value, HOLDER)
            _free(handle)
            self._adopt(own)
        else:
            self._adopt(handle.value)

    def __del__(self) -> None:
        handle = getattr(self, "_handle", 0)
        if handle:
            _free(handle)

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError(
            "%r object can only be sent to an interpreter of the same process, as an argument, a result or a global of "
            "a task, or through a queue of ungil" % type(self).__name__
        )

    def _arguments(self) -> tuple[Any, ...]:
        """What `_initialize` takes in another interpreter."""
        return ()

    def _initialize(self, *arguments: Any) -> None:
        """Take over what the object has besides the library's."""

    def __repr__(self) -> str:
        return "<ungil.%s %d>" % (type(self).__name__, self._identity)


_known: weakref.WeakValueDictionary[int, SharedObject] = weakref.WeakValueDictionary()  # by their identities
_lock = Lock()  # of _known


def _shared(handle: int, holder: int) -> int:
    """Another handle for the same object."""
    own = ctypes.c_int32()
    check(library.ungil_exchange_share(handle, holder, ctypes.byref(own)))
    return own.value


class _HandleOnItsWay(bytearray):
    """A handle in a message. It belongs to no interpreter, and is freed when nobody uses this memory."""

    def __del__(self) -> None:
        _free(int.from_bytes(self, "little"))


def reduction(obj: SharedObject) -> tuple[Any, ...]:
    """How pickle makes the object in another interpreter of the process."""
    handle = _HandleOnItsWay(_shared(obj._handle, 0).to_bytes(4, "little"))
    return arrived, (type(obj), obj._identity, Kept(memoryview(handle)), obj._arguments())


def arrived(kind: type[Self], identity: int, handle: Kept, arguments: tuple[Any, ...]) -> Self:
    """The object, which is the same one each time that it arrives here."""
    with _lock:
        known: Any = _known.get(identity)
        if known is not None and _identity_of(known._handle) == identity:  # not of a former use of this interpreter
            return known  # type: ignore[no-any-return]
        made = kind.__new__(kind)
        made._adopt(_shared(int.from_bytes(handle.view, "little"), HOLDER))
        made._initialize(*arguments)
        return made


def _identity_of(handle: int) -> int:
    """The number that all handles of an object have in common; 0 if the handle is freed."""
    identity = ctypes.c_uint64()
    status = library.ungil_exchange_id(handle, ctypes.byref(identity))
    return identity.value if status == c.UNGIL_OK else 0
