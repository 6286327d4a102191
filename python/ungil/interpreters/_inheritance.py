"""What an interpreter takes over from the program, as a process does from the one that starts it.

Only interpreters import it, each at its start, so it imports little. The other side is `_program`.
"""

from __future__ import annotations

import sys

import _ungil  # type: ignore[import-not-found]

from .._import_hooks import after_import
from .._private_apis import share_tracker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable

LONGEST_KEY = 4096  # bytes

_addresses: tuple[int, ...] = (0, 0, 0, 0)  # of the program's flag that it is running, and of its functions


def inherit_from(addresses: tuple[int, ...]) -> None:
    """Take over the program's authentication key and resource tracker when multiprocessing is imported, or has been."""
    global _addresses
    _addresses = addresses
    after_import("multiprocessing.process", _set_key)
    after_import("multiprocessing.resource_tracker", _share_tracker)


def inherit_streams(kinds: list[str]) -> None:
    """Take over which standard streams the program has, and whether they are buffered. See `_streams.kinds`."""
    for name, kind in zip(("stdin", "stdout", "stderr"), kinds):
        if kind == "closed":
            setattr(sys, name, None)
            setattr(sys, "__%s__" % name, None)
        elif kind == "unbuffered":
            _ungil.streams.unbuffer(name)


def function_of_program(number: int, *types: Any) -> Callable[..., int]:
    """A function of the program, by its place in `_program.ADDRESSES`; one that returns -1 when the program is ending.

    types: of its arguments.
    """
    import ctypes

    if not ctypes.c_int.from_address(_addresses[0]).value:
        return lambda *_: -1
    function: Callable[..., int] = ctypes.CFUNCTYPE(ctypes.c_int, *types)(_addresses[number])
    return function


def _set_key(process: ModuleType) -> None:
    import ctypes

    key = ctypes.create_string_buffer(LONGEST_KEY)
    length = function_of_program(2, ctypes.c_void_p, ctypes.c_int)(key, LONGEST_KEY)
    if length >= 0:
        process.current_process().authkey = key.raw[:length]


def _share_tracker(module: ModuleType) -> None:
    share_tracker(module, _descriptor_of_tracker)


def _descriptor_of_tracker() -> int | None:
    descriptor = function_of_program(1)()
    return None if descriptor < 0 else descriptor
