"""The README's claims, the rows of a result that support them, and the README's tables of figures."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from .results import Ratio, Results, Row, newest
from .text import quantity

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


ONE = "ungil, 1 thread"
CLAIMS = (
    Claim("summary", "pure Python on two threads, in isolated interpreters", "the same in sequence",
          "gil", "test", 2, "pure Python in isolated interpreters · in sequence",
          "pure Python in isolated interpreters · on threads"),
    Claim("summary", "pure Python on all processors", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "pure Python on all workers", None, "processes, fork"),
    Claim("summary", "round trip of an empty task", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "an empty task there and back", 1, "processes, fork"),
    Claim("interpreters", "round trip of an empty task", "loky",
          "interpreters", "an empty task there and back", 1, "loky"),
    Claim("summary", "task with a 100 MB numpy array as its argument", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "a numpy array of n bytes, summed by the task", 10**8, "processes, fork"),
    Claim("interpreters", "task with a 100 MB numpy array as its result", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "a numpy array of n bytes as the result, summed here", 10**8, "processes, fork"),
    Claim("interpreters", "`map` of 10000 small tasks", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "map of n small tasks", 10**4, "processes, fork"),
    Claim("interpreters", "the same with `chunksize=100`", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "map of n small tasks, chunksize=100", 10**4, "processes, fork"),
    Claim("interpreters", "start of a worker", "`ProcessPoolExecutor`, `spawn`",
          "interpreters", "start of a pool with one worker", 1, "processes, spawn"),
    Claim("summary", "start of a worker", "`ProcessPoolExecutor`, `fork`",
          "interpreters", "start of a pool with one worker", 1, "processes, fork"),
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


def block(name: str, path: Path, results: Results) -> str:
    """A table of the README, and the result that it comes from."""
    link = os.path.relpath(path, README.parent)
    machine = results.machine
    processors = len(machine["affinity"])  # type: ignore[arg-type]
    ratios = [(claim, claim.ratio(results)) for claim in CLAIMS if claim.readme_table == name]
    figures = "the median of several rounds"
    if any(ratio is not None and ratio.is_wide for _, ratio in ratios):
        figures += ", or their interquartile range if they vary widely"
    rows = (
        f"| {claim.what} | {claim.peer_text} | {'not measured' if ratio is None else figure(ratio)} |"
        for claim, ratio in ratios
    )
    lines = [
        "",
        "| | compared with | speed-up |",
        "|---|---|---|",
        *rows,
        "",
        f"The speed-up is {figures}. A value below 1 means that ungil is slower.",
        f"Measured with {machine['python']} on {processors} processors ({machine['processor']}, "
        f"{machine['cpu_level']});",
        f"[all results]({link}) (JSON).",
    ]
    return "\n".join(lines)


def with_figures(text: str, path: Path, results: Results) -> str:
    """The README's text with these figures. Raises ValueError if the markers of a table are missing."""
    for name in dict.fromkeys(claim.readme_table for claim in CLAIMS):
        start, end = f"<!-- figures: {name}, by `make readme` -->", "<!-- end of figures -->"
        new = f"{start}\n{block(name, path, results)}\n{end}"
        text, count = re.subn(f"{re.escape(start)}.*?{re.escape(end)}", lambda _: new, text, flags=re.DOTALL)  # noqa: B023
        if count != 1:
            raise ValueError(f"README.md has the marker {start} {count} times instead of once")
    return text


def update(check_only: bool) -> int:
    """Writes the figures of the newest full result into the README, or checks that they are there."""
    found = newest()
    if found is None:
        raise ValueError("no full result: run `make bench` first")
    old = README.read_text("utf-8")
    new = with_figures(old, *found)
    if check_only and new != old:
        print(f"the figures in README.md are not those of {found[0].name}: run `make readme`")
        return 1
    if new != old:
        README.write_text(new, "utf-8")
    return 0


def absolute(claim: Claim, results: Results) -> str:
    """The two medians."""
    row = claim.row(results)
    assert row is not None
    return f"{quantity(row.median(claim.ours), row.unit)}, {quantity(row.median(claim.peer), row.unit)}"
