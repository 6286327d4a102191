"""What happens at forks. Windows has none."""

from __future__ import annotations

import os

TYPE_CHECKING = False  # not from typing, which isolated interpreters do not import when they start
if TYPE_CHECKING:
    from typing import Any, Callable


def _register_nothing(**_functions: Callable[[], Any]) -> None:
    pass


register_at_fork: Callable[..., None] = getattr(os, "register_at_fork", _register_nothing)
"""os.register_at_fork, where there is one."""
