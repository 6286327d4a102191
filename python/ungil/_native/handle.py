"""Base classes of objects that are closed: by a `with` block, and those that own a handle of the library."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, NoReturn, TypeVar

Self = TypeVar("Self", bound="Handle")


class ClosedOnExit:
    """A context manager whose `with` block ends with a call of `close`."""

    def close(self) -> None:
        """Release what the object owns."""
        raise NotImplementedError

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class Handle(ClosedOnExit):
    """Owner of a handle, which is freed by `close`, at the end of a `with` block, or with the object."""

    _handle = 0
    _kind: ClassVar[str]  # for error messages
    _free: ClassVar[Any]  # the library's function that frees the handle

    @property
    def handle(self) -> int:
        """The handle, for calls of the C API; 0 if this object is closed."""
        return self._handle

    def __enter__(self: Self) -> Self:
        return self

    def _open(self) -> int:
        """The handle of an object that must not be closed."""
        if not self._handle:
            raise ValueError("this %s is closed" % self._kind)
        return self._handle

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # Freeing a copy would free the original's handle.
        raise TypeError("cannot copy or pickle %r object: it owns a handle" % type(self).__name__)

    def __del__(self) -> None:
        # No call uses the handle now: a call keeps a reference to this object.
        if self._handle:
            self._free(self._handle)
