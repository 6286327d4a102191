"""Pools of interpreters, compared with pools of processes and of threads."""

from __future__ import annotations

import concurrent.futures
import ctypes
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Callable

import numpy

import ungil
from ungil._native import signatures
from ungil._native.library import check, library

from .. import tasks
from ..contest import Contest, brief, sizes
from ..machine import processors
from ..results import STANDARD, Row
from . import Step, Tools, exchange, libraries
from .exchange import REFERENCE, THREADS

TITLE = "Interpreters"
ABOUT = (
    "ungil.InterpreterPoolExecutor compared with concurrent.futures.ProcessPoolExecutor (with each start method), "
    "loky, the standard library's InterpreterPoolExecutor (Python 3.14 and later, without packages such as numpy), and "
    "threads, which share everything but run one at a time under the GIL. Pools have as many workers as there are "
    "processors, from two to eight, and are warm unless their start is measured."
)
BYTES = "ungil_interp_call, bytes to bytes"
ACTOR = "ungil, a method of an actor"
REUSED = "loky, its reusable pool"

START = "start of a pool with one worker"
AGAIN = "a pool with one worker from start to end, after others"
BARE = "memory of a worker"
MEMORY = "memory of a worker that has imported numpy"
ROUND_TRIP = "an empty task there and back"
SMALL = "map of n small tasks"
CHUNKS = "map of n small tasks, chunksize=100"
ARGUMENT = "a numpy array of n bytes, summed by the task"
HANDED = "a numpy array of n bytes, handed to a task that does not read it"
RESULT = "a numpy array of n bytes as the result, summed here"
PURE = "pure Python on all workers"
NUMPY = "numpy on all workers: roots and sort of n bytes, there and back"
WHOLE = "a pool from start to end, with a short loop of pure Python a worker"

SHARED = (
    "Proportional set size: a shared page counts in equal parts for each process. A forked process shares its parent's "
    "modules until it writes to them (which includes reference counts), and all processes share the pages of their "
    "libraries. ungil's interpreters load their own; the standard library's share one libpython."
)
NOTES = {
    **exchange.NOTES,
    PURE: "The same work on the same processors: 1 is the best possible.",
    BARE: SHARED,
    MEMORY: SHARED,
    START: (
        "A forked process is a copy, so nothing has to start; but it inherits locks in any state. The standard "
        "library's interpreters share one libpython, so less has to be initialised."
    ),
    AGAIN: (
        "ungil reuses an interpreter that another pool returned. loky's get_reusable_executor() keeps its processes "
        "running, so it has no start and no end, like any pool that stays open."
    ),
    WHOLE: "Interpreters are new ones, so this includes their start.",
    HANDED: "The interpreter reads the memory in place; processes receive a copy.",
    CHUNKS: (
        "Each task makes a hundred calls, so communication counts less, and the calls themselves are the same. Threads "
        "and the standard library's interpreters ignore chunksize."
    ),
    NUMPY: "Arrays are passed to interpreters and back without copying; to processes they go through pipes.",
}

SERVE = """
import _ungil
_ungil.serve(lambda request: bytes(request))
"""


class Pools:
    """A pool of each kind, warm."""

    def __init__(self, tools: Tools) -> None:
        self.tools, self.workers = tools, min(8, max(2, processors()))
        self.kinds = self._kinds()
        self.warm: dict[str, Any] = {}
        for name in self.kinds:  # processes first: they fork while there is one thread
            if name != STANDARD:
                self._warm_up(name)

    def _warm_up(self, name: str) -> None:
        start = partial(self._started, self.kinds[name])
        if name == REFERENCE:
            self.warm[name] = start()
        elif pool := self.tools.find(f"a pool by {name}", start, "it did not start"):
            self.warm[name] = pool

    def end_standard(self, pools: Iterable[Any]) -> None:
        """End those of these pools that have interpreters of the standard library: while there are any, the child of a
        fork crashes (CPython 3.14 and 3.15)."""
        for pool in pools:
            if type(pool) is self.kinds.get(STANDARD):
                pool.shutdown()

    def _kinds(self) -> dict[str, Callable[[int], Any]]:
        kinds: dict[str, Callable[[int], Any]] = {}
        for method in ("fork", "spawn", "forkserver"):
            context = multiprocessing.get_context(method)
            kinds[f"processes, {method}"] = partial(concurrent.futures.ProcessPoolExecutor, mp_context=context)
        loky = self.tools.package("loky")
        if loky:
            kinds["loky"] = loky.ProcessPoolExecutor
        kinds[REFERENCE] = ungil.InterpreterPoolExecutor
        kinds[THREADS] = concurrent.futures.ThreadPoolExecutor
        own = self.tools.find(
            "the standard library's InterpreterPoolExecutor",
            lambda: getattr(concurrent.futures, "InterpreterPoolExecutor", None),
            "in Python 3.14 and later",
        )
        if own:
            kinds[STANDARD] = own
        return kinds

    def _started(self, kind: Callable[[int], Any]) -> Any:
        pool = self.tools.stack.enter_context(kind(self.workers))
        list(pool.map(tasks.loop, [100_000] * 4 * self.workers))
        return pool

    def contest(self, table: str, size: float, work: Callable[[Any], Any], expected: Any, **more: Any) -> Contest:
        """work(pool) with each pool."""
        if STANDARD in self.kinds and STANDARD not in self.warm:
            self._warm_up(STANDARD)
        return self.contest_among(table, size, self.warm, work, expected, **more)

    def contest_of_kinds(
        self, table: str, workers: int, work: Callable[[Any], Any], expected: Any, **more: Any
    ) -> Contest:
        """work(kind) with each kind, to start pools by; each call is a sample."""
        self.end_standard([self.warm.pop(STANDARD, None)])
        return self.contest_among(table, workers, self.kinds, work, expected, once=True, **more)

    def contest_among(
        self, table: str, size: float, among: dict[str, Any], work: Callable[[Any], Any], expected: Any, **more: Any
    ) -> Contest:
        """work(one) with each of these."""
        contenders = {name: partial(work, it) for name, it in among.items()}
        context = frozenset({THREADS, BYTES, ACTOR, REUSED}) | exchange.LIMITS
        return Contest("interpreters", table, size, contenders, expected, reference=REFERENCE, context=context, **more)

    def occupy_idle(self) -> None:
        """Interpreters that others gave back are had again at once: who measures new ones takes these away first."""
        in_use, idle = ctypes.c_int32(), ctypes.c_int32()
        check(library.ungil_interp_count(ctypes.byref(in_use), ctypes.byref(idle)))
        for _ in range(idle.value):
            self.tools.stack.enter_context(ungil.Interpreter())

    def start(self) -> Contest:
        """Pools that were started stay until the end, so that each has a new interpreter."""
        self.occupy_idle()
        started: list[Any] = []

        def start(kind: Callable[[int], Any]) -> int:
            started.append(kind(1))
            return int(started[-1].submit(abs, -1).result())

        def finish() -> None:
            for pool in started:
                pool.shutdown()

        return self.contest_of_kinds(START, 1, start, 1, before=lambda: self.end_standard(started), finish=finish)

    def again(self) -> Contest:
        def work(kind: Callable[[int], Any]) -> int:
            with kind(1) as pool:
                return int(pool.submit(abs, -1).result())

        contest = self.contest_of_kinds(AGAIN, 1, work, 1)
        loky = self.tools.package("loky")
        if loky:

            def reused() -> int:
                return int(loky.get_reusable_executor(max_workers=1).submit(abs, -1).result())

            contest.contenders = {**contest.contenders, REUSED: reused}
            contest.finish = lambda: loky.get_reusable_executor(max_workers=1).shutdown()
        return contest

    def memory(self, table: str, task: Callable[[float], Any]) -> Row:
        self.occupy_idle()
        self.end_standard([self.warm.pop(STANDARD, None)])
        row = Row("interpreters", table, self.workers, "MiB", REFERENCE, [])
        row.rivals = [name for name in self.kinds if name not in (REFERENCE, THREADS)]
        row.samples = {name: [] for name in self.kinds if name in self.warm or name == STANDARD}
        with ExitStack() as pools:  # all are open to the end, so that interpreters are new ones
            for _ in range(self.tools.effort.few):
                for name in list(row.samples):
                    before = memory_of_session()
                    pool = pools.enter_context(self.kinds[name](self.workers))
                    try:
                        list(pool.map(task, [0.1] * self.workers))  # long enough for each to have one
                    except Exception as error:
                        if name == REFERENCE:
                            raise
                        row.failed[name] = brief(error)
                        del row.samples[name]
                    else:
                        row.samples[name].append((memory_of_session() - before) / self.workers / 2**20)
                    self.end_standard([pool])
        return row

    def round_trip(self) -> Contest:
        trips = 100

        def work(pool: Any) -> int:
            return sum(pool.submit(tasks.same, i).result() for i in range(trips))

        contest = self.contest(ROUND_TRIP, 1, work, sum(range(trips)), calls=trips)
        contest.contenders = {**contest.contenders, BYTES: self.bytes_to_bytes(trips)}
        if hasattr(ungil.InterpreterPoolExecutor, "actor"):
            actor = self.warm[REFERENCE].actor(tasks.Echo)
            contest.contenders[ACTOR] = lambda: sum(actor.same(i).result() for i in range(trips))
        return contest

    def bytes_to_bytes(self, trips: int) -> Callable[[], int]:
        """An interpreter by the C functions, without the package."""
        handle, reply = ctypes.c_int32(), signatures.UngilReply()
        check(library.ungil_interp_new(None, ctypes.byref(handle)))
        self.tools.stack.callback(library.ungil_interp_free, handle)
        check(library.ungil_interp_exec(handle, SERVE.encode()))
        place = ctypes.byref(reply)

        def work() -> int:
            total = 0
            for i in range(trips):
                check(library.ungil_interp_call(handle, b"%d" % i, len(str(i)), None, 0, place))
                total += int(ctypes.string_at(reply.response, reply.length))
                check(library.ungil_reply_free(reply.handle))
            return total

        return work

    def small(self, table: str, chunksize: int, n: int) -> Contest:
        def work(pool: Any) -> int:
            return sum(pool.map(tasks.same, range(n), chunksize=chunksize))

        return self.contest(table, n, work, sum(range(n)), budget=5)

    def argument(self, n: int) -> Contest:
        data = tasks.words(n)
        return self.contest(
            ARGUMENT, n, lambda pool: pool.submit(tasks.total, data).result(), total_of_words(n), budget=30
        )

    def handed(self, n: int) -> Contest:
        data = tasks.words(n)
        return self.contest(HANDED, n, lambda pool: pool.submit(tasks.length, data).result(), n // 8, budget=30)

    def result(self, n: int) -> Contest:
        def work(pool: Any) -> int:
            return tasks.total(pool.submit(tasks.words, n).result())

        return self.contest(RESULT, n, work, total_of_words(n), budget=30)

    def pure(self, count: int) -> Contest:
        expected = [tasks.loop(count)] * self.workers

        def work(pool: Any) -> list[int]:
            return list(pool.map(tasks.loop, [count] * self.workers))

        return self.contest(PURE, self.workers, work, expected)

    def numpy(self, n: int) -> Contest:
        data = [numpy.random.default_rng(i).random(n // 8) for i in range(self.workers)]
        expected = [float(numpy.sqrt(numpy.median(numbers))) for numbers in data]

        def work(pool: Any) -> list[float]:
            return [float(numpy.median(numbers)) for numbers in pool.map(tasks.sorted_roots, data)]

        def same(found: list[float], expected: list[float]) -> bool:
            return numpy.allclose(found, expected, rtol=1e-3)  # the median of two roots, and the root of a median

        return self.contest(NUMPY, n, work, expected, same=same)

    def whole(self, count: int) -> Contest:
        expected = [tasks.loop(count)] * self.workers

        def work(kind: Callable[[int], Any]) -> list[int]:
            with kind(self.workers) as pool:
                return list(pool.map(tasks.loop, [count] * self.workers))

        return self.contest_of_kinds(WHOLE, self.workers, work, expected, before=self.occupy_idle, budget=5)


def total_of_words(size: int) -> int:
    """The sum of `tasks.words` of so many bytes."""
    return (size // 8) * (size // 8 - 1) // 2


def memory_of_session() -> int:
    """Bytes of all processes of this suite, each page in parts by who has it (PSS)."""
    total = 0
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and os.getsid(int(entry.name)) == os.getsid(0):
                lines = (entry / "smaps_rollup").read_text().splitlines()
                total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) << 10
        except (OSError, StopIteration):
            continue  # it has just ended
    return total


def steps(tools: Tools) -> Iterator[Step]:
    quick = tools.effort.is_quick
    pools = Pools(tools)
    yield Step(START, 10, pools.start)
    if not quick:
        yield Step(AGAIN, 10, pools.again)
        yield Step(BARE, 10, partial(pools.memory, BARE, time.sleep))
    yield Step(MEMORY, 10, partial(pools.memory, MEMORY, tasks.sleep_with_numpy))
    yield Step(ROUND_TRIP, 5, pools.round_trip)
    tasks_of_map = 1000 if quick else 10_000
    yield Step(SMALL, 60, partial(pools.small, SMALL, 1, tasks_of_map))
    yield Step(CHUNKS, 5, partial(pools.small, CHUNKS, 100, tasks_of_map))
    yield from exchange.Exchange(tools, pools).steps()
    for n in (10**3, 10**7) if quick else sizes(10**3, 10**9):
        yield Step(f"{ARGUMENT}, {n:,}", 1 + n / 2e7, partial(pools.argument, n))
        if not quick and n < 10**9:
            yield Step(f"{HANDED}, {n:,}", 1 + n / 2e7, partial(pools.handed, n))
        yield Step(f"{RESULT}, {n:,}", 1 + n / 2e7, partial(pools.result, n))
    yield Step(PURE, 20, partial(pools.pure, 200_000 if quick else 4_000_000))
    for n in (800_000,) if quick else (800_000, 8_000_000, 80_000_000):
        yield Step(f"{NUMPY}, {n:,}", 10, partial(pools.numpy, n))
    if not quick:
        yield Step(WHOLE, 20, partial(pools.whole, 1_500_000))
    yield from libraries.steps(tools)
