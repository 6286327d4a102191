"""The suites. Each is a module with TITLE, ABOUT, and steps(tools): what it measures, in order."""

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
    """Something to measure."""

    name: str
    seconds: float
    """What it takes, roughly, on two processors: for the time left to be told."""
    prepare: Callable[[], Contest | Row]
    """A contest to be measured, or a row that was."""


@dataclass
class Tools:
    """What a suite is given."""

    effort: Effort
    tell_missing: Callable[[str, str], None]
    """(peer, why and how to have it), for the report."""
    stack: ExitStack
    """What is entered here is left when the suite has ended."""
    _found: dict[str, Any] = field(default_factory=dict)

    def find(self, peer: str, look: Callable[[], Any], how: str) -> Any:
        """What `look` gives, or raises, once for all; None is told as missing."""
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
