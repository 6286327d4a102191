"""Numbers that callers give, as C takes them, and as messages show them."""

from __future__ import annotations

import math
import operator
from typing import Any, SupportsFloat, SupportsIndex

_LONG = 512  # bits


def shown(value: Any) -> str:
    """The value for a message, in any case short: Python refuses to write thousands of digits."""
    if isinstance(value, int) and value.bit_length() > _LONG:
        return "%s integer of %d bits" % ("a negative" if value < 0 else "an", value.bit_length())
    try:
        return repr(value)
    except ValueError:  # a Fraction, for example, of such numbers
        return "a %s that is too long to show" % type(value).__name__


def whole(name: str, value: SupportsIndex) -> int:
    """The parameter `name` as an int of any length."""
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError("%s: expected an integer, not %s" % (name, type(value).__name__)) from None


def integer(name: str, value: SupportsIndex, bits: int = 64) -> int:
    """The parameter `name` as an int, if it is one that a C integer with a sign can hold."""
    number = whole(name, value)
    limit = 1 << (bits - 1)
    if not -limit <= number < limit:
        found = (name, shown(number), bits, -limit, limit - 1)
        raise OverflowError("%s: %s is beyond int%d, which is from %d to %d" % found)
    return number


def real(name: str, value: SupportsFloat | SupportsIndex) -> float:
    """The parameter `name` as a float, if that can hold it."""
    try:
        return float(value)
    except OverflowError:
        raise OverflowError("%s: %s is beyond float64" % (name, shown(value))) from None


def seconds(name: str, value: Any) -> float:
    """The parameter `name`, a time of any length, as a float: an infinite one where it is beyond floats."""
    try:
        number = math.ldexp(value, 0)  # which takes any real number, but no text as float() does
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    if math.isnan(number):
        raise ValueError("%s: expected a number of seconds, not NaN" % name)
    return number
