"""Plots the tables of a result."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import matplotlib

matplotlib.use("agg")

from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter

from .results import Ratio, Row, quartiles
from .suites.gil import SEQUENCE, THREADS
from .text import times

WIDTH = 4.6  # inches: on a telephone a plot is as wide as the screen, and has to be readable

pyplot.rcParams.update(
    {
        "font.size": 9.5,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "grid.color": "#e4e4e4",
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.fontsize": 8,
    }
)

# Colours that colour-blind readers can tell apart (Okabe and Ito 2008): one for each family, ungil's the strongest.
OURS = "#d55e00"
FAMILIES = (
    ("ungil", OURS),
    ("pure Python in isolated", OURS),
    ("pure Python", "#8c8c8c"),
    ("threads", "#8c8c8c"),
    ("numpy", "#0072b2"),
    ("processes", "#0072b2"),
    ("numba", "#009e73"),
    ("gmpy2", "#cc79a7"),
    ("loky", "#cc79a7"),
    ("interpreters of the standard", "#009e73"),
    ("python-flint", "#e69f00"),
    ("FLINT", "#e69f00"),
    ("C", "#222222"),
)
STYLES = ("-", "--", ":", "-.", (0, (5, 1)), (0, (1, 3)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = "osD^vPX"


class Style:
    """Line styles for a plot's contenders: one colour per family, and different styles within it."""

    def __init__(self, contenders: Sequence[str]) -> None:
        families: dict[str, int] = {}
        self._styles = {}
        for name in sorted(contenders, key=len):  # the plain name first: it gets the solid line
            colour = next((colour for start, colour in FAMILIES if name.startswith(start)), "#666666")
            number = families.setdefault(colour, 0)
            families[colour] += 1
            self._styles[name] = {
                "color": colour,
                "linestyle": STYLES[number % len(STYLES)],
                "marker": MARKERS[number % len(MARKERS)],
                "linewidth": 2.2 if name == "ungil" else 1.2,
                "markersize": 5 if name == "ungil" else 3.5,
                "zorder": 3 if colour == OURS else 2,
            }

    def __getitem__(self, name: str) -> Mapping[str, object]:
        return self._styles[name]

    def colour(self, name: str) -> str:
        return str(self._styles[name]["color"])


def plot(rows: Sequence[Row], unit_of_size: str) -> Figure:
    """The plot of a table's rows."""
    if rows[0].suite == "gil":
        return speed_ups(rows)
    if len({row.size for row in rows}) > 1:
        return over_sizes(rows, unit_of_size)
    return bars(rows[0]) if rows[0].reference in rows[0].samples else distributions(rows[0])


def contenders_of(rows: Sequence[Row]) -> list[str]:
    """All contenders, ordered by their times at their largest size, slowest first."""
    last: dict[str, tuple[float, float]] = {}
    for row in rows:
        for name in row.samples:
            last[name] = row.size, row.median(name)
    return sorted(last, key=lambda name: last[name][1] / last[name][0], reverse=True)


def over_sizes(rows: Sequence[Row], unit_of_size: str) -> Figure:
    """Medians against size on logarithmic axes, with the quartiles as a band."""
    names = contenders_of(rows)
    style = Style(names)
    figure, axes = _figure(2.9 + 0.17 * -(-len(names) // 2))
    for name in names:
        points = [(row.size, row.median(name), *quartiles(row.samples[name])) for row in rows if name in row.samples]
        sizes, medians, first, third = zip(*points)
        axes.plot(sizes, medians, label=name, **style[name])
        axes.fill_between(sizes, first, third, color=style.colour(name), alpha=0.15, linewidth=0)
    axes.set(xscale="log", yscale="log", xlabel=unit_of_size)
    axes.xaxis.set_major_formatter(EngFormatter())
    _time_axis(axes, "y")
    axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.17), ncols=2)
    return figure


def bars(row: Row) -> Figure:
    """Medians as multiples of the reference's, with the quartiles of the rounds' ratios."""
    names = sorted(row.samples, key=row.median, reverse=True)
    ratios = [row.ratio(name, row.reference or name) for name in names]
    style = Style(names)
    figure, axes = _lines(names)
    ends = [_bar(axes, i, ratio, style.colour(name)) for i, (name, ratio) in enumerate(zip(names, ratios))]
    for i, (end, ratio) in enumerate(zip(ends, ratios)):
        axes.text(end * 1.06, i, times(ratio.median), va="center")
    most = max(ends)
    if most > 20:
        axes.set(xscale="log", xlim=(min(0.5, *(ratio.median / 2 for ratio in ratios)), most * 3))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    else:
        axes.set_xlim(0, most * 1.18)
    axes.axvline(1, color=OURS, linewidth=0.8)
    axes.set_xlabel(f"times as much as {row.reference}")
    return figure


def distributions(row: Row) -> Figure:
    """Every sample as a dot, and the median as a line."""
    names = list(row.samples)[::-1]
    figure, axes = _lines(names)
    for i, name in enumerate(names):
        samples = sorted(row.samples[name])
        places = [i + 0.25 * (2 * (k * 0.618 % 1) - 1) for k in range(len(samples))]  # spread evenly
        axes.plot(samples, places, ".", color=OURS, alpha=0.5, markersize=4)
        axes.plot([statistics.median(samples)] * 2, [i - 0.35, i + 0.35], color="black", linewidth=1.5)
    everything = [sample for samples in row.samples.values() for sample in samples]
    if max(everything) > 30 * min(everything):
        axes.set_xscale("log")
    _time_axis(axes, "x")
    return figure


def threaded(row: Row) -> list[str]:
    """The contenders that were measured both in sequence and on threads."""
    names = [name.split(" · ")[0] for name in row.samples if name.endswith(THREADS)]
    return [name for name in names if f"{name} · {SEQUENCE}" in row.samples]


def both(row: Row, name: str) -> tuple[str, str]:
    """The contender's names in the row: (in sequence, on threads)."""
    return f"{name} · {SEQUENCE}", f"{name} · {THREADS}"


def speed_ups(rows: Sequence[Row]) -> Figure:
    """The speed-up of threads over the sequence: bars for one number of threads, lines for several."""
    names = threaded(rows[-1])
    ratios = {name: [(row.size, row.ratio(*both(row, name))) for row in rows] for name in names}
    style = Style(names)
    most = rows[-1].size
    if len(rows) > 1:
        figure, axes = _figure(3.6)
        axes.plot([1, most], [1, most], color="#bbbbbb", linewidth=1, label="all there is")
        for name in names:
            points = [(1, 1.0), *((size, ratio.median) for size, ratio in ratios[name])]
            axes.plot(*zip(*points), label=name, **style[name])
        axes.set(xlabel="threads", ylabel="speed-up")
        axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.14), ncols=2)
        return figure
    names.reverse()
    figure, axes = _lines([name.replace(" in isolated", ",\nisolated") for name in names])
    for i, name in enumerate(names):
        ratio = ratios[name][0][1]
        end = _bar(axes, i, ratio, style.colour(name))
        axes.text(end + 0.03 * most, i, f"{ratio.median:.2f}", va="center")
    axes.axvline(most, color="#bbbbbb", linewidth=1)
    axes.set_xlim(0, most * 1.15)
    axes.set_xlabel(f"speed-up of {most:g} threads")
    return figure


def _figure(height: float) -> tuple[Figure, Axes]:
    figure, axes = pyplot.subplots(figsize=(WIDTH, height), layout="constrained")
    return figure, axes


def _lines(names: Sequence[str]) -> tuple[Figure, Axes]:
    """Axes with one line per name, the first name lowest."""
    figure, axes = _figure(0.7 + 0.3 * len(names))
    axes.set_yticks(range(len(names)), names)
    axes.grid(axis="y", visible=False)
    return figure, axes


def _bar(axes: Axes, line: int, ratio: Ratio, colour: str) -> float:
    """Draws a bar to the median, with the quartiles; returns its end."""
    axes.barh(line, ratio.median, color=colour, height=0.6)
    axes.plot(ratio.quartiles, [line, line], color="black", linewidth=1)
    return max(ratio.median, ratio.quartiles[1])


def _time_axis(axes: Axes, name: str) -> None:
    getattr(axes, f"{name}axis").set_major_formatter(EngFormatter(unit="s"))
    axes.minorticks_off()
