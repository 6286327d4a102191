"""The README's claims, the rows of a result that support them, and the README's tables of figures."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from .results import STANDARD, Ratio, Results, Row, newest
from .text import quantity

UNMEASURED = "not measured"
README = Path(__file__).parent.parent / "README.md"


@dataclass(frozen=True)
class Claim:
    """A speed-up over a peer: how many times as long the peer takes as ungil."""

    readme_table: str
    """The table of the README that shows it."""
    what: str
    peer_text: str
    suite: str
    result_table: str
    size: float | None
    peer: str
    ours: str = "ungil"

    def row(self, results: Results) -> Row | None:
        return results.find(self.suite, self.result_table, self.size)

    def ratio(self, results: Results) -> Ratio | None:
        """None where the result does not have both."""
        row = self.row(results)
        if row is None or not {self.peer, self.ours} <= row.samples.keys():
            return None
        return row.ratio(self.peer, self.ours)

    def figure(self, results: Results) -> str:
        """The speed-up, or why there is none."""
        ratio, row = self.ratio(results), self.row(results)
        if ratio is not None:
            return figure(ratio)
        why = row.failed.get(self.peer) if row is not None else None
        return f"fails ({why.partition(':')[0]})" if why else UNMEASURED


class Source(NamedTuple):
    """A result that figures are from."""

    path: Path
    results: Results


class Sources(NamedTuple):
    """The results that the README's figures are from."""

    all_suites: Source
    interpreters: Source
    """For the suite of this name: one with the standard library's interpreters, if there is any."""

    def of(self, claim: Claim) -> Source:
        return self.interpreters if claim.suite == "interpreters" else self.all_suites

    def claims(self, readme_table: str) -> list[Claim]:
        """The claims of a table of the README, without those that need a newer Python, or a later benchmark, than was
        measured."""
        claims = [claim for claim in CLAIMS if claim.readme_table == readme_table]
        return [claim for claim in claims if claim.figure(self.of(claim).results) != UNMEASURED]


def newest_sources() -> Sources | None:
    """The newest results for the README; None if there is none of all suites."""
    found = newest()
    if found is None:
        return None
    standard = newest(lambda run: run.is_full and run.has_peer("interpreters", STANDARD))
    return Sources(Source(*found), Source(*(standard or found)))


ONE = "ungil, 1 thread"
STANDARD_TEXT = "the standard library's `InterpreterPoolExecutor`"
CLAIMS = (
    Claim("summary", "pure Python on two threads, in isolated interpreters", "the same in sequence",
          "gil", "test", 2, "pure Python in isolated interpreters · in sequence",
          "pure Python in isolated interpreters · on threads"),
    Claim("summary", "pure Python on all processors", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "pure Python on all workers", None, "processes, fork"),
    Claim("summary", "pure Python on all processors", STANDARD_TEXT,
          "interpreters", "pure Python on all workers", None, STANDARD),
    Claim("summary", "round trip of an empty task", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "an empty task there and back", 1, "processes, fork"),
    Claim("summary", "round trip of an empty task", STANDARD_TEXT,
          "interpreters", "an empty task there and back", 1, STANDARD),
    Claim("interpreters", "round trip of an empty task", "loky",
          "interpreters", "an empty task there and back", 1, "loky"),
    Claim("summary", "task with a 100 MB numpy array as its argument", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "a numpy array of n bytes, summed by the task", 10**8, "processes, fork"),
    Claim("summary", "task with a 100 MB numpy array as its argument", STANDARD_TEXT,
          "interpreters", "a numpy array of n bytes, summed by the task", 10**8, STANDARD),
    Claim("interpreters", "task with a 100 MB numpy array as its result", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "a numpy array of n bytes as the result, summed here", 10**8, "processes, fork"),
    Claim("interpreters", "`map` of 10000 small tasks", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "map of n small tasks", 10**4, "processes, fork"),
    Claim("interpreters", "`map` of 10000 small tasks", STANDARD_TEXT,
          "interpreters", "map of n small tasks", 10**4, STANDARD),
    Claim("interpreters", "the same with `chunksize=100`", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "map of n small tasks, chunksize=100", 10**4, "processes, fork"),
    Claim("interpreters", "round trip of an empty task", "`ThreadPoolExecutor`",
          "interpreters", "an empty task there and back", 1, "threads"),
    Claim("interpreters", "list of 1000 numbers there and back", STANDARD_TEXT,
          "interpreters", "a list of n numbers there and back", 1000, STANDARD),
    Claim("interpreters", "dict of 1000 texts and numbers there and back", STANDARD_TEXT,
          "interpreters", "a dict of n texts and numbers there and back", 1000, STANDARD),
    Claim("interpreters", "1 MB of bytes there and back", STANDARD_TEXT,
          "interpreters", "n bytes there and back", 10**6, STANDARD),
    Claim("interpreters", "100 MB numpy array there and back", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "a numpy array of n bytes there and back", 10**8, "processes, fork"),
    Claim("interpreters", "`map` of 10000 increments without `chunksize`", "`ThreadPoolExecutor`",
          "interpreters", "map of n increments without chunksize", 10**4, "threads"),
    Claim("interpreters", "`map` of 10000 increments without `chunksize`", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "map of n increments without chunksize", 10**4, "processes, fork"),
    Claim("interpreters", "5000 tasks submitted, then all results", "`ThreadPoolExecutor`",
          "interpreters", "n small tasks submitted, then all results", 5000, "threads"),
    Claim("interpreters", "message to another worker and back, `ungil.Queue`", "`multiprocessing.Queue`",
          "interpreters", "a message between two workers' queues, there and back", 1, "multiprocessing.Queue"),
    Claim("interpreters", "10000 messages at once, and back", "`multiprocessing.Queue`",
          "interpreters", "a message of n between two workers' queues, there and back", 10**4, "multiprocessing.Queue"),
    Claim("interpreters", "10000 messages at once, and back", "the standard library's queue of interpreters",
          "interpreters", "a message of n between two workers' queues, there and back", 10**4, STANDARD),
    Claim("interpreters", "method of an actor", "an empty task",
          "interpreters", "an empty task there and back", 1, "ungil", "ungil, a method of an actor"),
    Claim("interpreters", "start of a worker", "`ProcessPoolExecutor`, `spawn`",
          "interpreters", "start of a pool with one worker", 1, "processes, spawn"),
    Claim("summary", "start of a worker", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "start of a pool with one worker", 1, "processes, fork"),
    Claim("summary", "start of a worker", STANDARD_TEXT,
          "interpreters", "start of a pool with one worker", 1, STANDARD),
    Claim("summary", "`is_prime` of 10^6 odd 64-bit numbers, one thread", "FLINT's `n_is_prime`, called from C",
          "kernels", "is_prime: n random odd numbers below 2^64", 10**6, "FLINT in C", ONE),
    Claim("library", "`test` on two Python threads", "the same in sequence",
          "gil", "test", 2, "ungil · in sequence", "ungil · on threads"),
    Claim("library", "`test` of 10^9 numbers, one thread", "the loop in C",
          "kernels", "test: the sum of the multiples of 3 below n", 10**9, "C", ONE),
    Claim("library", "`num_primes` of the numbers below 10^6, one thread", "the loop in C",
          "kernels", "num_primes: the numbers from 0 to n - 1", 10**6, "C", ONE),
    Claim("library", "`num_primes` of 10^6 random numbers, one thread", "the loop in C",
          "kernels", "num_primes: n random numbers below 2^31", 10**6, "C", ONE),
    Claim("library", "`pi` with 10^9 terms, one thread", "the loop in C, `-ffast-math`",
          "kernels", "pi: n terms", 10**9, "C -ffast-math", ONE),
    Claim("library", "`pi` with 10^9 terms, all processors", "numba, `prange`, `fastmath`",
          "kernels", "pi: n terms", 10**9, "numba prange, fastmath"),
)  # fmt: skip


def figure(ratio: Ratio) -> str:
    """The median, or the interquartile range where the rounds vary widely."""
    return " to ".join(map(_two_digits, ratio.quartiles)) if ratio.is_wide else _two_digits(ratio.median)


def _two_digits(value: float) -> str:
    """A second run does not reproduce more digits."""
    value = float(f"{value:.2g}")
    return f"{value:,.0f}" if value >= 10 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def block(name: str, sources: Sources) -> str:
    """A table of the README, and the results that it comes from."""
    claims = sources.claims(name)
    used = list({sources.of(claim).path: sources.of(claim) for claim in claims}.values())
    ratios = [claim.ratio(sources.of(claim).results) for claim in claims]
    figures = "the median of several rounds"
    if any(ratio is not None and ratio.is_wide for ratio in ratios):
        figures += ", or their interquartile range if they vary widely"
    rows = (f"| {claim.what} | {claim.peer_text} | {claim.figure(sources.of(claim).results)} |" for claim in claims)
    lines = [
        "",
        "| | compared with | speed-up |",
        "|---|---|---|",
        *rows,
        "",
        f"The speed-up is {figures}.",
        "A value below 1 means that ungil is slower.",
        *measured_with(used),
    ]
    return "\n".join(lines)


def measured_with(sources: Sequence[Source]) -> Iterator[str]:
    """The Python and the machine of each result. A second one is that of the suite `interpreters`."""
    for source in sources:
        machine = source.results.machine
        processors = len(machine["affinity"])  # type: ignore[arg-type]
        what = "Measured" if source is sources[0] else "Comparisons with executors and loky were measured"
        yield (
            f"{what} with {machine['python']} on {processors} processors ({machine['processor']}, "
            f"{machine['cpu_level']});"
        )
        yield f"[all results]({os.path.relpath(source.path, README.parent)}) (JSON)."


def with_figures(text: str, sources: Sources) -> str:
    """The README's text with these figures. Raises ValueError if the markers of a table are missing."""
    for name in dict.fromkeys(claim.readme_table for claim in CLAIMS):
        start, end = f"<!-- figures: {name}, by `make readme` -->", "<!-- end of figures -->"
        new = f"{start}\n{block(name, sources)}\n{end}"
        text, count = re.subn(f"{re.escape(start)}.*?{re.escape(end)}", lambda _: new, text, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise ValueError(f"README.md has the marker {start} {count} times instead of once")
    return text


def update(check_only: bool) -> int:
    """Writes the figures of the newest results into the README, or checks that they are there."""
    sources = newest_sources()
    if sources is None:
        raise ValueError("no full result: run `make bench` first")
    old = README.read_text("utf-8")
    new = with_figures(old, sources)
    if check_only and new != old:
        names = ", ".join(dict.fromkeys(source.path.name for source in sources))
        print(f"the figures in README.md are not those of {names}: run `make readme`")
        return 1
    if new != old:
        README.write_text(new, "utf-8")
    return 0


def absolute(claim: Claim, results: Results) -> str:
    """The two medians."""
    row = claim.row(results)
    assert row is not None
    return f"{quantity(row.median(claim.ours), row.unit)}, {quantity(row.median(claim.peer), row.unit)}"
