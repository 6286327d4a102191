"""The kernels in pure Python, numpy and numba, as one would usually write them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import partial
from types import SimpleNamespace

import numpy

CHUNK = 1 << 18  # numbers that numpy takes at once: they stay in the cache

# Pure Python.


def test(start: int, stop: int) -> int:
    total = 0
    for i in range(start, stop):
        if i % 3 == 0:
            total += i
    return wrapped(total)


def wrapped(total: int) -> int:
    """The number modulo 2^32, as a signed number."""
    return (total + 2**31) % 2**32 - 2**31


def num_primes(numbers: Iterable[int]) -> int:
    count = 0
    for n in numbers:
        for d in range(2, math.isqrt(max(n, 0))):
            if n % d == 0:
                count += 1
                break
    return count


def pi(n: int) -> float:
    h = 1.0 / n
    total = 0.0
    for i in range(n):
        x = h * (i - 0.5)
        total += 4.0 / (1.0 + x * x)
    return total * h


def is_prime(n: int) -> bool:
    """Strong tests to the first twelve primes: a proof below 3.18e23 (Sorenson and Webster, Math. Comp. 86, 2017)."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(pow(b, odd, n) == 1 or any(pow(b, odd << r, n) == n - 1 for r in range(twos)) for b in bases)


# numpy, a chunk after the other: whole arrays would not fit into the cache, nor the largest into memory.


def numpy_test(start: int, stop: int) -> int:
    total = 0
    for begin in range(start, stop, CHUNK):
        numbers = numpy.arange(begin, min(begin + CHUNK, stop), dtype=numpy.int32)
        total += int(numbers[numbers % 3 == 0].sum(dtype=numpy.int64))
    return wrapped(total)


def numpy_num_primes(numbers: numpy.ndarray) -> int:
    """Trial division of the numbers that are still undecided."""
    left = numbers[numbers > 0]
    ends = numpy.sqrt(left).astype(numpy.int32)
    count, d = 0, 2
    while len(left):
        further = ends > d
        left, ends = left[further], ends[further]
        divided = left % d == 0
        count += int(divided.sum())
        left, ends = left[~divided], ends[~divided]
        d += 1
    return count


def numpy_pi(n: int) -> float:
    h, total = 1.0 / n, 0.0
    for begin in range(0, n, CHUNK):
        x = h * (numpy.arange(begin, min(begin + CHUNK, n)) - 0.5)
        total += float((4.0 / (1.0 + x * x)).sum())
    return total * h


def by_numba() -> SimpleNamespace:
    """The kernels for numba, compiled at their first call: on one thread without the GIL, and with `prange`.

    Errors: ImportError.
    """
    from numba import njit, prange

    def test(start: int, stop: int) -> int:
        total = 0
        for i in prange(start, stop):
            if i % 3 == 0:
                total += i
        return total

    def num_primes(numbers: numpy.ndarray) -> int:
        count = 0
        for i in prange(len(numbers)):
            n = numbers[i]
            end = int(math.sqrt(n)) if n > 0 else 0
            for d in range(2, end):
                if n % d == 0:
                    count += 1
                    break
        return count

    def pi(n: int) -> float:
        h = 1.0 / n
        total = 0.0
        for i in prange(n):
            x = h * (i - 0.5)
            total += 4.0 / (1.0 + x * x)
        return total * h

    one = partial(njit, nogil=True, error_model="numpy")
    all_of_them = partial(one, parallel=True)
    return SimpleNamespace(
        test=one(test),
        test_prange=all_of_them(test),
        num_primes=one(num_primes),
        num_primes_prange=all_of_them(num_primes),
        pi=one(pi),
        pi_fast=one(pi, fastmath=True),
        pi_prange=all_of_them(pi, fastmath=True),
    )
