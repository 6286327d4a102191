"""Kernels: primes, sums, and loads whose time is known, on all cores.

`numbers` is an array, of numpy, array, ctypes or anything else with contiguous memory of the right type, which is read
where it is; or an iterable of numbers, which is copied. bytes and bytearray are taken as memory of the function's first
type. Arrays may have any number of dimensions.

threads: how many threads may work, 1 or more; None for num_threads(). Results do not depend on it, to the bit.
control: a Control, by which other threads can see how far the call is, and stop it.

Errors of all: TypeError for numbers of another type, which tells how to convert them; ValueError for memory that is not
contiguous, or a parameter out of its range; OverflowError for an int that the C type does not hold; CancelledError and
TimeoutError by the control; Error for a control that another call is under.

Ctrl-C stops a long call of the main thread: KeyboardInterrupt is raised when nothing is running any more, some 10 ms
later. The control is cancelled then.
"""

from __future__ import annotations

import ctypes
import operator
from typing import TYPE_CHECKING, Any, Callable, SupportsIndex, TypeVar, overload

from ._arrays.buffers import Memory, numbers_of
from ._arrays.dtypes import BOOL, FLOAT64, INT32, INT64, UINT8, UINT64
from ._arrays.results import result_for
from ._native.call_options import MOST_THREADS, Manner, manner
from ._native.library import check, library
from ._native.scalars import integer, shown, whole
from .control import Control

if TYPE_CHECKING:
    from ._arrays.buffers import Integers, Reals

Out = TypeVar("Out")

# What an item takes at most, in nanoseconds, on one thread at the slowest CPU level, and then some for slower machines.
_NUM_PRIMES = 400  # measured 166
_IS_PRIME = 2000  # 700, of primes near 2^64
_PI = 30  # 11
_TEST = 1  # 0.3
_SUM = 4  # 0.6, in the cache

_COUNT_PRIMES: dict[str, Callable[..., int]] = {
    "int32": library.ungil_count_primes_i32,
    "int64": library.ungil_count_primes_i64,
    "uint64": library.ungil_count_primes_u64,
}
_TELL_PRIMES: dict[str, Callable[..., int]] = {
    "int64": library.ungil_is_prime_i64,
    "uint64": library.ungil_is_prime_u64,
}


def num_threads() -> int:
    """How many threads work where `threads` is None.

    Returns
    -------
    int
        The number that `set_num_threads` has set; else that of the environment's UNGIL_NUM_THREADS; else that of
        OMP_NUM_THREADS; else that of the processors that the calling thread may use.

    See Also
    --------
    set_num_threads : sets the number.

    Notes
    -----
    The environment is read once, when the package loads the library: at the first use of one of its functions. Both
    variables are numbers from 1 to 256.

    Examples
    --------
    >>> import ungil
    >>> ungil.set_num_threads(3)
    >>> ungil.num_threads()
    3
    """
    number: int = library.ungil_num_threads()
    return number


def set_num_threads(threads: SupportsIndex | None) -> None:
    """Set how many threads work where `threads` is None, in the whole process.

    Parameters
    ----------
    threads : int or None
        The number, from 1 on; above 256 it is as 256. None, or 0, goes back to what the environment says, or the
        processors: see `num_threads`.

    Raises
    ------
    ValueError
        If the number is negative. Nothing has changed then.
    TypeError
        If it is not an integer.

    See Also
    --------
    num_threads : the number.

    Notes
    -----
    The number is the library's, and so the process's: it holds for calls that begin later on any thread and in any
    interpreter, wherever it was set. The child of a fork has its parent's; a new process has it not. It is also the
    number of threads of the C functions ``test``, ``num_primes`` and ``compPi_ctypes``, which run on one if nothing is
    set, and of workers that a new `InterpreterPoolExecutor` may have. It can be set from several threads at once: the
    latest counts. threadpoolctl's ``threadpool_limits`` sets it for a while.

    Examples
    --------
    >>> import ungil
    >>> ungil.set_num_threads(2)
    >>> ungil.num_threads()
    2
    >>> ungil.set_num_threads(None)
    """
    number = 0 if threads is None else min(whole("threads", threads), MOST_THREADS)
    check(library.ungil_set_num_threads(max(number, -1)))


def num_primes(numbers: Integers, *, threads: int | None = None, control: Control | None = None) -> int:
    """How many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).

    It does *not* count primes, although its name, which articles gave it, says so: see count_primes(). It counts the
    composite numbers, but for those whose least prime factor is floor(sqrt(n)): squares of primes, products of twin
    primes, 6 and 8. range(1000000) gives 921295.

    numbers: int32.
    Cost: half a cycle a number where a table answers, else 4 cycles with AVX-512, 10 with AVX2, 80 without.
    """
    how = manner(threads, control)
    return _count(library.ungil_num_primes_i32, numbers_of("numbers", numbers, (INT32,)), how, _NUM_PRIMES)


def count_primes(numbers: Integers, *, threads: int | None = None, control: Control | None = None) -> int:
    """How many of the numbers are prime. Negative numbers are not.

    numbers: int64, uint64 or int32. An iterable with numbers from 2^63 on is taken as uint64.
    Method: that of is_prime().
    Cost: that of is_prime(); of int32, some 5 ns a number with AVX-512.
    """
    how = manner(threads, control)
    memory = numbers_of("numbers", numbers, (INT64, UINT64, INT32))
    return _count(_COUNT_PRIMES[memory.element.name], memory, how, _IS_PRIME)


@overload
def is_prime(numbers: int, *, threads: int | None = None, control: Control | None = None) -> bool: ...
@overload
def is_prime(numbers: Integers, *, out: Out, threads: int | None = None, control: Control | None = None) -> Out: ...
@overload
def is_prime(
    numbers: Integers, *, out: None = None, threads: int | None = None, control: Control | None = None
) -> Any: ...
def is_prime(numbers: Any, *, out: Any = None, threads: int | None = None, control: Control | None = None) -> Any:
    """Whether a number, or each of an array, is prime. Negative numbers are not.

    numbers: an int below 2^64, or an array of int64 or uint64. An iterable with numbers from 2^63 on is taken as
    uint64.
    out: room for as many bool or uint8 as there are numbers, which is returned then; not the numbers' own memory.
    Returns a bool for an int. For others an array of bool with the shape of numbers: numpy's, or a memoryview where
    there is no numpy.
    Method: a proof, and no probability: a strong probable prime test to base 2 and an extra strong Lucas test, which
    together no composite number below 2^64 passes (Feitsma's list of base-2 pseudoprimes, checked by Jacobsen).
    Cost: on one thread with AVX-512, some 16 ns per random odd number below 2^64, 135 ns per prime; without, three
    times as much. An int: 2 us.
    """
    how = manner(threads, control)
    number = _as_int(numbers)
    if number is not None:
        if out is not None:
            raise TypeError("out: expected None for a single number, not %s" % type(out).__name__)
        return _is_prime(number, how)
    memory = numbers_of("numbers", numbers, (INT64, UINT64))
    result, room = result_for(memory, out, (BOOL, UINT8))
    tell, length = _TELL_PRIMES[memory.element.name], memory.length
    source, target = memory.pointer, room.pointer
    how.run(lambda n, handle: tell(source, length, target, n, handle), length * _IS_PRIME, memory, room)
    return result


def pi(n: SupportsIndex, *, threads: int | None = None, control: Control | None = None) -> float:
    """The sum of 4/(1 + x^2) for x = (i - 0.5)/n, i = 0 to n-1, over n.

    It tends to the number pi as n grows, and is 2/n too large.

    n: 1 or more.
    Precision: a relative error of at most 1e-14 against exact arithmetic.
    Cost: 10^10 terms take 0.6 seconds on one core with AVX-512.
    """
    how = manner(threads, control)
    terms, result = integer("n", n), ctypes.c_double()
    reference = ctypes.byref(result)
    how.run(lambda threads, handle: library.ungil_pi(terms, threads, handle, reference), terms * _PI)
    return result.value


def test(
    start: SupportsIndex, stop: SupportsIndex, *, threads: int | None = None, control: Control | None = None
) -> int:
    """The sum of the i in range(start, stop) that 3 divides, modulo 2^32, as a number with a sign.

    It visits the whole range: it is a load whose time is linear, for watching threads. sum_multiples() is the closed
    form.

    start, stop: int32.
    Cost: linear in stop - start: at most 0.3 ns an index, 0.03 with AVX2.
    """
    how = manner(threads, control)
    first, end, result = integer("start", start, 32), integer("stop", stop, 32), ctypes.c_int32()
    reference = ctypes.byref(result)
    how.run(lambda n, handle: library.ungil_test(first, end, n, handle, reference), max(0, end - first) * _TEST)
    return result.value


def sum_multiples(start: SupportsIndex, stop: SupportsIndex, k: SupportsIndex) -> int:
    """The sum of the multiples of k in range(start, stop), in closed form.

    start, stop, k: int64; the sign of k does not matter.
    Errors: ValueError if k is 0; OverflowError if the sum is beyond int64.
    Cost: 1 us.
    """
    result = ctypes.c_int64()
    numbers = integer("start", start), integer("stop", stop), integer("k", k)
    check(library.ungil_sum_multiples(*numbers, ctypes.byref(result)))
    return result.value


def sum(numbers: Reals, *, threads: int | None = None, control: Control | None = None) -> float:
    """The sum of the numbers, as if in twice the precision, rounded once.

    numbers: float64.
    Precision: an error of at most 2^-53 relative to the sum, and length^2 * 2^-105 relative to the sum of magnitudes
    (Ogita, Rump, Oishi 2005). Infinities and NaNs give what IEEE 754 gives; a sum on the way that overflows gives an
    infinity, or NaN.
    Cost: that of reading the array, if it is not in the cache; 3 cycles per 8 numbers with AVX-512 if it is.
    """
    how = manner(threads, control)
    memory, result = numbers_of("numbers", numbers, (FLOAT64,)), ctypes.c_double()
    source, length, reference = memory.pointer, memory.length, ctypes.byref(result)
    how.run(lambda n, handle: library.ungil_sum_f64(source, length, n, handle, reference), length * _SUM, memory)
    return result.value


def _count(function: Callable[..., int], memory: Memory, how: Manner, nanoseconds: float) -> int:
    result = ctypes.c_uint64()
    source, length, reference = memory.pointer, memory.length, ctypes.byref(result)
    how.run(lambda n, handle: function(source, length, n, handle, reference), length * nanoseconds, memory)
    return result.value


def _as_int(numbers: Any) -> int | None:
    """numbers, if it is a single one: an int, or one of numpy's."""
    if isinstance(numbers, int):
        return numbers
    try:
        return operator.index(numbers)
    except TypeError:  # numpy's arrays have the method, but not the number
        return None


def _is_prime(number: int, how: Manner) -> bool:
    if number >= 1 << 64:
        raise OverflowError("numbers: %s is beyond uint64, which is %s" % (shown(number), UINT64.domain))
    source, result = ctypes.c_uint64(max(number, 0)), ctypes.c_uint8()
    references = ctypes.byref(source), ctypes.byref(result)
    how.run(lambda n, handle: library.ungil_is_prime_u64(references[0], 1, references[1], n, handle), _IS_PRIME)
    return bool(result.value)
