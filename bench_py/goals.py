"""The goals of exchanging tasks, messages and calls: how fast ungil is to be beside others, and whether it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from .claims import Claim
from .results import STANDARD, Ratio, Results, Row
from .text import quantity, size_text

BEFORE = "ungil, before"
"""Another result's time of ungil."""
THREADS, FORK = "threads", "processes, fork"
ACTOR = "ungil, a method of an actor"


@dataclass(frozen=True)
class Goal:
    """A speed-up that is wanted."""

    table: str
    """Of the suite `interpreters`; the row of its largest size counts."""
    peer: str
    wanted: float
    """How many times as long the peer is to take as ungil, at least."""
    ours: str = "ungil"
    limit: str = ""
    """What takes a part of ungil's time that cannot be avoided: it limits the speed-up."""

    @property
    def claim(self) -> Claim:
        return Claim("", self.table, self.peer, "interpreters", self.table, None, self.peer, self.ours)

    def ratio(self, results: Results, before: Results | None) -> Ratio | None:
        """None where the results do not have both."""
        if self.peer != BEFORE:
            return self.claim.ratio(results)
        row, old = self.claim.row(results), self.claim.row(before) if before else None
        if row is None or old is None or (row.size != old.size):
            return None
        median = old.median(self.ours)  # rounds of different runs do not belong together
        return Ratio([median / one for one in row.samples[self.ours]])


PICKLE, COPY = "pickle alone", "one copy alone"
TRIP = "an empty task there and back"
MAP = "map of n increments without chunksize"
LOCK = "CPU time of a small task with the lock of the program's Python"
LOCK_OF_MAP = "CPU time of a small task of map with the lock of the program's Python"
SLEEPERS = "a task of n workers, which sleep 1 ms each in C"
ANSWER = "a message between two workers' queues, there and back"
MESSAGES = "a message of n between two workers' queues, there and back"
PROCESS_QUEUE = "multiprocessing.Queue"
GOALS = (
    Goal(TRIP, THREADS, 1 / 1.5),
    Goal(TRIP, STANDARD, 3),
    Goal(TRIP, FORK, 6),
    Goal("a list of n numbers there and back", STANDARD, 1.3, limit=PICKLE),
    Goal("a dict of n texts and numbers there and back", STANDARD, 1.3, limit=PICKLE),
    Goal("n bytes there and back", STANDARD, 1),
    Goal("a numpy array of n bytes there and back", FORK, 100, limit=COPY),
    Goal(MAP, THREADS, 2),
    Goal(MAP, FORK, 20),
    Goal("n small tasks submitted, then all results", THREADS, 1 / 2),
    Goal(ANSWER, PROCESS_QUEUE, 10),
    Goal(ANSWER, STANDARD, 2),
    Goal(MESSAGES, PROCESS_QUEUE, 10),
    Goal(MESSAGES, STANDARD, 2),
    Goal(TRIP, "ungil", 1 / 1.1, ACTOR),  # as fast as a task, but for what rounds differ by
    Goal(LOCK, BEFORE, 4),
    Goal(LOCK_OF_MAP, BEFORE, 4),
)
RATES = (LOCK, LOCK_OF_MAP, SLEEPERS)
"""Tables whose times are told as tasks a second, too."""


def pattern() -> str:
    """Matches the names of the steps that the goals and rates are about."""
    return "^(%s)(,|$)" % "|".join(re.escape(table) for table in dict.fromkeys([*(g.table for g in GOALS), *RATES]))


class Verdict(NamedTuple):
    """What a result says of a goal."""

    goal: Goal
    row: Row | None
    ratio: Ratio | None
    is_reached: bool
    text: str


def verdicts(results: Results, before: Results | None = None) -> Iterator[Verdict]:
    for goal in GOALS:
        row, ratio = goal.claim.row(results), goal.ratio(results, before)
        if ratio is not None:
            is_reached = ratio.median >= goal.wanted
            yield Verdict(goal, row, ratio, is_reached, "ok" if is_reached else "MISSED" + _limit(goal, row))
        elif row is not None and goal.peer in row.left_out:
            yield Verdict(goal, row, None, True, "ok: it " + row.left_out[goal.peer])
        elif goal.peer == BEFORE and row is not None:
            yield Verdict(goal, row, None, True, "compare it: BEFORE=a result from before")
        else:
            yield Verdict(goal, row, None, True, goal.claim.figure(results))


def show(results: Results, before: Results | None = None) -> int:
    """Prints the goals and what was found, as Markdown. Returns 1 if one is missed."""
    found, machine = list(verdicts(results, before)), results.machine
    print(f"\n{machine['python']}, {machine['processor']}, {machine['commit']}, {results.started}\n")
    print("| | beside | wanted | found | ungil | the other | |\n|---|---|---|---|---|---|---|")
    for goal, row, ratio, _, text in found:
        what = goal.table + (f", {size_text(row.size)}" if row is not None and row.size > 1 else "")
        what += f": {goal.ours}" if goal.ours != "ungil" else ""
        times = " | ".join(_time(row, name) for name in (goal.ours, goal.peer))
        print(f"| {what} | {goal.peer} | {goal.wanted:.3g} | {_ratio(ratio)} | {times} | {text} |")
    print("\nHow many times as long the other takes as ungil: the median, and the interquartile range, of the rounds.")
    for name in RATES:
        row = results.find("interpreters", name)
        if row is not None:
            print(f"{row.table}, {size_text(row.size)}: {', '.join(_rates(row))}")
    return 0 if all(verdict.is_reached for verdict in found) else 1


def _limit(goal: Goal, row: Row | None) -> str:
    """How many times as long the peer takes as the limit."""
    if row is None or goal.limit not in row.samples or goal.peer not in row.samples:
        return ""
    most = row.median(goal.peer) / row.median(goal.limit)
    return f": {goal.limit} takes {_time(row, goal.limit)}, so {most:.3g} at most"


def _ratio(ratio: Ratio | None) -> str:
    if ratio is None:
        return ""
    first, third = ratio.quartiles
    return f"{ratio.median:.3g} ({first:.3g} to {third:.3g})"


def _time(row: Row | None, name: str) -> str:
    return quantity(row.median(name), row.unit) if row is not None and name in row.samples else "–"


def _rates(row: Row) -> Sequence[str]:
    return [f"{name} {1 / row.median(name):,.0f} a second" for name in row.samples]
