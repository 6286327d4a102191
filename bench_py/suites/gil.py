"""The first experiment: the same calls in sequence, and on as many Python threads."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Iterator
from functools import partial
from typing import Any, Callable, NamedTuple

import numpy

import ungil

from .. import answers, loops
from ..contest import Contest
from ..machine import processors, threads
from ..native import Native
from . import Step, Tools

TITLE = "The GIL"
ABOUT = (
    "As many calls as threads: in sequence, then at the same time, each on a Python thread of its own. The best "
    "possible speed-up is the number of threads; under the GIL it is 1. Each contender's load has a size of its "
    "own, so that a call takes some hundredths of a second."
)

SEQUENCE, THREADS = "in sequence", "on threads"
INTERPRETERS = "pure Python in isolated interpreters"


class Answer(NamedTuple):
    """Of calls with a load of this size."""

    size: int
    values: list[Any]


class Experiment(NamedTuple):
    """A kernel: contenders take the size of the load, and which of the calls it is."""

    name: str
    contenders: dict[str, Callable[[int, int], Any]]
    right: Callable[[int], Any]
    largest: int


def same(found: Answer, right: Callable[[int], Any]) -> bool:
    expected = right(found.size)
    if isinstance(expected, int):
        return found.values == [expected] * len(found.values)
    return all(math.isclose(value, expected, rel_tol=1e-9) for value in found.values)


class Gil:
    """The contenders of this machine."""

    def __init__(self, tools: Tools) -> None:
        native = Native()
        self.target = 0.01 if tools.effort.is_quick else min(0.06, 0.24 / processors())
        self.c = tools.find("C baselines", lambda: native.compiled("loops"), "gcc with OpenMP")
        self.numba = tools.find("numba", loops.by_numba, "pip install numba")
        self.sizes: dict[tuple[str, str], int] = {}
        self.numbers = numpy.arange(20_000_000, dtype=numpy.int32)
        self.here = numpy.ctypeslib.as_ctypes(self.numbers)
        self.composites = numpy.cumsum(answers.have_divisor(self.numbers, answers.sieve(len(self.numbers))))
        self.interpreters = tools.find(
            INTERPRETERS,
            lambda: [tools.stack.enter_context(ungil.Interpreter()) for _ in range(max(threads()))],
            "CPython with a shared library",
        )

    def isolated(self, function: Callable[..., Any], arguments: Callable[[int], tuple[Any, ...]]) -> dict[str, Any]:
        if not self.interpreters:
            return {}
        return {INTERPRETERS: lambda n, i: self.interpreters[i].call(function, *arguments(n))}

    def test(self) -> Experiment:
        calls: dict[str, Callable[[int, int], Any]] = {"pure Python": lambda n, _: loops.test(0, n)}
        calls |= self.isolated(loops.test, lambda n: (0, n))
        if self.numba:
            calls["numba, nogil"] = lambda n, _: loops.wrapped(self.numba.test(0, n))
        if self.c:
            calls["C by ctypes"] = lambda n, _: self.c.sum_loop(0, n)
        calls["ungil"] = lambda n, _: ungil.compat.test(0, n, threads=1)
        return Experiment("test", calls, answers.sum_of_multiples, 2**31 - 1)

    def num_primes(self) -> Experiment:
        calls: dict[str, Callable[[int, int], Any]] = {"pure Python": lambda n, _: loops.num_primes(range(n))}
        calls |= self.isolated(loops.num_primes, lambda n: (range(n),))
        if self.numba:
            calls["numba, nogil"] = lambda n, _: self.numba.num_primes(self.numbers[:n])
        if self.c:
            calls["C by ctypes"] = lambda n, _: self.c.count_loop(n, self.here)
        calls["ungil"] = lambda n, _: ungil.compat.num_primes(self.numbers[:n], threads=1)
        return Experiment("num_primes", calls, lambda n: int(self.composites[n - 1]), len(self.numbers))

    def pi(self) -> Experiment:
        calls: dict[str, Callable[[int, int], Any]] = {"pure Python": lambda n, _: loops.pi(n)}
        calls |= self.isolated(loops.pi, lambda n: (n,))
        if self.numba:
            calls["numba, nogil"] = lambda n, _: self.numba.pi(n)
        if self.c:
            calls["C by ctypes"] = lambda n, _: self.c.pi_loop(n)
        calls["ungil"] = lambda n, _: ungil.compat.pi(n, threads=1)
        return Experiment("pi", calls, answers.rectangles, 2**31 - 1)

    def contest(self, experiment: Experiment, count: int) -> Contest:
        contenders: dict[str, Callable[[], Answer]] = {}
        for name, call in experiment.contenders.items():
            size = self.size(experiment, name)
            contenders[f"{name} · {SEQUENCE}"] = partial(in_sequence, call, size, count)
            contenders[f"{name} · {THREADS}"] = partial(on_threads, call, size, count)
        return Contest("gil", experiment.name, count, contenders, experiment.right, same=same, ours=is_ours, budget=30)

    def size(self, experiment: Experiment, name: str) -> int:
        """That of a call that takes the target's time."""
        key = experiment.name, name
        if key not in self.sizes:
            size, seconds, call = 1000, 0.0, experiment.contenders[name]
            call(size, 0)  # compiles
            while seconds < self.target and size < experiment.largest:
                size = min(2 * size, experiment.largest)
                start = time.perf_counter()
                call(size, 0)
                seconds = time.perf_counter() - start
            self.sizes[key] = size
        return self.sizes[key]


def is_ours(name: str) -> bool:
    return name.startswith(("ungil", INTERPRETERS))


def in_sequence(call: Callable[[int, int], Any], size: int, count: int) -> Answer:
    return Answer(size, [call(size, i) for i in range(count)])


def on_threads(call: Callable[[int, int], Any], size: int, count: int) -> Answer:
    values: list[Any] = [math.nan] * count

    def work(i: int) -> None:
        values[i] = call(size, i)

    workers = [threading.Thread(target=work, args=(i,)) for i in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return Answer(size, values)


def steps(tools: Tools) -> Iterator[Step]:
    gil = Gil(tools)
    counts = [2] if tools.effort.is_quick else threads()
    for experiment in (gil.test(), gil.num_primes(), gil.pi()):
        for count in counts:
            name = f"{experiment.name} on {count} threads"
            seconds = 10.0 * count * (1.0 if tools.effort.is_quick else gil.target / 0.06)
            yield Step(name, seconds, partial(gil.contest, experiment, count))
