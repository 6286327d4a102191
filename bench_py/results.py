"""The results of a run, as a JSON file, and the statistics drawn from them.

A row is the same work by several contenders, who took turns: sample i of one belongs to the same round as sample i of
another. So ratios are taken round by round, and a machine that is slower for a while changes both sides of them.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

NAMES = ("gil", "kernels", "interpreters", "overheads")
"""Of the suites."""
STANDARD = "interpreters of the standard library"
"""The peer of *interpreters* that exists in Python 3.14 and later."""

FOLDER = Path(__file__).parent / "results"
SCHEMA = 1
MACHINE = {
    "affinity": list,
    "versions": dict,
    **dict.fromkeys(("processor", "cpu_level", "python", "ungil", "commit"), str),
}
"""The facts that every machine's description has."""
WIDE = 0.3  # quartiles that are further apart than this part of the median are reported


def anchor_of(suite_name: str, table: str) -> str:
    """The name of a table in the report's links, and of the file of its plot."""
    return re.sub(r"[^a-z0-9]+", "-", f"{suite_name} {table}".lower()).strip("-")


def quartiles(samples: Sequence[float]) -> tuple[float, float]:
    """The first and the third quartile by linear interpolation (Hyndman and Fan 1996, type 7)."""
    if len(samples) < 2:
        return samples[0], samples[0]
    first, _, third = statistics.quantiles(samples, n=4, method="inclusive")
    return first, third


def spread(samples: Sequence[float]) -> float:
    """The interquartile range divided by the median."""
    first, third = quartiles(samples)
    return (third - first) / statistics.median(samples)


# Student's t, two-sided at 95 %, by numbers of rounds (Biometrika 6, 1908); for more rounds the last holds too.
STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


@dataclass(frozen=True)
class Ratio:
    """The ratio of two times, over the rounds of a run."""

    rounds: Sequence[float]

    @property
    def median(self) -> float:
        return statistics.median(self.rounds)

    @property
    def quartiles(self) -> tuple[float, float]:
        return quartiles(self.rounds)

    @property
    def is_conclusive(self) -> bool:
        """Whether one of the two is significantly faster: the 95 % confidence interval of the mean logarithm does not
        contain 0, with at least three rounds."""
        if len(self.rounds) < 3:
            return False
        logarithms = [math.log(ratio) for ratio in self.rounds]
        t = STUDENT.get(len(logarithms), STUDENT[max(STUDENT)])
        return abs(statistics.mean(logarithms)) > t * statistics.stdev(logarithms) / math.sqrt(len(logarithms))

    @property
    def is_wide(self) -> bool:
        """Whether the interquartile range exceeds WIDE of the median: then the figure is rough."""
        return spread(self.rounds) > WIDE


@dataclass
class Row:
    """The samples of several contenders that did the same work."""

    suite: str
    table: str
    size: float
    """The value of the table's column: a count of numbers, bytes or threads."""
    unit: str
    """The unit of the samples: "s" for seconds, or "MiB"."""
    reference: str | None
    """The contender that others are compared with: ungil with its defaults, on all processors."""
    rivals: list[str]
    """The contenders that the reference should beat."""
    samples: dict[str, list[float]] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    """The number of calls per sample."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Contenders that would take too long at this size, with the expected time."""
    failed: dict[str, str] = field(default_factory=dict)
    """Peers that raised an exception, with the exception."""

    def median(self, contender: str) -> float:
        return statistics.median(self.samples[contender])

    def ratio(self, contender: str, other: str) -> Ratio:
        """The first contender's time as a multiple of the other's, in the rounds that both took part in."""
        return Ratio([a / b for a, b in zip(self.samples[contender], self.samples[other])])

    def spread(self, contender: str) -> float:
        return spread(self.samples[contender])

    def comparisons(self) -> Iterator[tuple[str, Ratio]]:
        """The measured rivals, each with its time as a multiple of the reference's."""
        if self.reference in self.samples:
            for rival in self.rivals:
                if rival in self.samples:
                    yield rival, self.ratio(rival, self.reference)


@dataclass
class Missing:
    """A missing peer, and how to install it."""

    suite: str
    peer: str
    why: str


@dataclass
class Results:
    """A run."""

    machine: dict[str, object]
    quick: bool
    started: str
    seconds: float = 0.0
    complete: bool = False
    """Whether every requested suite completed."""
    suites: list[str] = field(default_factory=list)
    """The requested suites."""
    only: str = ""
    """Only names that this regular expression matches were measured."""
    effort: dict[str, float] = field(default_factory=dict)
    """Rounds and limits, see contest.py."""
    load: dict[str, dict[str, float]] = field(default_factory=dict)
    """Per suite: the load from other processes, see machine.py."""
    failures: list[str] = field(default_factory=list)
    """Wrong answers, and suites that ended early."""
    missing: list[Missing] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    def find(self, suite: str, table: str, size: float | None = None) -> Row | None:
        """The row of this size, or of the largest size if none is given."""
        rows = [row for row in self.rows if (row.suite, row.table) == (suite, table)]
        return max((row for row in rows if size in (None, row.size)), key=lambda row: row.size, default=None)

    @property
    def is_full(self) -> bool:
        """Whether it contains everything of its suites."""
        return self.complete and not (self.quick or self.only or self.failures)

    @property
    def is_whole(self) -> bool:
        """Whether it contains everything that `make bench` measures."""
        return self.is_full and set(self.suites) == set(NAMES)

    def has_peer(self, suite: str, peer: str) -> bool:
        """Whether the peer was measured in a row of this suite."""
        return any(row.suite == suite and peer in row.samples for row in self.rows)

    def save(self, path: Path) -> None:
        """Saves atomically: the file is complete, or does not change."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"schema": SCHEMA, **asdict(self)}, indent=1, ensure_ascii=False) + "\n", "utf-8")
        os.replace(new, path)


def load(path: str | Path) -> Results:
    """Loads a result. Raises OSError, or ValueError if the file is not a result."""
    try:
        content = json.loads(Path(path).read_text("utf-8"))
        if content.pop("schema") != SCHEMA:
            raise ValueError("its schema has another number")
        rows = [Row(**row) for row in content.pop("rows")]
        missing = [Missing(**one) for one in content.pop("missing")]
        run = Results(**content, missing=missing, rows=rows)
        _check(run)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path}: not a result of `make bench`: {type(error).__name__}: {error}") from error
    return run


def _check(run: Results) -> None:
    """Raises ValueError, TypeError or KeyError for data that is not a valid result."""
    for name, kind in MACHINE.items():
        if not isinstance(run.machine[name], kind):
            raise TypeError(f"the machine's {name} is no {kind.__name__}")
    unknown = {*run.suites, *(row.suite for row in run.rows)} - set(NAMES)
    if unknown:
        raise ValueError(f"there are no such suites: {', '.join(map(str, unknown))}")
    for row in run.rows:
        for name, samples in row.samples.items():
            if not samples or not all(math.isfinite(one) and (one > 0 or row.unit != "s") for one in samples):
                raise ValueError(f"{row.table}: no samples of {name} could be {samples}")


def newest(is_wanted: Callable[[Results], bool] = lambda run: run.is_whole) -> tuple[Path, Results] | None:
    """The newest wanted run: as a rule, of those of all suites."""
    found = [(path, load(path)) for path in sorted(FOLDER.glob("*.json"))]
    wanted = [(path, run) for path, run in found if is_wanted(run)]
    return max(wanted, key=lambda one: one[1].started, default=None)


def new_path(folder: Path, date: str, host: str, quick: bool) -> Path:
    """A file name that no earlier run has. Raises ValueError if the host name is a path."""
    if "/" in host:
        raise ValueError(f"a host's name has no slash: {host}")
    name = f"{date}-{host}" + ("-quick" if quick else "")
    paths = (folder / f"{name}{suffix}.json" for suffix in ("", *(f"-{n}" for n in range(2, 1000))))
    return next(path for path in paths if not path.exists())
