"""Time against size: each kernel by every way there is to compute it."""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Iterator
from functools import partial
from typing import Any, Callable, NamedTuple

import numpy

import ungil
from ungil._native.library import library as default_library

from .. import answers, loops
from ..contest import Call, Calls, Contest, sizes
from ..machine import processors
from ..native import LEVELS, Native, flint_is_prime
from ..results import Row
from . import Step, Tools

TITLE = "Kernels"
ABOUT = (
    "Time against size, for every way to compute the same result. ungil is called with ctypes on numbers that are in C "
    "arrays already; the last table shows the cost of other containers. ungil, prange, pthreads and OpenMP use all "
    "processors unless a number of threads is given; the others use one. C is compiled on this machine for its "
    "processor. FLINT is the library in python-flint."
)
SMALL = "A call takes a few microseconds, most of it in ctypes, which has to pass a pointer for the result."
REFERENCE = "ungil"
REFERENCE_LEVEL = default_library.ungil_cpu_active().decode()
SECONDS = 12.0  # a step's, as a rule

Bound = Callable[[Any, int], Call]
"""From a library and a number of threads to the call."""


class Table(NamedTuple):
    """A kernel over sizes."""

    name: str
    first: int
    last: int
    quick: tuple[int, ...]
    contest: Callable[[Kernels, str, int], Contest]


def close(found: float, expected: float) -> bool:
    """Within what rounding may do to a plain sum of as many terms as are measured."""
    return math.isclose(found, expected, rel_tol=1e-9)


def pointer(numbers: numpy.ndarray) -> Any:
    return numpy.ctypeslib.as_ctypes(numbers)


class Kernels:
    """The contenders of this machine."""

    def __init__(self, tools: Tools) -> None:
        self.native, self.threads = Native(), processors()
        self.levels = {level: library for level in LEVELS if (library := self.native.ungil(level))}
        self.c = tools.find("C baselines", lambda: self.native.compiled("loops"), "gcc with OpenMP")
        self.fast = self.c and self.native.compiled("loops", "-ffast-math")
        self.numba = tools.find("numba", loops.by_numba, "pip install numba")
        self.gmpy2 = tools.package("gmpy2")
        self.flint = tools.package("flint", "python-flint")
        self.flint_in_c = tools.find("FLINT's n_is_prime", flint_is_prime, "pip install python-flint")
        if REFERENCE_LEVEL not in self.levels:
            raise RuntimeError(f"ungil does not work at {REFERENCE_LEVEL}, which it reports")
        for level in LEVELS:
            if level not in self.levels:
                tools.tell_missing(f"ungil {level}", "this processor has it not")

    def ours(self, bound: Bound) -> Calls:
        """ungil at each level, on all processors and on one thread; the highest level has the plain name."""
        calls: Calls = {}
        for level, library in reversed(self.levels.items()):
            name = REFERENCE if level == REFERENCE_LEVEL else f"{REFERENCE} {level}"
            calls[name] = bound(library, 0)
            calls[f"{name}, 1 thread"] = bound(library, 1)
        return calls

    def contest(self, table: str, n: int, calls: Calls, bound: Bound, expected: Any, **more: Any) -> Contest:
        """Of these rivals with ungil, in all its ways."""
        ours = self.ours(bound)
        everyone = {**ours, **calls}
        return Contest("kernels", table, n, everyone, expected, reference=REFERENCE, context=frozenset(ours), **more)

    def test(self, table: str, n: int) -> Contest:
        calls: Calls = {"pure Python": partial(loops.test, 0, n), "numpy": partial(loops.numpy_test, 0, n)}
        if self.numba:
            calls["numba"] = lambda: loops.wrapped(self.numba.test(0, n))
            calls["numba prange"] = lambda: loops.wrapped(self.numba.test_prange(0, n))
        if self.c:
            calls["C"] = partial(self.c.sum_loop, 0, n)
            calls["C pthreads"] = partial(self.c.sum_pthreads, 0, n, self.threads)
            calls["C OpenMP"] = partial(self.c.sum_openmp, 0, n, self.threads)
        return self.contest(table, n, calls, _written(ctypes.c_int32, "test", 0, n), answers.sum_of_multiples(n))

    def num_primes_of_all(self, table: str, n: int) -> Contest:
        numbers = numpy.arange(n, dtype=numpy.int32)
        return self.num_primes(table, numbers, int(answers.have_divisor(numbers, answers.sieve(n)).sum()), growth=1.5)

    def num_primes_of_random(self, table: str, n: int) -> Contest:
        numbers = random_numbers(n)
        return self.num_primes(table, numbers, int(answers.have_divisor(numbers, self.primality(numbers)).sum()))

    def primality(self, numbers: numpy.ndarray) -> numpy.ndarray:
        return answers.primality(numbers, self.gmpy2)

    def num_primes(self, table: str, numbers: numpy.ndarray, expected: int, growth: float = 1.0) -> Contest:
        here, n = pointer(numbers), len(numbers)
        calls: Calls = {
            "pure Python": partial(loops.num_primes, numbers.tolist()),
            "numpy": partial(loops.numpy_num_primes, numbers),
        }
        if self.numba:
            calls["numba"] = partial(self.numba.num_primes, numbers)
            calls["numba prange"] = partial(self.numba.num_primes_prange, numbers)
        if self.c:
            calls["C"] = partial(self.c.count_loop, n, here)
            calls["C pthreads"] = partial(self.c.count_pthreads, n, here, self.threads)
            calls["C OpenMP"] = partial(self.c.count_openmp, n, here, self.threads)
        return self.contest(
            table, n, calls, _written(ctypes.c_uint64, "num_primes_i32", here, n), expected, growth=growth
        )

    def pi(self, table: str, n: int) -> Contest:
        calls: Calls = {"pure Python": partial(loops.pi, n), "numpy": partial(loops.numpy_pi, n)}
        if self.numba:
            calls["numba"] = partial(self.numba.pi, n)
            calls["numba fastmath"] = partial(self.numba.pi_fast, n)
            calls["numba prange, fastmath"] = partial(self.numba.pi_prange, n)
        if self.c:
            calls["C"] = partial(self.c.pi_loop, n)
            calls["C -ffast-math"] = partial(self.fast.pi_loop, n)
            calls["C -ffast-math pthreads"] = partial(self.fast.pi_pthreads, n, self.threads)
            calls["C -ffast-math OpenMP"] = partial(self.fast.pi_openmp, n, self.threads)
        return self.contest(table, n, calls, _written(ctypes.c_double, "pi", n), answers.rectangles(n), same=close)

    def is_prime(self, table: str, n: int) -> Contest:
        numbers = odd_numbers(n)
        here, out = pointer(numbers), (ctypes.c_uint8 * n)()
        calls: Calls = {"pure Python": lambda: bytes(map(loops.is_prime, numbers.tolist()))}
        if self.gmpy2:
            calls["gmpy2"] = lambda: bytes(map(self.gmpy2.is_prime, numbers.tolist()))
        if self.flint:
            calls["python-flint"] = lambda: bytes(self.flint.fmpz(x).is_prime() for x in numbers.tolist())
        if self.c and self.flint_in_c:
            calls["FLINT in C"] = partial(_each_is_prime, self.c, self.flint_in_c, here, n, out, 1)
            calls["FLINT in C, OpenMP"] = partial(_each_is_prime, self.c, self.flint_in_c, here, n, out, self.threads)
        expected = self.primality(numbers).astype(numpy.uint8).tobytes()
        return self.contest(table, n, calls, _flags(here, n, out), expected)

    def count_primes(self, table: str, n: int) -> Contest:
        numbers = random_numbers(n)
        here, listed = pointer(numbers), numbers.tolist()
        calls: Calls = {"pure Python": lambda: sum(map(loops.is_prime, listed))}
        if self.gmpy2:
            calls["gmpy2"] = lambda: sum(map(self.gmpy2.is_prime, listed))
        if self.flint:
            calls["python-flint"] = lambda: sum(self.flint.fmpz(x).is_prime() for x in listed)
        if self.c and self.flint_in_c:
            calls["FLINT in C"] = partial(self.c.count_is_prime, self.flint_in_c, here, n, 1)
            calls["FLINT in C, OpenMP"] = partial(self.c.count_is_prime, self.flint_in_c, here, n, self.threads)
        expected = int(self.primality(numbers).sum())
        return self.contest(table, n, calls, _written(ctypes.c_uint64, "count_primes_i32", here, n), expected)

    def containers(self, table: str, n: int) -> Contest:
        """num_primes of 0 to n - 1 from what a script has them in, all that it takes included."""
        listed, packed, numbers = list(range(n)), array("i", range(n)), numpy.arange(n, dtype=numpy.int32)
        library = self.levels[REFERENCE_LEVEL]

        def by_ctypes(here: Any) -> Any:
            return _written(ctypes.c_uint64, "num_primes_i32", here, n)(library, 0)()

        ours: Calls = {
            "ungil.num_primes(list)": lambda: ungil.compat.num_primes(listed),
            "ungil.num_primes(array.array)": lambda: ungil.compat.num_primes(packed),
            "ungil.num_primes(numpy array)": lambda: ungil.compat.num_primes(numbers),
            "ungil by ctypes, (c_int * n)(*list)": lambda: by_ctypes((ctypes.c_int32 * n)(*listed)),
            "ungil by ctypes, array.array(list)": lambda: by_ctypes(
                (ctypes.c_int32 * n).from_buffer(array("i", listed))
            ),
            "ungil by ctypes, array.array": lambda: by_ctypes((ctypes.c_int32 * n).from_buffer(packed)),
            "ungil by ctypes, numpy array": lambda: by_ctypes(numbers.ctypes.data_as(ctypes.POINTER(ctypes.c_int32))),
        }
        calls: Calls = {}
        if self.c:
            calls["C OpenMP, (c_int * n)(*list)"] = lambda: self.c.count_openmp(
                n, (ctypes.c_int32 * n)(*listed), self.threads
            )
            calls["C OpenMP, array.array(list)"] = lambda: self.c.count_openmp(
                n, (ctypes.c_int32 * n).from_buffer(array("i", listed)), self.threads
            )
        if self.numba:
            calls["numba prange, numpy.array(list)"] = lambda: self.numba.num_primes_prange(
                numpy.array(listed, dtype=numpy.int32)
            )
        everyone, expected = {**ours, **calls}, int(answers.have_divisor(numbers, answers.sieve(n)).sum())
        reference = "ungil.num_primes(list)"
        return Contest("kernels", table, n, everyone, expected, reference=reference, context=frozenset(ours))


# ungil's functions write their answer to a variable, which is created once.


def _written(kind: Any, function: str, *arguments: Any) -> Bound:
    """Of ungil_<function>(*arguments, threads, no control, &out)."""

    def bound(library: Any, threads: int) -> Call:
        out = kind()
        call = partial(getattr(library, f"ungil_{function}"), *arguments, threads, 0, ctypes.byref(out))

        def answer() -> Any:
            if call() != 0:
                raise RuntimeError(library.ungil_last_error().decode())
            return out.value

        return answer

    return bound


def _flags(numbers: Any, n: int, out: Any) -> Bound:
    """Of ungil_is_prime_u64."""

    def bound(library: Any, threads: int) -> Call:
        def answer() -> bytes:
            if library.ungil_is_prime_u64(numbers, n, out, threads, 0) != 0:
                raise RuntimeError(library.ungil_last_error().decode())
            return bytes(out)

        return answer

    return bound


def _each_is_prime(c: Any, function: Any, numbers: Any, n: int, out: Any, threads: int) -> bytes:
    c.each_is_prime(function, numbers, n, out, threads)
    return bytes(out)


def random_numbers(n: int) -> numpy.ndarray:
    return numpy.random.default_rng(1).integers(0, 2**31, n, dtype=numpy.int32)


def odd_numbers(n: int) -> numpy.ndarray:
    return 2 * numpy.random.default_rng(2).integers(0, 2**63, n, dtype=numpy.uint64) + 1


TABLES = (
    Table("test: the sum of the multiples of 3 below n", 10**3, 10**9, (10**4, 10**7), Kernels.test),
    Table("num_primes: the numbers from 0 to n - 1", 10**3, 10**7, (10**4, 10**5), Kernels.num_primes_of_all),
    Table("num_primes: n random numbers below 2^31", 10**2, 10**6, (10**2, 10**4), Kernels.num_primes_of_random),
    Table("pi: n terms", 10**3, 10**9, (10**4, 10**7), Kernels.pi),
    Table("is_prime: n random odd numbers below 2^64", 10**2, 10**6, (10**3, 10**5), Kernels.is_prime),
    Table("count_primes: n random numbers below 2^31", 10**2, 10**7, (10**3, 10**6), Kernels.count_primes),
    Table("num_primes: what a script pays, n numbers", 10**3, 10**7, (10**4, 10**6), Kernels.containers),
)


def reason(row: Row) -> str:
    """Why a rival may be ahead: known for calls of a few microseconds."""
    return SMALL if REFERENCE in row.samples and row.median(REFERENCE) < 20e-6 else ""


def steps(tools: Tools) -> Iterator[Step]:
    kernels = Kernels(tools)
    for table in TABLES:
        for n in table.quick if tools.effort.is_quick else sizes(table.first, table.last):
            yield Step(f"{table.name}, {n:,}", SECONDS, partial(table.contest, kernels, table.name, n))
