"""threadpoolctl knows this library's number of threads: threadpool_info() shows it, threadpool_limits() sets it."""

from __future__ import annotations

import os
from typing import Any

VARIABLE = "UNGIL_NUM_THREADS"


def register() -> None:
    """Tells threadpoolctl of the library, if threadpoolctl is installed, from its version 3.2 on."""
    try:
        import threadpoolctl
    except ImportError:
        return
    if hasattr(threadpoolctl, "register"):
        threadpoolctl.register(_controller(threadpoolctl.LibController))


def _controller(base: Any) -> Any:
    class UngilController(base):  # type: ignore[misc]
        """libungil, for threadpoolctl."""

        user_api = "ungil"
        internal_api = "ungil"
        filename_prefixes = ("libungil",)
        check_symbols = ("ungil_abi_version", "ungil_num_threads")

        def get_num_threads(self) -> int:
            number: int = self.dynlib.ungil_num_threads()
            return number

        def set_num_threads(self, num_threads: int) -> None:
            _set_num_threads(num_threads, self.get_num_threads())

        def get_version(self) -> str:
            from ctypes import c_char_p

            version = self.dynlib.ungil_version
            version.restype = c_char_p
            text: bytes = version()
            return text.decode()

    return UngilController


# What was there before the first limit: the variable, or None, and the number of threads that it made.
_before: list[tuple[str | None, int]] = []


def _set_num_threads(number: int, current: int) -> None:
    """The way back to the number that was there first is the way back to the variable, or to none."""
    if not _before:
        _before.append((os.environ.get(VARIABLE), current))
    text, first = _before[0]
    if number != first:
        os.environ[VARIABLE] = str(number)
        return
    _before.clear()
    if text is None:
        os.environ.pop(VARIABLE, None)
    else:
        os.environ[VARIABLE] = text
