"""Functions that are called when a module is imported: a finder in sys.meta_path notices the import.
`FunctoolsInC` keeps a module from being imported where next to nothing of it is needed.

Each interpreter imports this, so it imports nothing else at the top.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Callable

_functions: dict[str, Callable[[ModuleType], object]] = {}  # by the names of modules


def after_import(name: str, function: Callable[[ModuleType], object]) -> None:
    """Call the function with the module: now, if that is imported already, and at each import from now on.

    There is one function for each name.
    """
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    _functions[name] = function
    if sys.modules.get(name) is not None:
        from importlib import import_module

        try:
            module = import_module(name)  # waits if another thread is importing it
        except ImportError:
            return
        function(module)


class Finder:
    """Finds these modules by means of the other finders, with a loader that calls their functions after the import."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _functions:
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
        _functions[module.__name__](module)

    def __getattr__(self, name: str) -> Any:
        """For tools that find the module without importing it: its source, its resources, whether it is a package."""
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._own, name)


class FunctoolsInC(type(sys)):  # type: ignore[misc]
    """Stands for functools while _pickle is imported, which wants functools.partial alone: that is in C.

    It is only there in interpreters: their starts take a tenth less time without functools and all that this imports.
    To others who ask for functools meanwhile, it is what it stands for.
    """

    def __enter__(self) -> None:
        if "_ungil" in sys.modules and "functools" not in sys.modules:
            from _functools import partial  # type: ignore[import-not-found]

            self.partial = partial
            sys.modules["functools"] = self

    def __exit__(self, *error: object) -> None:
        if sys.modules.get("functools") is self:
            del sys.modules["functools"]

    def __getattr__(self, name: str) -> Any:
        self.__exit__()
        import functools

        return getattr(functools, name)
