"""How the same work by several contenders is measured.

Every contender is called until it is warm, and its answers are checked. Then come rounds: in each of them each
contender that has a part in it gives one sample, the mean of as many calls as fill some hundredths of a second, the
last of whose answers is checked; and who is first changes from round to round.
"""

from __future__ import annotations

import itertools
import math
import reprlib
import time
from dataclasses import dataclass, field
from typing import Any, Callable, Iterable, Iterator, Mapping, NamedTuple

from .results import Row

Call = Callable[[], Any]
Calls = dict[str, Call]

SETTLE = 0.01  # seconds between contenders: OpenMP's threads spin for some milliseconds behind a region
WARM = 1.5  # seconds below which a first call is made again


class WrongAnswer(Exception):
    """A contender gave another answer than the one expected: nothing that was measured counts."""


@dataclass(frozen=True)
class Effort:
    """How much time a run takes."""

    rounds: int
    sample: float
    """Seconds that a sample fills, at least."""
    limit: float
    """Seconds that a call may take; a contender that would take longer is left out, and the result says so."""
    long: float
    """Seconds; a contender whose sample takes longer has a part in few rounds only."""
    few: int
    is_quick: bool = False


FULL = Effort(rounds=7, sample=0.03, limit=5.0, long=0.5, few=3)
QUICK = Effort(rounds=3, sample=0.002, limit=0.2, long=0.05, few=1, is_quick=True)


def equal(found: Any, expected: Any) -> bool:
    return bool(found == expected)


@dataclass
class Contest:
    """The same work by several contenders."""

    suite: str
    table: str
    size: float
    contenders: Mapping[str, Call]
    """Calls without arguments that give an answer."""
    expected: Any
    same: Callable[[Any, Any], bool] = equal
    """Whether an answer is the expected one."""
    reference: str | None = None
    context: frozenset[str] = frozenset()
    """Contenders that are no rivals of the reference: other ways to use ungil, or what does less."""
    ours: Callable[[str], bool] = lambda name: name.startswith("ungil")
    """Whether a contender is ungil, in any way: its failure is the run's, a peer's is noted."""
    calls: float = 1.0
    """How many calls of what is measured a contender makes: samples are divided by it."""
    growth: float = 1.0
    """Of a call's time with its size: time ~ size^growth, to tell who would take too long at the next size."""
    budget: float | None = None
    """Seconds that a call may take here, where the effort's limit is not right."""
    once: bool = False
    """Whether a sample is one call: where a call leaves something behind."""
    before: Callable[[], None] = lambda: None
    """What is to be done before each sample, and is not measured."""
    finish: Callable[[], None] = lambda: None
    """What is to be done when it has been measured."""

    def row(self) -> Row:
        rivals = [name for name in self.contenders if name != self.reference and name not in self.context]
        rivals = rivals if self.reference else []
        return Row(self.suite, self.table, self.size, "s", self.reference, rivals)


class Part(NamedTuple):
    """A contender's part in a contest: calls a sample, and rounds."""

    repeats: int
    rounds: int


@dataclass
class Measuring:
    """Measures contests, one after the other, and remembers how long each contender took at the last size."""

    effort: Effort
    _last: dict[tuple[str, str], tuple[float, float]] = field(default_factory=dict)

    def measure(self, contest: Contest) -> Row:
        """Errors: WrongAnswer; what ungil itself raises. Where a peer raises, the row says so."""
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
        """Seconds, by what it took at the size before; 0 if there was none."""
        size, seconds = self._last.get((contest.table, name), (0, 0.0))
        return seconds * (contest.size / size) ** contest.growth if size else 0.0

    def _warm(self, contest: Contest, name: str) -> float:
        """Seconds that a call takes when it has compiled, imported, started threads and touched its memory: those of
        the last of ever more calls, until they fill a sample."""
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
        """That of a contender whose call takes so long."""
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
    """All of them, in the order of round i: another one is the first in each round."""
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


def _fail(contest: Contest, row: Row, name: str, error: Exception) -> None:
    if contest.ours(name):
        raise error
    row.failed[name] = f"{type(error).__name__}: {error}"
    row.samples.pop(name, None)


def _seconds(contest: Contest, name: str, repeats: int) -> float:
    """The mean of so many calls. Errors: WrongAnswer."""
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
