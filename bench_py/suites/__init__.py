"""The suites. Each is a module with TITLE, ABOUT, and steps(tools), which yields its measurements in order."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Callable

from ..contest import Contest, Effort
from ..results import Row


@dataclass(frozen=True)
class Step:
    """One measurement."""

    name: str
    seconds: float
    """Its approximate duration on two processors, for the estimate of the remaining time."""
    prepare: Callable[[], Contest | Row]
    """Returns a contest to be measured, or a measured row."""


@dataclass
class Tools:
    """What a suite works with."""

    effort: Effort
    tell_missing: Callable[[str, str], None]
    """Reports a missing peer: its name, and why it is missing or how to install it."""
    stack: ExitStack
    """Closed at the end of the suite."""
    _found: dict[str, Any] = field(default_factory=dict)

    def find(self, peer: str, look: Callable[[], Any], how: str) -> Any:
        """The result of `look`, called once. Where it is None or raises, the peer is reported as missing."""
        if peer not in self._found:
            try:
                self._found[peer] = look()
            except Exception as error:
                self._found[peer] = None
                how = f"{error} ({how})"
            if self._found[peer] is None:
                self.tell_missing(peer, how)
        return self._found[peer]

    def package(self, name: str, package: str | None = None) -> Any:
        """A module, or None if it is not installed."""
        return self.find(package or name, lambda: importlib.import_module(name), f"pip install {package or name}")


def suite(name: str) -> ModuleType:
    return importlib.import_module(f"{__name__}.{name}")
