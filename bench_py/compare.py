"""Two results side by side. Machines differ: what is compared is how many times as long peers take as ungil."""

from __future__ import annotations

from typing import Iterator, NamedTuple, Sequence

from rich.console import Console
from rich.table import Table

from .results import Ratio, Results, Row
from .text import size_text, times


class Comparison(NamedTuple):
    """A rival's time as a multiple of ungil's, in an old run and in new ones."""

    row: Row
    rival: str
    old: Ratio
    new: Sequence[Ratio]

    def is_lost(self, bound: float) -> bool:
        """A loss above the bound that repeats itself: in every new run, in three quarters of its rounds.

        The old run's own spread counts for it: its first quartile is what is lost from.
        """
        limit = self.old.quartiles[0] * (1 - bound)
        return all(ratio.quartiles[1] < limit for ratio in self.new)

    @property
    def change(self) -> float:
        """Of the new runs, the one nearest to the old."""
        return max(ratio.median for ratio in self.new) / self.old.median - 1


def comparisons(old: Results, new: Sequence[Results]) -> Iterator[Comparison]:
    """Of the rows that all runs have."""
    for row in old.rows:
        others = [run.find(row.suite, row.table, row.size) for run in new]
        for rival, ratio in row.comparisons():
            ratios = [dict(other.comparisons()).get(rival) for other in others if other is not None]
            if len(ratios) == len(new) and all(ratios):
                yield Comparison(row, rival, ratio, [found for found in ratios if found])


def compare(old: Results, new: Sequence[Results], bound: float) -> int:
    """Prints them; 1 if there is a repeated loss above the bound. Errors: ValueError if there is nothing to compare."""
    found = list(comparisons(old, new))
    if not found:
        raise ValueError("the results have no row in common")
    console = Console(highlight=False)
    table = Table("", "beside", "old", "new", "change", title="How many times as long others take")
    for column in table.columns[2:]:
        column.justify = "right"
    for one in found:
        lost = one.is_lost(bound)
        table.add_row(
            f"{one.row.suite}: {one.row.table}, {size_text(one.row.size)}",
            one.rival,
            times(one.old.median),
            "\n".join(times(ratio.median) for ratio in one.new),
            f"{one.change:+.0%}" + (" LOSS" if lost else ""),
            style="bold red" if lost else None,
        )
    console.print(table)
    losses = [one for one in found if one.is_lost(bound)]
    console.print(
        f"{len(found)} comparisons, {len(losses)} repeated losses above {bound:.0%} "
        "(below the old run's first quartile by as much, in three quarters of the rounds of each new run)"
    )
    return 1 if losses else 0
