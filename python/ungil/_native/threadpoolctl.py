"""Registers the library with threadpoolctl: threadpool_info() lists it, and threadpool_limits() sets its threads.

threadpoolctl may be imported before this package, after it, or never. It is not imported from here.
"""

from __future__ import annotations

from .._import_hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def register() -> None:
    """Register the library with threadpoolctl: now, if that is imported already, and at each import from now on."""
    after_import("threadpoolctl", _register_in)


def _register_in(module: ModuleType) -> None:
    """Register the library, if this is threadpoolctl 3.2 or newer."""
    base, add = getattr(module, "LibController", None), getattr(module, "register", None)
    if base is not None and add is not None:
        add(_controller(base))


class _ThreadCount(int):
    """A number of threads with the setting that it came from: passing it back restores that setting exactly.

    threadpool_limits() reads the number, sets another one, and passes the first one back at its end. If nothing was
    set before, nothing is set after that.
    """

    setting: int

    @classmethod
    def of(cls, library: Any) -> _ThreadCount:
        number = cls(library.ungil_num_threads())
        number.setting = library.ungil_num_threads_setting()
        return number

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return int, (int(self),)  # the setting belongs to this process


def _controller(base: Any) -> Any:
    class UngilController(base):  # type: ignore[misc]
        """threadpoolctl's controller of libungil."""

        user_api = "ungil"
        internal_api = "ungil"
        filename_prefixes = ("libungil",)
        check_symbols = ("ungil_num_threads_setting",)

        def get_num_threads(self) -> int:
            return _ThreadCount.of(self.dynlib)

        def set_num_threads(self, num_threads: int) -> None:
            # The library ignores a negative number. An exception would leave the limits of other libraries half set.
            number = getattr(num_threads, "setting", num_threads)
            self.dynlib.ungil_set_num_threads(max(-1, min(number, 0x7FFFFFFF)))  # ctypes would truncate the number

        def get_version(self) -> str:
            from ctypes import c_char_p

            version = self.dynlib.ungil_version
            version.restype = c_char_p
            text: bytes = version()
            return text.decode()

    return UngilController
