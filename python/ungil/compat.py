"""The three functions of the classic examples of threads and C code, under their own names.

The shared library has them as C functions too, with exactly the signatures that those examples declare: `test`,
`num_primes` and `compPi_ctypes`. They are workloads for measuring threads. For answers, use
`ungil.sum_multiples`, `ungil.count_primes` and `math.pi`.

Each of them runs on `ungil.num_threads` threads unless `threads` says otherwise; its result does not depend on that.
To await one, use `ungil.aio.call`: ``await ungil.aio.call(ungil.compat.pi, 10**9)``.
"""

from __future__ import annotations

import ctypes
from typing import SupportsIndex

from ._arrays.buffers import as_input
from ._arrays.dtypes import INT32
from ._native.call_options import CallOptions
from ._native.library import library
from ._native.scalars import as_signed
from ._typing import Integers
from .control import Control

__all__ = ["num_primes", "pi", "test"]

# Upper bounds of the time per item in nanoseconds, on one thread at the slowest CPU level, with a margin for slower
# machines.
_NUM_PRIMES_NS = 400  # measured 166
_PI_NS = 30  # 11
_TEST_NS = 1  # 0.3


def test(
    start: SupportsIndex, stop: SupportsIndex, *, threads: int | None = None, control: Control | None = None
) -> int:
    """Sum the multiples of 3 in ``range(start, stop)``, modulo 2**32, by visiting every number of the range.

    It is a CPU-bound workload whose time is linear in the range's length, for demonstrating threads.
    `ungil.sum_multiples` computes the same sum in closed form.

    Parameters
    ----------
    start, stop : int
        The range. Both are int32.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : ungil.Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    int
        The sum, wrapped to int32.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If `threads` is not positive, or `control` is closed.
    OverflowError
        If `start` or `stop` is out of range for int32.
    ungil.CancelledError, ungil.TimeoutError
        If `control` was cancelled, or its deadline passed.

    See Also
    --------
    ungil.sum_multiples : the closed form.

    Notes
    -----
    Cost: linear in ``stop - start``. On one thread, at most 0.3 ns per number, and 0.03 ns with AVX2.

    Examples
    --------
    >>> from ungil import compat
    >>> compat.test(0, 10)
    18
    """
    options = CallOptions.from_arguments(threads, control)
    first, end, result = as_signed("start", start, 32), as_signed("stop", stop, 32), ctypes.c_int32()
    reference = ctypes.byref(result)
    options.run(lambda n, handle: library.ungil_test(first, end, n, handle, reference), max(0, end - first) * _TEST_NS)
    return result.value


def pi(n: SupportsIndex, *, threads: int | None = None, control: Control | None = None) -> float:
    """Approximate pi by a sum of `n` terms.

    The result is the sum of ``4 / (1 + x**2)`` for ``x = (i - 0.5) / n`` and i from 0 to n - 1, divided by n. It tends
    to pi as `n` grows, and is too large by about ``2 / n``. It is a CPU-bound workload whose time is linear in `n`.

    Parameters
    ----------
    n : int
        The number of terms, at least 1; int64.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : ungil.Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    float
        The sum. Its relative error against exact arithmetic is at most 1e-14 in all tests, and below 1e-13 by proof for
        n up to 2**53.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If `n` or `threads` is not positive, or `control` is closed.
    OverflowError
        If `n` is out of range for int64.
    ungil.CancelledError, ungil.TimeoutError
        If `control` was cancelled, or its deadline passed.

    Notes
    -----
    Cost: linear in `n`. On one thread with AVX-512, 10**10 terms take about 0.6 seconds.

    Examples
    --------
    >>> from ungil import compat
    >>> round(compat.pi(10**6), 5)
    3.14159
    """
    options = CallOptions.from_arguments(threads, control)
    terms, result = as_signed("n", n), ctypes.c_double()
    reference = ctypes.byref(result)
    options.run(lambda threads, handle: library.ungil_pi(terms, threads, handle, reference), terms * _PI_NS)
    return result.value


def num_primes(numbers: Integers, *, threads: int | None = None, control: Control | None = None) -> int:
    """Count the numbers n that have a divisor d with ``2 <= d < floor(sqrt(n))``.

    In spite of its name, which comes from the example, it does *not* count primes: use `ungil.count_primes` for that.

    Parameters
    ----------
    numbers : array_like
        An int32 array of any shape, which is read in place, or an iterable of integers, which is copied.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : ungil.Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    int
        How many of the numbers have such a divisor. Negative numbers, 0 and 1 have none.

    Raises
    ------
    TypeError
        If `numbers` has another element type (the message shows how to convert it), or an argument has the wrong type.
    ValueError
        If `numbers` is not contiguous, `threads` is not positive, or `control` is closed.
    OverflowError
        If a number of an iterable is out of range for int32.
    ungil.CancelledError, ungil.TimeoutError
        If `control` was cancelled, or its deadline passed.

    See Also
    --------
    ungil.count_primes : counts primes.

    Notes
    -----
    The rule counts all composite numbers except those whose least prime factor is ``floor(sqrt(n))`` or larger: squares
    of primes, products of twin primes, 6 and 8.

    Cost: half a cycle per number that a table answers. For others 4 cycles with AVX-512, 10 with AVX2, 80 without.

    Examples
    --------
    >>> from ungil import compat
    >>> compat.num_primes(range(1000000))
    921295
    >>> compat.num_primes([6, 8, 12])
    1
    """
    options = CallOptions.from_arguments(threads, control)
    memory, result = as_input("numbers", numbers, (INT32,)), ctypes.c_uint64()
    source, length, reference = memory.pointer, memory.length, ctypes.byref(result)
    options.run(
        lambda n, handle: library.ungil_num_primes_i32(source, length, n, handle, reference),
        length * _NUM_PRIMES_NS,
        memory,
    )
    return result.value
