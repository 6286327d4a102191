"""Compares results by ratios, the peers' times divided by ungil's, because machines differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

from .results import Ratio, Results, Row
from .text import size_text, times

ROUNDS = 3  # a ratio of fewer is not compared: rows of a quick run may have one


class Comparison(NamedTuple):
    """A rival's time as a multiple of ungil's, in an old run and in new ones."""

    row: Row
    rival: str
    old: Ratio
    new: Sequence[Ratio]

    def losses(self, bound: float) -> int:
        """The number of new runs in which three quarters of the rounds are below the old run's first quartile by more
        than the bound."""
        limit = self.old.quartiles[0] * (1 - bound)
        return sum(ratio.quartiles[1] < limit for ratio in self.new)

    def is_repeated_loss(self, bound: float) -> bool:
        return self.losses(bound) == len(self.new) > 1


def comparisons(old: Results, new: Sequence[Results]) -> Iterator[Comparison]:
    """Compares the rows that all runs have and that have enough rounds."""
    for row in old.rows:
        others = [run.find(row.suite, row.table, row.size) for run in new]
        for rival, ratio in row.comparisons():
            found = [dict(other.comparisons()).get(rival) for other in others if other is not None]
            ratios = [one for one in (ratio, *found) if one is not None and len(one.rounds) >= ROUNDS]
            if len(ratios) == 1 + len(new):
                yield Comparison(row, rival, ratio, ratios[1:])


def compare(old: Results, new: Sequence[Results], bound: float) -> int:
    """Prints the comparison. Returns 1 if a loss above the bound is in each of at least two new runs.

    Raises ValueError for runs that cannot be compared.
    """
    _check(old, new)
    found = list(comparisons(old, new))
    if not found:
        raise ValueError("the results have no row in common that was measured in three rounds")
    console = Console(highlight=False)
    table = Table("", "compared with", "old", "new", "", title="How many times as long others take")
    for column in table.columns[2:4]:
        column.justify = "right"
    for one in found:
        losses, is_repeated = one.losses(bound), one.is_repeated_loss(bound)
        table.add_row(
            f"{one.row.suite}: {one.row.table}, {size_text(one.row.size)}",
            one.rival,
            times(one.old.median),
            "\n".join(times(ratio.median) for ratio in one.new),
            "LOSS" if is_repeated else f"lost in {losses} of {len(new)}" if losses else "",
            style="bold red" if is_repeated else None,
        )
    console.print(table)
    for name, run in (("old", old), *(("new", run) for run in new)):
        machine = run.machine
        console.print(f"{name}: {run.started}, {machine['processor']}, {machine['python']}, {machine['commit']}")
    everything = sum(1 for row in old.rows for _ in row.comparisons())
    repeated = sum(one.is_repeated_loss(bound) for one in found)
    console.print(
        f"{len(found)} of {everything} comparisons are in all of them, with three rounds or more. {repeated} repeated "
        f"losses: three quarters of the rounds of each new run are more than {bound:.0%} below the old run's first "
        "quartile."
    )
    if len(new) == 1:
        console.print("One new run shows no repeated loss: give a second one.")
    return 1 if repeated else 0


def _check(old: Results, new: Sequence[Results]) -> None:
    runs = [old, *new]
    if len({run.started for run in new}) < len(new):
        raise ValueError("a new run is given twice: what repeats in it does not repeat")
    for run in runs:
        if run.failures or not run.complete:
            raise ValueError(f"the run of {run.started} failed, or is not complete")
    for what, values in (
        ("quick and full runs", {run.quick for run in runs}),
        ("CPU levels", {run.machine["cpu_level"] for run in runs}),
    ):
        if len(values) > 1:
            raise ValueError(f"different {what} are not to be compared")
