"""threadpoolctl knows this library's number of threads: threadpool_info() shows it, threadpool_limits() sets it.

threadpoolctl may be imported before this package, later, or never: it is not imported from here.
"""

from __future__ import annotations

import contextlib
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Sequence

NAME = "threadpoolctl"


def register() -> None:
    """Tells threadpoolctl of the library: now, if it is imported already, and at each import from now on."""
    sys.meta_path.insert(0, Finder())
    if NAME in sys.modules:
        with contextlib.suppress(ImportError):
            import threadpoolctl  # which waits where another thread is importing it

            _register_in(threadpoolctl)


def _register_in(module: ModuleType) -> None:
    """From threadpoolctl 3.2 on."""
    base, add = getattr(module, "LibController", None), getattr(module, "register", None)
    if base is not None and add is not None:
        add(_controller(base))


class Finder:
    """Finds threadpoolctl where the other finders do, and sees to it that its import ends with a registration."""

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
    """Loads the module by its own loader, which is the one that the module has in the end."""

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
        """For who finds the module and does not import it: source, resources, whether it is a package."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._own, name)


class _Number(int):
    """A number of threads that knows what was set when it was looked up: given back, it restores exactly that."""

    setting: int

    @classmethod
    def of(cls, library: Any) -> _Number:
        number = cls(library.ungil_num_threads())
        number.setting = library.ungil_num_threads_setting()
        return number

    def __reduce__(self) -> tuple[type, tuple[int]]:
        return int, (int(self),)  # the setting is this process's


def _controller(base: Any) -> Any:
    class UngilController(base):  # type: ignore[misc]
        """libungil, for threadpoolctl."""

        user_api = "ungil"
        internal_api = "ungil"
        filename_prefixes = ("libungil",)
        check_symbols = ("ungil_num_threads_setting",)

        def get_num_threads(self) -> int:
            return _Number.of(self.dynlib)

        def set_num_threads(self, num_threads: int) -> None:
            # A negative number changes nothing. An exception would leave other libraries' limits half set.
            number = getattr(num_threads, "setting", num_threads)
            self.dynlib.ungil_set_num_threads(max(-1, min(number, 0x7FFFFFFF)))  # ctypes would cut it off

        def get_version(self) -> str:
            from ctypes import c_char_p

            version = self.dynlib.ungil_version
            version.restype = c_char_p
            text: bytes = version()
            return text.decode()

    return UngilController
