"""Formats quantities for people."""

from __future__ import annotations


def size_text(size: float) -> str:
    return f"{int(size):,}" if size == int(size) else f"{size:g}"


def quantity(value: float, unit: str) -> str:
    """With a suitable unit: 1.5e-6 s as 1.5 us."""
    if unit != "s":
        return f"{value:.3g} {unit}"
    for name, factor in (("s", 1.0), ("ms", 1e3), ("us", 1e6)):
        if value * factor >= 1:
            return f"{_three_digits(value * factor)} {name}"
    return f"{_three_digits(value * 1e9)} ns"


def _three_digits(value: float) -> str:
    return f"{value:.3g}" if value < 999.5 else f"{value:,.0f}"


def times(ratio: float) -> str:
    """A ratio to three digits. A second run may change the last one."""
    return f"{_three_digits(ratio)} ×"
