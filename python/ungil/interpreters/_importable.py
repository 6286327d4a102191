"""Which functions, classes and modules the other side can import. The others are sent by value."""

from __future__ import annotations

import sys
from types import ModuleType

from .._private_apis import is_pickled_by_value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_MAIN = ("__main__", "__mp_main__")
# multiprocessing names the program's module __mp_main__ in children that it has not forked.


def is_by_value(obj: Any) -> bool:
    """Whether a function or class is one that the other side cannot import."""
    module = obj.__module__
    return module in _MAIN or is_pickled_by_value(module) or is_made_by_program(sys.modules.get(module))


def is_importable(obj: Any) -> bool:
    """Whether a function or class is found by its module and name."""
    try:
        found: Any = sys.modules[obj.__module__]
        for name in obj.__qualname__.split("."):
            found = getattr(found, name)
    except (AttributeError, KeyError, TypeError):
        return False
    return found is obj


def is_by_reference(obj: Any) -> bool:
    """Whether a function or class is sent by its name."""
    return not is_by_value(obj) and is_importable(obj)


_made: dict[str, bool] = {}


def is_made_by_program(module: Any) -> bool:
    """Whether a module is in no file that the other side could find: the program has made it, or runpy."""
    if type(module) is not ModuleType or getattr(module, "__spec__", None) is not None:
        return False
    name = module.__name__
    if name in _MAIN:
        return False
    found = _made.get(name)
    if found is None:
        found = _made[name] = not _has_file(name)
    return found


def _has_file(name: str) -> bool:
    from importlib.machinery import PathFinder

    return PathFinder.find_spec(name.partition(".")[0]) is not None


def make_known_to_cloudpickle(module_name: Any) -> None:
    """Let cloudpickle pickle the functions and classes of a module by value, if the other side cannot import it."""
    module = sys.modules.get(module_name)
    if module is not None and is_made_by_program(module) and not is_pickled_by_value(module_name):
        import cloudpickle

        cloudpickle.register_pickle_by_value(module)


_names: dict[str, tuple[int, dict[int, str]]] = {}  # by modules: how many names there were, and the names by `id`s


def owner_of(obj: Any) -> tuple[str, str] | None:
    """The module and the name of an object that a module has, as `dataclasses` has its MISSING; None for others.

    Only the module of the object's class is asked. The other side has an object of its own by that name.
    """
    module = sys.modules.get(type(obj).__module__)
    if type(module) is not ModuleType or module.__name__ in _MAIN or is_by_value(type(obj)):
        return None
    attributes = module.__dict__
    count, names = _names.get(module.__name__, (0, {}))
    if count != len(attributes):
        names = {id(value): name for name, value in attributes.copy().items()}
        _names[module.__name__] = len(attributes), names
    name = names.get(id(obj))
    return None if name is None or attributes.get(name) is not obj else (module.__name__, name)
