"""Writes a result as a self-contained HTML page, and its plots as PNG files."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from matplotlib import pyplot

from . import claims, plots
from .results import NAMES, WIDE, Ratio, Results, Row, anchor_of
from .suites import suite
from .text import quantity, size_text, times

DOTS = 180  # an inch
BUSY = 5.0  # percent of the processors that others took
SIZES = {"gil": "threads", "overheads": "n", "kernels": "n", "interpreters": "n"}


@dataclass(frozen=True)
class Cell:
    """One contender at one size."""

    time: str
    ratio: str = ""
    spread: str = ""
    kind: str = ""
    """ours; ahead, behind or open (the reference, compared with it); or out if it was not measured."""


@dataclass(frozen=True)
class Section:
    """One table of the result."""

    anchor: str
    title: str
    note: str
    columns: Sequence[str]
    lines: Sequence[tuple[str, Sequence[Cell]]]
    left_out: Sequence[str]
    image: str
    alt: str
    reference: str | None


def write(path: Path, results: Results, folder: Path) -> Path:
    """Writes folder/report.html and folder/*.png, and returns the page's path."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in (path for name in NAMES for path in folder.glob(f"{name}-*.png")):
        old.unlink()
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters.update(
        times=lambda ratio: times(ratio.median), figure=claims.figure, half=_half, size=size_text
    )
    suites = []
    for name in results.suites:
        module = suite(name)
        sections = [_section(rows, getattr(module, "NOTES", {}), folder) for rows in _tables(results, name)]
        suites.append({"name": name, "title": module.TITLE, "about": module.ABOUT, "sections": sections})
    page = folder / "report.html"
    html = environment.get_template("report.html.jinja").render(
        results=results,
        source=path.name,
        suites=suites,
        claims=[
            (claim, ratio, claims.absolute(claim, results), anchor_of(claim.suite, claim.result_table))
            for claim in claims.CLAIMS
            if (ratio := claim.ratio(results)) is not None
        ],
        unmeasured=[claim for claim in claims.CLAIMS if claim.ratio(results) is None],
        failed=_failed(results),
        not_ahead=list(_not_ahead(results)),
        wide=list(_wide(results)),
        busy={name: load for name, load in results.load.items() if max(load.values()) > BUSY},
        processors=len(results.machine["affinity"]),  # type: ignore[arg-type]
    )
    page.write_text(html, "utf-8")
    return page


def _half(ratio: Ratio) -> str:
    """The interquartile range of the rounds."""
    return " to ".join(times(quartile).rstrip(" ×") for quartile in ratio.quartiles)


def _tables(results: Results, name: str) -> Iterator[list[Row]]:
    rows = [row for row in results.rows if row.suite == name and row.samples]
    for table in dict.fromkeys(row.table for row in rows):
        yield sorted((row for row in rows if row.table == table), key=lambda row: row.size)


def _section(rows: list[Row], notes: dict[str, str], folder: Path) -> Section:
    first = rows[0]
    anchor = anchor_of(first.suite, first.table)
    figure = plots.plot(rows, SIZES[first.suite])
    image = folder / f"{anchor}.png"
    figure.savefig(image, dpi=DOTS)
    pyplot.close(figure)
    if first.suite == "gil":
        columns, lines = _speed_ups(rows)
    else:
        columns = [size_text(row.size) for row in rows] if len(rows) > 1 else ["median"]
        names = plots.contenders_of(rows)[::-1]
        names += sorted({name for row in rows for name in row.failed} - set(names))
        lines = [(name, [_cell(row, name) for row in rows]) for name in names]
    return Section(
        anchor,
        first.table,
        notes.get(first.table, ""),
        columns,
        lines,
        list(_left_out(rows)),
        "data:image/png;base64," + base64.b64encode(image.read_bytes()).decode(),
        f"Plot of {first.table}: the table beside it has the numbers",
        first.reference,
    )


def _left_out(rows: list[Row]) -> Iterator[str]:
    """Who was not measured at which size, and why."""
    for row in rows:
        reasons = {**row.left_out, **{name: f"raised {why}" for name, why in row.failed.items()}}
        yield from (f"{name} at {size_text(row.size)}: {why}" for name, why in reasons.items())


def _failed(results: Results) -> dict[tuple[str, str, str], list[Row]]:
    """The rows in which a peer raised an exception, by (suite, peer, exception)."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in results.rows:
        for peer, why in row.failed.items():
            found.setdefault((row.suite, peer, why), []).append(row)
    return found


def _speed_ups(rows: list[Row]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Columns and lines of a table of the GIL suite: the speed-up of threads, and both times."""
    lines = []
    for name in plots.threaded(rows[-1]):
        cells = []
        for row in rows:
            sequence, threads = plots.both(row, name)
            both = " → ".join(quantity(row.median(one), row.unit) for one in (sequence, threads))
            ratio = row.ratio(sequence, threads)
            first, third = ratio.quartiles
            kind = "open" if ratio.is_wide else "ours" if name == "ungil" else ""
            cells.append(Cell(both, times(ratio.median), f"({first:.2f} to {third:.2f})", kind))
        lines.append((name, cells))
    return [f"speed-up of {size_text(row.size)} threads" for row in rows], lines


def _cell(row: Row, name: str) -> Cell:
    if name not in row.samples:
        return Cell("–", kind="out")
    time = quantity(row.median(name), row.unit)
    spread = f"± {50 * row.spread(name):.0f} %"  # half of it to each side
    if row.reference not in row.samples:
        return Cell(time, spread=spread)
    if name == row.reference:
        return Cell(time, "1 ×", spread, "ours")
    ratio = row.ratio(name, row.reference)
    if name not in row.rivals:
        return Cell(time, times(ratio.median), spread)
    return Cell(time, times(ratio.median), spread, _verdict(ratio))


def _verdict(ratio: Ratio) -> str:
    if not ratio.is_conclusive:
        return "open"
    return "ahead" if ratio.median > 1 else "behind"


def _not_ahead(results: Results) -> Iterator[tuple[Row, str, Ratio, str, str]]:
    """The rows in which a rival is faster, or not significantly slower, with the reason if one is known."""
    for row in results.rows:
        for rival, ratio in row.comparisons():
            if _verdict(ratio) != "ahead":
                yield row, rival, ratio, _verdict(ratio), _reason(row)


def _reason(row: Row) -> str:
    module = suite(row.suite)
    return str(module.reason(row) if hasattr(module, "reason") else module.NOTES.get(row.table, ""))


def _wide(results: Results) -> Iterator[tuple[Row, str, float]]:
    for row in results.rows:
        for name, samples in row.samples.items():
            if len(samples) > 2 and row.spread(name) > WIDE:
                yield row, name, row.spread(name)
