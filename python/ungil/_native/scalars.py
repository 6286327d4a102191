"""Numeric arguments as C takes them, and numbers in error messages."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsFloat, SupportsIndex

_MAX_SHOWN_BITS = 512


def short_repr(value: Any) -> str:
    """The value for an error message. A long integer is described instead: Python refuses to print huge ones."""
    if isinstance(value, int) and value.bit_length() > _MAX_SHOWN_BITS:
        return "%s integer of %d bits" % ("a negative" if value < 0 else "an", value.bit_length())
    try:
        return repr(value)
    except ValueError:  # a Fraction of such numbers, for example
        return "a %s that is too long to show" % type(value).__name__


def as_int(name: str, value: SupportsIndex) -> int:
    """The argument `name` as an int of any length."""
    try:
        return int(operator.index(value))  # before Python 3.10, index() returns a bool, for example, unchanged
    except TypeError:
        raise TypeError("%s: expected an integer, not %s" % (name, type(value).__name__)) from None


def as_signed(name: str, value: SupportsIndex, bits: int = 64) -> int:
    """The argument `name` as an int within the range of a signed C integer."""
    number = as_int(name, value)
    limit = 1 << (bits - 1)
    if not -limit <= number < limit:
        found = (name, short_repr(number), bits, -limit, limit - 1)
        raise OverflowError("%s: %s is out of range for int%d (%d to %d)" % found)
    return number


def as_float(name: str, value: SupportsFloat | SupportsIndex) -> float:
    """The argument `name` as a float."""
    try:
        return float(value)
    except OverflowError:
        raise OverflowError("%s: %s is out of range for float64" % (name, short_repr(value))) from None


def as_seconds(name: str, value: Any) -> float:
    """The argument `name`, a duration, as a float: infinite if it is too long for one."""
    try:
        number = math.ldexp(value, 0)  # accepts any real number, but no strings, which float() would
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number):
        raise ValueError("%s: expected a number of seconds, not NaN" % name)
    return number
