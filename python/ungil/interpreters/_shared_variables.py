"""The parameter `share` of interpreters and pools."""

from __future__ import annotations

import keyword
from collections.abc import Mapping
from typing import Any

from .._native.scalars import short_repr
from . import _sharing


def shared_variables(share: Mapping[str, Any]) -> dict[str, Any]:
    """The parameter, checked, with memory that is shared. Raises ValueError, and what `ungil.share` raises."""
    for name in share:
        if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
            raise ValueError("share: %s is not a name of a variable" % short_repr(name))
    return {name: it if isinstance(it, _sharing.Shared) else _sharing.share(it) for name, it in share.items()}
