"""The right answers, computed in other ways than the measured ones where possible."""

from __future__ import annotations

import math
from typing import Any

import numpy

from . import loops


def sum_of_multiples(n: int) -> int:
    """The sum of the multiples of 3 below n in closed form, wrapped to 32 bits."""
    most = (n - 1) // 3
    return loops.wrapped(3 * most * (most + 1) // 2)


def rectangles(n: int) -> float:
    """The sum of n >= 1000 terms for pi, to 1e-12, from the integral that the midpoint rule approximates.

    The interval [a, b] is [-1/n, 1 - 1/n]. The rule's error is h^2/24 (f'(b) - f'(a)) + O(h^4) (Davis and Rabinowitz,
    Methods of Numerical Integration, 2.9).
    """
    h = 1 / n
    a, b = -h, 1 - h

    def slope(x: float) -> float:
        return -8 * x / (1 + x * x) ** 2

    return 4 * (math.atan(b) - math.atan(a)) - h * h / 24 * (slope(b) - slope(a))


def sieve(n: int) -> numpy.ndarray:
    """Whether each number below n is prime: the sieve of Eratosthenes."""
    flags = numpy.ones(n, dtype=bool)
    flags[:2] = False
    for p in range(2, math.isqrt(n) + 1):
        if flags[p]:
            flags[p * p :: p] = False
    return flags


def primality(numbers: numpy.ndarray, gmpy2: Any) -> numpy.ndarray:
    """Whether each number is prime: by GMP if it is installed, checked on a thousand by strong tests in Python."""
    listed = numbers.tolist()
    flags = numpy.fromiter(map(gmpy2.is_prime if gmpy2 else loops.is_prime, listed), bool, len(listed))
    for i in range(0, len(listed), max(1, len(listed) // 1000)):
        if flags[i] != loops.is_prime(listed[i]):
            raise ValueError(f"GMP and strong tests do not agree on {listed[i]}")
    return flags


def have_divisor(numbers: numpy.ndarray, are_prime: numpy.ndarray) -> numpy.ndarray:
    """The rule of num_primes for non-negative numbers: is there a divisor d with 2 <= d < floor(sqrt(n))?

    Composite numbers have one, except squares of primes, products of twin primes, 6 and 8.
    """
    wide = numbers.astype(numpy.int64)
    flags: numpy.ndarray = (wide > 1) & ~are_prime
    roots = numpy.sqrt(wide.astype(numpy.float64)).astype(numpy.int64)  # exact below 2^52
    for i in numpy.flatnonzero(flags & (wide % numpy.maximum(roots, 1) == 0)):
        flags[i] = not _has_large_factors_only(int(wide[i]))
    return flags


def _has_large_factors_only(n: int) -> bool:
    root = math.isqrt(n)
    other = n // root
    twins = other in (root, root + 2) and loops.is_prime(root) and loops.is_prime(other)
    return twins or n in (6, 8)
