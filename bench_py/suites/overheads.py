"""What a call costs besides its work: into C, onto threads, under a control; and how soon it stops."""

from __future__ import annotations

import ctypes
import math
import threading
import time
from collections.abc import Iterator
from ctypes.util import find_library
from functools import partial
from typing import Any, Callable

import numpy

import ungil
from ungil._native import signatures
from ungil._native.library import check, library

from ..contest import Calls, Contest, WrongAnswer, sizes, timed, turns
from ..machine import processors, threads
from ..native import Native
from ..results import Row
from . import Step, Tools

TITLE = "Overheads"
ABOUT = (
    "A call that does nothing; starting work on threads, compared with OpenMP's parallel regions; a C function applied "
    "to each number, compared with an OpenMP loop; an accurate sum, compared with less accurate ones; a control; and "
    "how soon a stopped call returns."
)
REFERENCE = "ungil"

CALL = "an empty call"
LAUNCH = "an empty parallel loop over n ranges, again and again"
LAUNCH_LATER = "an empty parallel loop over n ranges, after a pause"
MAP = "erf of n numbers by libm"
SUM = "the sum of n numbers"
CONTROL = "pi of 10^6 terms, one thread"
CANCEL = "from cancel() to the call's return"
DEADLINE = "from the deadline to the call's return"

NOTES = {
    LAUNCH: (
        "OpenMP's threads spin until the next region, and all of them take part in it. ungil's workers spin for only a "
        "few microseconds. The caller does not wait for workers that have not started, and may run the whole loop."
    ),
    LAUNCH_LATER: "10 ms after the last loop, OpenMP's threads sleep too, and it waits for all of them.",
    MAP: (
        "The same libm function in the same loop, so 1 is the best possible ratio. For few numbers the start of "
        "threads dominates, and OpenMP's threads are still spinning."
    ),
    SUM: (
        "ungil's sum has about twice the precision, is rounded once, and is the same for any number of threads. "
        "math.fsum rounds once. The results of the others depend on the order. Large arrays are limited by memory."
    ),
}

PAUSE = 0.01  # seconds


class Overheads:
    """The contenders of this machine."""

    def __init__(self, tools: Tools) -> None:
        self.native, self.effort = Native(), tools.effort
        self.c = tools.find("C baselines", lambda: self.native.compiled("overheads"), "gcc with OpenMP")
        self.erf = ctypes.cast(ctypes.CDLL(find_library("m")).erf, ctypes.c_void_p)
        self.threads = processors()

    def call(self) -> Contest:
        calls: Calls = {
            "a Python function": lambda: nothing(0, 0),
            "test by ctypes": partial(library.test, 0, 0),
            "ungil.test": partial(ungil.compat.test, 0, 0),
            "ungil.is_prime of a number": lambda: int(ungil.is_prime(1)),
        }
        if self.c:
            calls["an empty C function by ctypes"] = partial(self.c.nothing, 0, 0)
        return Contest("overheads", CALL, 1, calls, 0)

    def launch(self, count: int) -> Contest:
        regions = 100
        launch = ctypes.cast(library.ungil_parallel_for, ctypes.c_void_p)
        calls = {
            REFERENCE: lambda: self.c.launch_ungil(launch, regions, count),
            "C OpenMP": lambda: self.c.launch_openmp(regions, count) or 0,
        }
        return Contest("overheads", LAUNCH, count, calls, 0, reference=REFERENCE, calls=regions)

    def launch_later(self, count: int) -> Row:
        """Each launch alone, which a mean over many calls cannot have."""
        launch = ctypes.cast(library.ungil_parallel_for, ctypes.c_void_p)
        row = Row("overheads", LAUNCH_LATER, count, "s", REFERENCE, ["C OpenMP"], {REFERENCE: [], "C OpenMP": []})
        calls: Calls = {
            REFERENCE: lambda: self.c.launch_ungil(launch, 1, count),
            "C OpenMP": lambda: self.c.launch_openmp(1, count),
        }
        for i in range(2 + 5 * self.effort.rounds):
            for name in turns(calls, i):
                time.sleep(PAUSE)
                seconds, failed = timed(calls[name])
                if failed:
                    raise RuntimeError(f"{name} gave {failed}")
                if i >= 2:  # the first ones start threads
                    row.samples[name].append(seconds)
        return row

    def map(self, n: int) -> Contest:
        numbers = numpy.linspace(-2, 2, n)
        out = numpy.empty(n)  # of all: the pages of two arrays may differ
        source, target = numpy.ctypeslib.as_ctypes(numbers), numpy.ctypeslib.as_ctypes(out)

        def ours(count: int) -> bytes:
            check(library.ungil_map_f64(self.erf, source, target, n, count, 0))
            return some(out).tobytes()

        def openmp(count: int) -> bytes:
            self.c.map_openmp(self.erf, source, target, n, count)
            return some(out).tobytes()

        expected = numpy.array([math.erf(x) for x in some(numbers)]).tobytes()
        calls = {
            REFERENCE: partial(ours, 0),
            "ungil, 1 thread": partial(ours, 1),
            "C OpenMP": partial(openmp, self.threads),
            "C, 1 thread": partial(openmp, 1),
        }
        context = frozenset({"ungil, 1 thread", "C, 1 thread"})
        return Contest("overheads", MAP, n, calls, expected, same=close_bytes, reference=REFERENCE, context=context)

    def sum(self, n: int) -> Contest:
        numbers = numpy.random.default_rng(3).random(n)
        listed = numbers.tolist()
        exact = math.fsum(listed)
        if ungil.sum(numbers) != exact:
            raise WrongAnswer(f"overheads, {SUM}, {n}: ungil gave {ungil.sum(numbers)!r}, expected {exact!r}")
        calls = {
            REFERENCE: lambda: ungil.sum(numbers),
            "ungil, 1 thread": lambda: ungil.sum(numbers, threads=1),
            "math.fsum of a list": lambda: math.fsum(listed),
            "numpy.sum": lambda: float(numpy.sum(numbers)),
            "sum of a list": lambda: sum(listed),
        }
        context = frozenset({"ungil, 1 thread"})
        return Contest(
            "overheads",
            SUM,
            n,
            calls,
            exact,
            same=lambda found, expected: math.isclose(found, expected, rel_tol=1e-9),
            reference=REFERENCE,
            context=context,
        )

    def control(self) -> Contest:
        terms = 10**6
        out, handle = ctypes.c_double(), ctypes.c_int32()
        check(library.ungil_control_new(ctypes.byref(handle)))

        def pi(control: int) -> bool:
            check(library.ungil_pi(terms, 1, control, ctypes.byref(out)))
            return math.isclose(out.value, math.pi + 2 / terms, rel_tol=1e-11)

        def new_one() -> bool:
            with ungil.Control() as control:
                return math.isclose(ungil.compat.pi(terms, threads=1, control=control), out.value)

        calls: Calls = {
            "without a control": partial(pi, 0),
            "under a control": partial(pi, handle.value),
            "ungil.pi with a new Control": new_one,
        }
        return Contest(
            "overheads",
            CONTROL,
            terms,
            calls,
            True,
            ours=lambda _: True,
            finish=lambda: check(library.ungil_control_free(handle)),
        )

    def stops(self, table: str) -> Row:
        """Every call that can be stopped, in turns."""
        calls = self.stoppable()
        row = Row("overheads", table, 2, "s", None, [], {name: [] for name in calls})
        for i in range(6 * self.effort.rounds):
            for name in turns(calls, i):
                row.samples[name].append(latency(calls[name], by_deadline=table == DEADLINE))
        return row

    def stoppable(self) -> dict[str, Callable[[int], int]]:
        """Calls that would take hours, or are made until they are stopped, on two threads.

        They take a control's handle, and give the status.
        """
        n = 2**22
        wide = numpy.ctypeslib.as_ctypes(2**63 - 1 - numpy.arange(n))
        unsigned, small = (ctypes.cast(wide, ctypes.POINTER(kind)) for kind in (ctypes.c_uint64, ctypes.c_int32))
        flags, reals = (ctypes.c_uint8 * n)(), (ctypes.c_double * n)()
        count, value = ctypes.byref(ctypes.c_uint64()), ctypes.byref(ctypes.c_double())

        def again(call: Callable[[int], int]) -> Callable[[int], int]:
            return lambda control: next(status for status in iter(lambda: call(control), None) if status != 0)

        calls = {
            "pi": lambda c: library.ungil_pi(2**62, 2, c, value),
            "num_primes": again(lambda c: library.ungil_num_primes_i32(small, n, 2, c, count)),
            "is_prime": again(lambda c: library.ungil_is_prime_u64(unsigned, n, flags, 2, c)),
            "count_primes": again(lambda c: library.ungil_count_primes_i64(wide, n, 2, c, count)),
            "sum": again(lambda c: library.ungil_sum_f64(reals, n, 2, c, value)),
        }
        if self.c:
            body, slow = (ctypes.cast(getattr(self.c, f"slow_{name}"), ctypes.c_void_p) for name in ("body", "map"))
            calls["parallel_for, 0.1 ms a range"] = lambda c: library.ungil_parallel_for(0, 2**62, 1, 2, body, None, c)
            calls["map, 0.1 ms a number"] = lambda c: library.ungil_map_f64(slow, reals, reals, n, 2, c)
        return calls


def nothing(a: int, b: int) -> int:
    return 0


def some(numbers: numpy.ndarray) -> numpy.ndarray:
    """A hundred of them, or some more."""
    return numbers[:: max(1, len(numbers) // 100)]


def close_bytes(found: bytes, expected: bytes) -> bool:
    return numpy.allclose(numpy.frombuffer(found), numpy.frombuffer(expected), rtol=1e-14, atol=1e-300)


def latency(call: Callable[[int], int], by_deadline: bool) -> float:
    """Seconds from the event to the call's return."""
    control, done, total = ctypes.c_int32(), ctypes.c_uint64(), ctypes.c_uint64()
    check(library.ungil_control_new(ctypes.byref(control)))
    outcome: list[Any] = []
    thread = threading.Thread(target=lambda: outcome.extend((call(control.value), time.perf_counter())))
    thread.start()
    while done.value == 0 and thread.is_alive():
        check(library.ungil_control_progress(control, ctypes.byref(done), ctypes.byref(total)))
    time.sleep(0.002)
    event = time.perf_counter()
    if by_deadline:
        check(library.ungil_control_set_deadline_ms(control, 1))
        event += 0.001
    else:
        check(library.ungil_control_cancel(control))
    thread.join()
    check(library.ungil_control_free(control))
    expected = signatures.UNGIL_E_TIMED_OUT if by_deadline else signatures.UNGIL_E_CANCELLED
    if outcome[:1] != [expected]:
        raise RuntimeError(f"a call that was stopped gave {outcome[:1]}, not {expected}")
    return float(outcome[1] - event)


def steps(tools: Tools) -> Iterator[Step]:
    overheads, quick = Overheads(tools), tools.effort.is_quick
    yield Step(CALL, 2, overheads.call)
    if overheads.c:
        for count in [2] if quick else threads():
            yield Step(f"{LAUNCH}, {count}", 1, partial(overheads.launch, count))
            yield Step(f"{LAUNCH_LATER}, {count}", 1, partial(overheads.launch_later, count))
        for n in (10**6,) if quick else sizes(10**3, 10**7):
            yield Step(f"{MAP}, {n:,}", 1, partial(overheads.map, n))
    for n in (10**6,) if quick else sizes(10**3, 10**7):
        yield Step(f"{SUM}, {n:,}", 1, partial(overheads.sum, n))
    yield Step(CONTROL, 1, overheads.control)
    yield Step(CANCEL, 3, partial(overheads.stops, CANCEL))
    yield Step(DEADLINE, 3, partial(overheads.stops, DEADLINE))
