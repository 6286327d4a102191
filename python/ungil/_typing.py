"""Type variables for functions that call a function with its own parameters.

They exist at run time, so that typing.get_type_hints() works from Python 3.10 on. Before, there is no ParamSpec, and
type checkers take it from typing_extensions, which need not be installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, TypeVar

if sys.version_info >= (3, 10):
    from typing import ParamSpec

    Parameters = ParamSpec("Parameters")
elif TYPE_CHECKING:
    from typing_extensions import ParamSpec

    Parameters = ParamSpec("Parameters")
else:
    Parameters = None

Result = TypeVar("Result")
