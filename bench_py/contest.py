"""Measures several contenders that do the same work.

Every contender is called until it is warm, and its answers are checked. Then come rounds. In each round a contender
gives one sample: the mean of as many calls as fill some hundredths of a second. The answer of the last call is checked.
Each round starts with another contender.
"""

from __future__ import annotations

import itertools
import math
import reprlib
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, NamedTuple

from .results import Row

Call = Callable[[], Any]
Calls = dict[str, Call]

SETTLE = 0.01  # seconds between contenders: OpenMP's threads spin for some milliseconds behind a region
BRIEF = 200  # characters of an exception's message
WARM = 1.5  # seconds below which a first call is made again


class WrongAnswer(Exception):
    """A contender gave a wrong answer, so none of the measurements count."""


@dataclass(frozen=True)
class Effort:
    """How much is measured, and with it the duration of a run."""

    rounds: int
    sample: float
    """The minimum duration of a sample in seconds."""
    limit: float
    """The maximum duration of a call in seconds. The result lists slower contenders as left out."""
    long: float
    """A contender whose sample takes longer, in seconds, takes part in `few` rounds only."""
    few: int
    is_quick: bool = False


FULL = Effort(rounds=7, sample=0.03, limit=5.0, long=0.5, few=3)
QUICK = Effort(rounds=3, sample=0.002, limit=0.2, long=0.05, few=1, is_quick=True)


def equal(found: Any, expected: Any) -> bool:
    return bool(found == expected)


@dataclass
class Contest:
    """Several contenders that do the same work."""

    suite: str
    table: str
    size: float
    contenders: Mapping[str, Call]
    """Functions without arguments that return an answer."""
    expected: Any
    same: Callable[[Any, Any], bool] = equal
    """Whether an answer is the expected one."""
    reference: str | None = None
    context: frozenset[str] = frozenset()
    """Contenders that are not rivals: other ways to use ungil, or ones that do less."""
    ours: Callable[[str], bool] = lambda name: name.startswith("ungil")
    """Whether a contender is some form of ungil: its failure fails the run; a peer's failure is noted in the row."""
    calls: float = 1.0
    """How many measured calls a contender's function makes; samples are divided by it."""
    growth: float = 1.0
    """time ~ size^growth: predicts which contenders would take too long at the next size."""
    budget: float | None = None
    """The maximum duration of a call in seconds, if it differs from the effort's limit."""
    once: bool = False
    """Whether a sample is a single call, because calls have lasting effects."""
    before: Callable[[], None] = lambda: None
    """Called before each sample; not measured."""
    finish: Callable[[], None] = lambda: None
    """Called at the end of the contest."""

    def row(self) -> Row:
        rivals = [name for name in self.contenders if name != self.reference and name not in self.context]
        rivals = rivals if self.reference else []
        return Row(self.suite, self.table, self.size, "s", self.reference, rivals)


class Part(NamedTuple):
    """A contender's calls per sample and its number of rounds."""

    repeats: int
    rounds: int


@dataclass
class Measuring:
    """Measures contests in sequence, and remembers how long each contender took at the previous size."""

    effort: Effort
    _last: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def measure(self, contest: Contest) -> Row:
        """Raises WrongAnswer, and what ungil raises. A peer's exception is noted in the row."""
        try:
            return self._measure(contest)
        finally:
            contest.finish()

    def _measure(self, contest: Contest) -> Row:
        row = contest.row()
        parts: dict[str, Part] = {}
        for name in contest.contenders:
            limit = contest.budget or self.effort.limit
            expected = self._expected(contest, name)
            if expected > limit:
                row.left_out[name] = f"would take about {expected:.2g} s a call"
                continue
            try:
                seconds = self._warm(contest, name)
            except WrongAnswer:
                raise
            except Exception as error:
                _fail(contest, row, name, error)
                continue
            self._last[contest.table, name] = contest.size, seconds
            if seconds > limit:
                row.left_out[name] = f"takes {seconds:.2g} s a call"
                continue
            parts[name] = self._part(contest, seconds)
            row.samples[name], row.calls[name] = [], parts[name].repeats
        self._rounds(contest, parts, row)
        for name, samples in row.samples.items():
            self._last[contest.table, name] = contest.size, min(samples) * contest.calls
        return row

    def _expected(self, contest: Contest, name: str) -> float:
        """The expected seconds, from the previous size; 0 if there was none."""
        size, seconds = self._last.get((contest.table, name), (0, 0.0))
        return seconds * (contest.size / size) ** contest.growth if size else 0.0

    def _warm(self, contest: Contest, name: str) -> float:
        """The seconds of a warm call, after compilation, imports, and the start of threads: of the last of ever larger
        numbers of calls, up to a sample's length."""
        contest.before()
        seconds = _seconds(contest, name, 1)
        if contest.once or seconds > WARM:
            return seconds
        seconds, repeats = _seconds(contest, name, 1), 1
        while repeats * seconds < self.effort.sample / 2:
            repeats = max(repeats + 1, min(8 * repeats, round(self.effort.sample / max(seconds, 1e-8))))
            seconds = _seconds(contest, name, repeats)
        return seconds

    def _part(self, contest: Contest, seconds: float) -> Part:
        """The share of a contender whose call takes this long."""
        repeats = 1 if contest.once else math.ceil(self.effort.sample / max(seconds, 1e-8))
        is_long = repeats * seconds >= self.effort.long
        return Part(repeats, self.effort.few if is_long else self.effort.rounds)

    def _rounds(self, contest: Contest, parts: Mapping[str, Part], row: Row) -> None:
        for i in range(self.effort.rounds):
            for name in turns(parts, i):
                if i >= parts[name].rounds or name in row.failed:
                    continue
                contest.before()
                time.sleep(SETTLE)
                try:
                    row.samples[name].append(_seconds(contest, name, parts[name].repeats) / contest.calls)
                except WrongAnswer:
                    raise
                except Exception as error:
                    _fail(contest, row, name, error)


def turns(contenders: Iterable[str], i: int) -> list[str]:
    """All contenders in the order of round i, which starts with another one in each round."""
    names = list(contenders)
    first = i % max(1, len(names))
    return names[first:] + names[:first]


def timed(call: Call, repeats: int = 1) -> tuple[float, Any]:
    """(mean seconds, the last call's answer)."""
    answer = None
    start = time.perf_counter()
    for _ in itertools.repeat(None, repeats):
        answer = call()
    return (time.perf_counter() - start) / repeats, answer


def brief(error: Exception) -> str:
    """An exception in one line. Of a long message that is its last line: what was raised, if a traceback is quoted."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = " ".join(lines)
    return f"{type(error).__name__}: {text if len(text) <= BRIEF else textwrap.shorten(lines[-1], BRIEF)}"


def _fail(contest: Contest, row: Row, name: str, error: Exception) -> None:
    if contest.ours(name):
        raise error
    row.failed[name] = brief(error)
    row.samples.pop(name, None)


def _seconds(contest: Contest, name: str, repeats: int) -> float:
    """The mean of this many calls. Raises WrongAnswer."""
    seconds, answer = timed(contest.contenders[name], repeats)
    if not contest.same(answer, contest.expected):
        found, right = reprlib.repr(answer), reprlib.repr(contest.expected)
        raise WrongAnswer(f"{contest.suite}, {contest.table}, {contest.size:g}: {name} gave {found}, expected {right}")
    return seconds


def sizes(first: int, last: int, factor: int = 10) -> Iterator[int]:
    """first, first * factor, ... up to last."""
    while first <= last:
        yield first
        first *= factor
