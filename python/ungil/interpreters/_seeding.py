"""Random generators that are seeded for each call: the global ones of `random` and of `numpy.random`.

Both sides import this, as functions are sent by name; it is of use in interpreters only.
"""

from __future__ import annotations

import sys

from .._import_hooks import after_import

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable


def seeded(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose first argument is the seed, a text."""

    def call(seed: str, /, *args: Any, **kwargs: Any) -> Any:
        begin(seed)
        return function(*args, **kwargs)

    return call


def begin(seed: str) -> None:
    """Seed the generators, and those that are imported from now on."""
    _state().seed = seed
    for name, function in _GENERATORS.items():
        if _hooks.get(name) is None:
            _hooks[name] = True
            after_import(name, function)
        elif name in sys.modules:
            function(sys.modules[name])


_hooks: dict[str, bool] = {}  # modules whose import is noticed


def _state() -> Any:
    return sys.modules["_ungil"]


def _seed_random(module: Any) -> None:
    seed = _state().seed
    if seed is not None:
        module.seed(seed)


def _seed_numpy(module: Any) -> None:
    seed = _state().seed
    if seed is not None:
        import random

        words = random.Random("numpy.random/" + seed)
        module.seed([words.getrandbits(32) for _ in range(8)])


_GENERATORS = {"random": _seed_random, "numpy.random": _seed_numpy}

if "_ungil" in sys.modules:
    _state().FILES.add(__file__)  # its frames are no part of tracebacks
