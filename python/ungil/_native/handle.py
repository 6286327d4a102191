"""Objects that stand for something of the library's: its number is theirs until they are closed."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, NoReturn, TypeVar

Own = TypeVar("Own", bound="Handle")


class Handle:
    """A number of the library's: given back by `close`, at the end of `with`, or when nobody has the object."""

    _handle = 0
    _kind: ClassVar[str]  # what it is, for messages
    _free: ClassVar[Any]  # the library's function that takes the number back

    @property
    def handle(self) -> int:
        """The number that ungil.h's functions take; 0 when this is closed."""
        return self._handle

    def close(self) -> None:
        """Gives it back."""
        raise NotImplementedError

    def _open(self) -> int:
        """The number, if this is not closed."""
        if not self._handle:
            raise ValueError("this %s is closed" % self._kind)
        return self._handle

    def __enter__(self: Own) -> Own:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        # A copy would give the number back, and the original would have none.
        raise TypeError("cannot copy or pickle %r object: there is one of each %s" % (type(self).__name__, self._kind))

    def __del__(self) -> None:
        # A call that uses it holds it: nobody does any more.
        if self._handle:
            self._free(self._handle)
