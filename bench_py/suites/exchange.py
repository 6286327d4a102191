"""Rows of *interpreters*: how tasks, messages and calls are exchanged, and what that takes of the program's lock."""

from __future__ import annotations

import concurrent.futures
import importlib
import multiprocessing
import pickle
import queue
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, Callable

import numpy

import ungil

from .. import tasks
from ..contest import Contest, WrongAnswer, equal, turns
from ..lock import LockTime
from ..native import Native
from ..results import STANDARD, Row
from . import Step, Tools

if TYPE_CHECKING:
    from .interpreters import Pools

REFERENCE, THREADS = "ungil", "threads"
QUEUE_OF_PROCESSES = "multiprocessing.Queue"
PICKLE, COPY = "pickle alone", "one copy alone"
"""What any pool takes at least that has objects of its own there: the limits of rows."""
LIMITS = frozenset({PICKLE, COPY})

LIST = "a list of n numbers there and back"
DICT = "a dict of n texts and numbers there and back"
BYTES = "n bytes there and back"
ARRAY = "a numpy array of n bytes there and back"
INCREMENTS = "map of n increments without chunksize"
SUBMITTED = "n small tasks submitted, then all results"
ANSWER = "a message between two workers' queues, there and back"
MESSAGES = "a message of n between two workers' queues, there and back"
LOCK = "CPU time of a small task with the lock of the program's Python"
LOCK_OF_MAP = "CPU time of a small task of map with the lock of the program's Python"
SLEEPERS = "a task of n workers, which sleep 1 ms each in C"

NOTES = {
    LIST: "Threads hand over the object itself.",
    DICT: "Threads hand over the object itself.",
    BYTES: "Threads hand over the object itself.",
    ARRAY: "The task returns its argument, of which the program gets a copy. Threads hand over the object itself.",
    INCREMENTS: "ungil chooses chunks by the time that tasks take; the other pools send each task by itself.",
    ANSWER: (
        "Both workers have pools of their own. The standard library's queue of interpreters has no wait: its get() "
        "looks every 10 ms."
    ),
    MESSAGES: "All messages are sent before the first answer is received.",
    LOCK: (
        "Sampled at ticks of the process's CPU time. A processor has nothing to do if the program's threads need the "
        "lock for longer than its task takes: the inverse is how many tasks a second one lock allows."
    ),
    LOCK_OF_MAP: "The same, where a pool may send several calls together.",
    SLEEPERS: (
        "More workers than processors, whose tasks need no processor: so many workers could have 1,000 tasks a second "
        "each, if they are fed."
    ),
}


class Exchange:
    """The rows, with the pools of the suite."""

    def __init__(self, tools: Tools, pools: Pools) -> None:
        self.tools, self.pools = tools, pools

    def payload(
        self, table: str, size: int, data: Any, same: Callable[[Any, Any], bool] = equal, **more: Any
    ) -> Contest:
        return self.pools.contest(
            table, size, lambda pool: pool.submit(tasks.same, data).result(), data, same=same, **more
        )

    def pickled(self, table: str, size: int, data: Any) -> Contest:
        """Beside what pickle takes for the way there and the way back."""
        contest = self.payload(table, size, data)
        contest.contenders = {**contest.contenders, PICKLE: lambda: repickled(repickled(data))}
        return contest

    def list(self) -> Contest:
        return self.pickled(LIST, 1000, list(range(1000)))

    def dict(self) -> Contest:
        return self.pickled(DICT, 1000, {f"key {i}": i for i in range(1000)})

    def bytes(self) -> Contest:
        return self.payload(BYTES, 10**6, bytes(range(250)) * 4000)

    def array(self, n: int) -> Contest:
        data = tasks.words(n)
        contest = self.payload(ARRAY, n, data, numpy.array_equal, budget=30)
        contest.contenders = {**contest.contenders, COPY: data.copy}
        return contest

    def increments(self, n: int) -> Contest:
        def work(pool: Any) -> int:
            return sum(pool.map(tasks.increment, range(n)))

        return self.pools.contest(INCREMENTS, n, work, sum(range(1, n + 1)), budget=5)

    def submitted(self, n: int) -> Contest:
        return self.pools.contest(SUBMITTED, n, partial(submit_all, n), sum(range(n)), budget=5)

    def queues(self, table: str, count: int, task: Callable[..., int]) -> Contest:
        """A worker sends messages to another one and back, each in a pool of its own."""
        stack = ExitStack()

        def pair(start: Callable[[], Any], given: tuple[Any, ...]) -> Callable[[], int]:
            asking, answering = (stack.enter_context(start()) for _ in range(2))
            answering.submit(tasks.send_back, *given)
            asking.submit(tasks.loop, 1).result()
            return lambda: int(asking.submit(task, count, *given).result())

        def of(start: Callable[[], Any], make: Callable[[], Any]) -> Callable[[], int]:
            there, back = make(), make()
            contender = pair(start, (there, back))
            stack.callback(there.put, None)
            return contender

        def of_processes() -> Callable[[], int]:
            spawn = multiprocessing.get_context("spawn")
            there, back = spawn.Queue(), spawn.Queue()
            more = {"mp_context": spawn, "initializer": tasks.keep_queues, "initargs": (there, back)}
            contender = pair(partial(concurrent.futures.ProcessPoolExecutor, 1, **more), ())
            stack.callback(there.put, None)
            return contender

        contenders = {QUEUE_OF_PROCESSES: of_processes()}
        contenders[REFERENCE] = of(partial(ungil.InterpreterPoolExecutor, 1), ungil.Queue)
        contenders[THREADS] = of(partial(concurrent.futures.ThreadPoolExecutor, 1), queue.Queue)
        standard = self.pools.kinds.get(STANDARD)
        if standard:
            make = importlib.import_module("concurrent.interpreters").create_queue
            contenders[STANDARD] = of(partial(standard, 1), make)
        size, expected = 1 if task is tasks.ask else count, sum(range(count))
        more = {"calls": count, "budget": 5, "finish": stack.close}
        return self.pools.contest_among(table, size, contenders, lambda contender: contender(), expected, **more)

    def lock(self, table: str, run_all: Callable[[int, Any], int]) -> Row:
        """Only pools whose threads attach themselves to no other Python of the program."""
        row = Row("interpreters", table, 1, "s", REFERENCE, ["processes, fork", "loky"])
        lock, n = LockTime(Native()), 1000
        among = {name: pool for name, pool in self.pools.warm.items() if name in {REFERENCE, THREADS, *row.rivals}}
        row.samples = {name: [] for name in among}
        for name, pool in among.items():
            if run_all(n, pool) != sum(range(n)):
                raise WrongAnswer(f"{table}: {name}")
        for i in range(self.tools.effort.rounds):
            for name in turns(among, i):
                seconds = lock.of(partial(run_all, n, among[name]), 0.05 if self.tools.effort.is_quick else 1.0)
                row.samples[name].append(seconds / n)
        return row

    def sleepers(self, workers: int) -> Contest:
        count, started = 50 * workers, ExitStack()

        def work(pool: Any) -> int:
            futures = [pool.submit(tasks.sleep_in_c, 1000, i) for i in range(count)]
            return sum(future.result() for future in futures)

        among = {
            name: started.enter_context(kind(workers))
            for name, kind in self.pools.kinds.items()
            if name in (REFERENCE, THREADS, STANDARD)
        }
        for pool in among.values():  # a pool starts its workers with its first tasks
            work(pool)
        more = {"calls": count, "budget": 5, "finish": started.close}
        return self.pools.contest_among(SLEEPERS, workers, among, work, sum(range(count)), **more)

    def steps(self) -> Iterator[Step]:
        quick = self.tools.effort.is_quick
        yield Step(LIST, 3, self.list)
        yield Step(DICT, 3, self.dict)
        yield Step(BYTES, 3, self.bytes)
        array = 10**6 if quick else 10**8
        yield Step(ARRAY, 20, partial(self.array, array))
        yield Step(INCREMENTS, 60, partial(self.increments, 1000 if quick else 10_000))
        yield Step(SUBMITTED, 30, partial(self.submitted, 500 if quick else 5000))
        yield Step(ANSWER, 10, partial(self.queues, ANSWER, 20 if quick else 100, tasks.ask))
        yield Step(MESSAGES, 10, partial(self.queues, MESSAGES, 500 if quick else 10_000, tasks.ask_at_once))
        yield Step(LOCK, 40, partial(self.lock, LOCK, submit_all))
        yield Step(LOCK_OF_MAP, 40, partial(self.lock, LOCK_OF_MAP, map_all))
        yield Step(SLEEPERS, 20, partial(self.sleepers, 4 if quick else 64))


def repickled(data: Any) -> Any:
    return pickle.loads(pickle.dumps(data, pickle.HIGHEST_PROTOCOL))


def map_all(n: int, pool: Any) -> int:
    return sum(pool.map(tasks.same, range(n)))


def submit_all(n: int, pool: Any) -> int:
    futures = [pool.submit(tasks.same, i) for i in range(n)]
    return sum(future.result() for future in futures)
