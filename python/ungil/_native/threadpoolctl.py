"""Registers the library with threadpoolctl: threadpool_info() lists it, and threadpool_limits() sets its threads.

threadpoolctl may be imported before this package, after it, or never. It is not imported from here, but a finder in
sys.meta_path notices its import.
"""

from __future__ import annotations

import contextlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

NAME = "threadpoolctl"


def register() -> None:
    """Register the library with threadpoolctl: now, if that is imported already, and at each import from now on."""
    sys.meta_path.insert(0, Finder())
    if NAME in sys.modules:
        with contextlib.suppress(ImportError):
            import threadpoolctl  # waits if another thread is importing it

            _register_in(threadpoolctl)


def _register_in(module: ModuleType) -> None:
    """Register the library, if this is threadpoolctl 3.2 or newer."""
    base, add = getattr(module, "LibController", None), getattr(module, "register", None)
    if base is not None and add is not None:
        add(_controller(base))


class Finder:
    """Finds threadpoolctl by means of the other finders, with a loader that registers the library after the import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != NAME:
            return None
        for finder in list(sys.meta_path):
            find = None if isinstance(finder, Finder) else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = find(name, path, target) if find else None
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    loader: Any = _Loader(spec.loader)
                    spec.loader = loader
                return spec
        return None


class _Loader:
    """Loads the module with its own loader, which it then has as its `__loader__` too."""

    def __init__(self, own: Any) -> None:
        self._own = own

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._own.create_module(spec)
        return module

    def exec_module(self, module: ModuleType) -> None:
        spec = module.__spec__
        module.__loader__ = self._own
        if spec is not None:
            spec.loader = self._own
        self._own.exec_module(module)
        _register_in(module)

    def __getattr__(self, name: str) -> Any:
        """For tools that find the module without importing it: its source, its resources, whether it is a package."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._own, name)


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
