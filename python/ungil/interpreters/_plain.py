"""Objects for which pickle alone is enough: nothing of them goes beside the pickle, and no class is sent with them.

Both sides import this file.
"""

from __future__ import annotations

from .._private_apis import pickle
from ._sharing import LARGE, PROTOCOL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    _COPIES: dict[type, Any]

IMMUTABLE_TYPES = frozenset([type(None), bool, int, float, complex, str])
"""Types whose objects need nothing but pickle, and never change."""

NUMBERS = IMMUTABLE_TYPES - {str}


def needs_only_pickle(values: Iterable[Any], is_inner: bool = False) -> bool:
    """Whether these are immutable objects, or tuples of such, of which nothing goes beside the pickle."""
    for value in values:
        kind = type(value)
        if kind in NUMBERS:
            continue
        if kind is str or kind is bytes:
            if len(value) >= LARGE:
                return False
        elif kind is not tuple or is_inner or not needs_only_pickle(value, True):
            return False
    return True


_FEW = 32  # values: to look at them takes less time than to make a pickler
_COPIES = {list: list.copy, dict: dict.copy, set: set.copy}


def pickle_of_few(obj: Any, wrap: Any = None) -> bytes | None:
    """The pickle of an exact list, set or dict of a few objects for which pickle is enough; None of others.

    wrap: what makes the pickled object of it. It is of the values as they are now, whatever other threads do.
    """
    kind = type(obj)
    if kind not in _COPIES or len(obj) > _FEW:
        return None
    copy = _COPIES[kind](obj)
    if not needs_only_pickle(copy) or (kind is dict and not needs_only_pickle(copy.values())):
        return None
    return pickle.dumps(copy if wrap is None else wrap(copy), PROTOCOL)
