"""Types for annotations: arrays of numbers, and functions with their own parameters.

They exist at run time too, for typing.get_type_hints(). Before Python 3.10 it fails for annotations such as
`int | None`. Type checkers take what older Pythons lack from typing_extensions, which need not be installed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, SupportsFloat, SupportsIndex, TypeVar, Union

if sys.version_info >= (3, 10):
    from typing import ParamSpec

    Parameters = ParamSpec("Parameters")
elif TYPE_CHECKING:
    from typing_extensions import ParamSpec

    Parameters = ParamSpec("Parameters")
else:
    from ._private_apis import any_parameters

    Parameters = any_parameters()

if TYPE_CHECKING:
    from typing_extensions import Buffer
elif sys.version_info >= (3, 12):
    from collections.abc import Buffer
else:
    Buffer = Any

Result = TypeVar("Result")

Integers = Union[Buffer, Iterable[SupportsIndex]]
"""An array of integers, or an iterable of them."""

Reals = Union[Buffer, Iterable[Union[SupportsFloat, SupportsIndex]]]
"""An array of real numbers, or an iterable of them."""
