"""Functions over arrays of numbers that use all cores: primes and sums; and how many threads they use.

Arrays of any number of dimensions are read in place: numpy's, array.array, ctypes arrays, and any other object with
contiguous memory of a supported element type. bytes and bytearray are taken as memory of the function's first type.
Other iterables of numbers are copied.

Results do not depend on the number of threads: they are the same to the last bit.

Ctrl-C interrupts a long call in the main thread: KeyboardInterrupt is raised when the call has stopped, about 10 ms
later, and the call's control is then cancelled.
"""

from __future__ import annotations

import ctypes
import operator
from typing import Any, Callable, SupportsIndex, TypeVar, overload

from ._arrays.buffers import as_input
from ._arrays.dtypes import BOOL, FLOAT64, INT32, INT64, UINT8, UINT64
from ._arrays.results import result_for
from ._native.call_options import MAX_THREADS, CallOptions
from ._native.library import check, library
from ._native.scalars import as_int, as_signed, short_repr
from ._typing import Integers, Reals
from .control import Control

__all__ = ["count_primes", "is_prime", "num_threads", "set_num_threads", "sum", "sum_multiples"]

Out = TypeVar("Out")

# Upper bounds of the time per item in nanoseconds, on one thread at the slowest CPU level, with a margin for slower
# machines.
_IS_PRIME_NS = 2000  # measured 700, for primes near 2^64
_SUM_NS = 4  # 0.6, in the cache

_COUNT_PRIMES: dict[str, Callable[..., int]] = {
    "int32": library.ungil_count_primes_i32,
    "int64": library.ungil_count_primes_i64,
    "uint64": library.ungil_count_primes_u64,
}
_IS_PRIME: dict[str, Callable[..., int]] = {
    "int64": library.ungil_is_prime_i64,
    "uint64": library.ungil_is_prime_u64,
}


def num_threads() -> int:
    """Report how many threads a call uses if its `threads` argument is None.

    Returns
    -------
    int
        The number from `set_num_threads`, if it was set; otherwise the value of the environment variable
        UNGIL_NUM_THREADS, otherwise that of OMP_NUM_THREADS, otherwise the number of processors that the calling thread
        may use.

    See Also
    --------
    set_num_threads : sets the number.

    Notes
    -----
    The environment variables are read once, when the package loads the library: at the first use of one of its
    functions. Their values are numbers from 1 to 256; a larger one means 256, any other value is ignored.

    Examples
    --------
    >>> import ungil
    >>> ungil.set_num_threads(3)
    >>> ungil.num_threads()
    3
    >>> ungil.set_num_threads(None)
    """
    number: int = library.ungil_num_threads()
    return number


def set_num_threads(threads: SupportsIndex | None) -> None:
    """Set how many threads calls use if their `threads` argument is None, in the whole process.

    Parameters
    ----------
    threads : int or None
        The number, at least 1. Numbers above 256 count as 256. None or 0 restores the default: see `num_threads`.

    Raises
    ------
    ValueError
        If the number is negative. The setting is then unchanged.
    TypeError
        If it is not an integer.

    See Also
    --------
    num_threads : reports the number.

    Notes
    -----
    The setting belongs to the process. It applies to calls that begin later, on any thread and in any isolated
    interpreter. A forked child inherits it; other new processes do not. It is also the number of threads of the C
    functions ``test``, ``num_primes`` and ``compPi_ctypes``, which use one thread if nothing is set, and the default
    number of workers of a new `InterpreterPoolExecutor`. Several threads may set it at the same time: the last one
    wins. threadpoolctl's ``threadpool_limits`` sets it temporarily.

    Examples
    --------
    >>> import ungil
    >>> ungil.set_num_threads(2)
    >>> ungil.num_threads()
    2
    >>> ungil.set_num_threads(None)
    """
    number = 0 if threads is None else min(as_int("threads", threads), MAX_THREADS)
    check(library.ungil_set_num_threads(max(number, -1)))


def count_primes(numbers: Integers, *, threads: int | None = None, control: Control | None = None) -> int:
    """Count the primes in an array.

    Parameters
    ----------
    numbers : array_like
        An int64, uint64 or int32 array of any shape, which is read in place, or an iterable of integers, which is
        copied: as uint64 if a number is 2**63 or larger, otherwise as int64. Negative numbers are not prime.
    threads : int, optional
        The number of threads, at least 1. By default `num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    int
        How many of the numbers are prime.

    Raises
    ------
    TypeError
        If `numbers` has another element type (the message shows how to convert it), or an argument has the wrong type.
    ValueError
        If `numbers` is not contiguous, `threads` is not positive, or `control` is closed.
    OverflowError
        If the numbers of an iterable fit neither int64 nor uint64.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    See Also
    --------
    is_prime : tests each of the numbers.

    Notes
    -----
    The method is that of `is_prime`: deterministic, not probabilistic.

    Cost: that of `is_prime`. For int32, about 5 ns per number on one thread with AVX-512.

    Examples
    --------
    >>> import ungil
    >>> ungil.count_primes(range(100))
    25
    """
    options = CallOptions.from_arguments(threads, control)
    memory, result = as_input("numbers", numbers, (INT64, UINT64, INT32)), ctypes.c_uint64()
    count, source, length = _COUNT_PRIMES[memory.element.name], memory.pointer, memory.length
    reference = ctypes.byref(result)
    options.run(lambda n, handle: count(source, length, n, handle, reference), length * _IS_PRIME_NS, memory)
    return result.value


@overload
def is_prime(numbers: int, *, threads: int | None = None, control: Control | None = None) -> bool: ...
@overload
def is_prime(numbers: Integers, *, out: Out, threads: int | None = None, control: Control | None = None) -> Out: ...
@overload
def is_prime(
    numbers: Integers, *, out: None = None, threads: int | None = None, control: Control | None = None
) -> Any: ...
def is_prime(numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None) -> Any:
    """Test a number, or each number of an array, for primality.

    Parameters
    ----------
    numbers : int or array_like
        An int below 2**64; or an int64 or uint64 array of any shape, which is read in place; or an iterable of
        integers, which is copied: as uint64 if a number is 2**63 or larger, otherwise as int64. Negative numbers are
        not prime.
    out : array, optional
        A writable bool or uint8 array for the results, with as many elements as `numbers`. It must not overlap
        `numbers`.
    threads : int, optional
        The number of threads, at least 1. By default `num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    bool or array of bool
        A bool for an int. Otherwise `out`, or a new array with the shape of `numbers`: a numpy.ndarray if numpy is
        installed, otherwise a memoryview.

    Raises
    ------
    TypeError
        If an array has another element type (the message shows how to convert it), or an argument has the wrong type.
    ValueError
        If an array is not contiguous, `out` is read-only, overlaps `numbers` or has another shape, `threads` is not
        positive, or `control` is closed.
    OverflowError
        If an int is 2**64 or larger, or the numbers of an iterable fit neither int64 nor uint64.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    See Also
    --------
    count_primes : counts the primes in an array.

    Notes
    -----
    Method: deterministic, not probabilistic. It is a variant of the Baillie-PSW test [1]_: a strong probable prime
    test to base 2 and an extra strong Lucas test [2]_. No composite number below 2**64 passes both: this was checked
    for all pseudoprimes to base 2 in that range, which Feitsma listed [3]_.

    Cost: on one thread with AVX-512, about 16 ns per random odd number below 2**64 and 135 ns per prime; without it,
    three times as much. For a single int, 2 us.

    References
    ----------
    .. [1] R. Baillie and S. S. Wagstaff, "Lucas pseudoprimes", Mathematics of Computation 35 (1980), 1391-1417.
    .. [2] J. Grantham, "Frobenius pseudoprimes", Mathematics of Computation 70 (2001), 873-891.
    .. [3] D. Jacobsen, "Pseudoprime statistics, tables, and data", ntheory.org/pseudoprimes.html.

    Examples
    --------
    >>> import ungil
    >>> ungil.is_prime(2**61 - 1)
    True
    >>> ungil.is_prime([2, 3, 4]).tolist()
    [True, True, False]
    """
    options = CallOptions.from_arguments(threads, control)
    number = _single_int(numbers)
    if number is not None:
        if out is not None:
            raise TypeError("out: expected None for a single number, not %s" % type(out).__name__)
        return _is_prime(number, options)
    memory = as_input("numbers", numbers, (INT64, UINT64))
    result, output = result_for(memory, out, (BOOL, UINT8))
    test, length = _IS_PRIME[memory.element.name], memory.length
    source, target = memory.pointer, output.pointer
    options.run(lambda n, handle: test(source, length, target, n, handle), length * _IS_PRIME_NS, memory, output)
    return result


def sum_multiples(start: SupportsIndex, stop: SupportsIndex, k: SupportsIndex) -> int:
    """Sum the multiples of `k` in ``range(start, stop)``, in closed form.

    Parameters
    ----------
    start, stop : int
        The range. Both are int64.
    k : int
        int64, not 0. Its sign does not matter.

    Returns
    -------
    int
        The sum; 0 for an empty range.

    Raises
    ------
    TypeError
        If an argument is not an integer.
    ValueError
        If `k` is 0.
    OverflowError
        If an argument or the sum is out of range for int64.

    Notes
    -----
    Cost: 1 us, whatever the range.

    Examples
    --------
    >>> import ungil
    >>> ungil.sum_multiples(0, 10, 3)
    18
    """
    result = ctypes.c_int64()
    numbers = as_signed("start", start), as_signed("stop", stop), as_signed("k", k)
    check(library.ungil_sum_multiples(*numbers, ctypes.byref(result)))
    return result.value


def sum(numbers: Reals, *, threads: int | None = None, control: Control | None = None) -> float:
    """Sum an array in twice the precision of its elements, and round the result once.

    Parameters
    ----------
    numbers : array_like
        A float64 array of any shape, which is read in place, or an iterable of real numbers, which is copied.
    threads : int, optional
        The number of threads, at least 1. By default `num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    float
        The sum; 0.0 for an empty array.

    Raises
    ------
    TypeError
        If `numbers` has another element type (the message shows how to convert it), or an argument has the wrong type.
    ValueError
        If `numbers` is not contiguous, `threads` is not positive, or `control` is closed.
    OverflowError
        If a number of an iterable is out of range for float64.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    Notes
    -----
    The error is at most 2**-53 relative to the sum, plus ``length**2 * 2**-105`` relative to the sum of the
    magnitudes [1]_. Infinities and NaNs give the result of IEEE 754 arithmetic. If an intermediate sum overflows, the
    result is an infinity or NaN.

    Cost: that of reading the array from memory. In the cache, 3 cycles per 8 numbers on one thread with AVX-512.

    References
    ----------
    .. [1] T. Ogita, S. M. Rump and S. Oishi, "Accurate sum and dot product", SIAM Journal on Scientific Computing 26
       (2005), 1955-1988.

    Examples
    --------
    >>> import ungil
    >>> ungil.sum([1e100, 1.0, -1e100])
    1.0
    """
    options = CallOptions.from_arguments(threads, control)
    memory, result = as_input("numbers", numbers, (FLOAT64,)), ctypes.c_double()
    source, length, reference = memory.pointer, memory.length, ctypes.byref(result)
    options.run(lambda n, handle: library.ungil_sum_f64(source, length, n, handle, reference), length * _SUM_NS, memory)
    return result.value


def _single_int(numbers: Any) -> int | None:
    """The argument as an int, if it is a single number; None for an array."""
    if isinstance(numbers, int):
        return numbers
    try:
        return operator.index(numbers)
    except TypeError:  # numpy's arrays have __index__, but it fails for more than one element
        return None


def _is_prime(number: int, options: CallOptions) -> bool:
    if number >= 1 << 64:
        raise OverflowError("numbers: %s is out of range for uint64 (%s)" % (short_repr(number), UINT64.domain))
    source, result = ctypes.c_uint64(max(number, 0)), ctypes.c_uint8()
    references = ctypes.byref(source), ctypes.byref(result)
    test = library.ungil_is_prime_u64
    options.run(lambda n, handle: test(references[0], 1, references[1], n, handle), _IS_PRIME_NS)
    return bool(result.value)
