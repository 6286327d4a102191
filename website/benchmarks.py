"""The page of benchmarks: the README's figures, and the plots of the results that they are from.

As a program, it makes the plots, which needs the library.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

PROJECT = Path(__file__).parent.parent
REPORTS = PROJECT / "build/site-reports"  # a folder for each result

sys.path.insert(0, str(PROJECT))

from bench_py import claims  # noqa: E402
from bench_py.results import Results, anchor_of  # noqa: E402

SUITES = {
    "gil": "Python threads and the GIL",
    "kernels": "Kernels",
    "interpreters": "Interpreters",
    "overheads": "Overheads",
}
TABLES = {"summary": "In short", "interpreters": "Speed of interpreters", "library": "Speed of the library"}


def images() -> list[Path]:
    """The reports and plots that the page shows."""
    folders = [REPORTS / source.path.stem for source in _sources()]
    return [path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in (".png", ".html")]


def page(about: str) -> str:
    """The page in Markdown: the text that comes before the figures, and these."""
    sources = claims.newest_sources()
    parts = [about.partition("<!-- The site")[0].rstrip()]
    if sources is not None:
        for name, title in TABLES.items():
            parts += [f"## {title}", re.sub(r";\n\[all results\].*", ".", claims.block(name, sources))]
    for source in _sources():
        machine = source.results.machine
        parts.append(f"## All results with {machine['python']}")
        parts.append(
            f"{machine['processor']}, {machine['cpu_level']}, {len(list(machine['affinity']))} processors. "  # type: ignore[call-overload]
            f"[The report](benchmarks/{source.path.stem}/report.html){{ target=_blank }} has all numbers in tables."
        )
        parts += _plots(source.results, source.path.stem)
    return "\n\n".join(parts) + "\n"


def _sources() -> list[claims.Source]:
    sources = claims.newest_sources()
    return [] if sources is None else list({source.path: source for source in sources}.values())


def _plots(results: Results, folder: str) -> Iterator[str]:
    for suite in results.suites:
        tables = dict.fromkeys(row.table for row in results.rows if row.suite == suite and row.samples)
        if tables:
            yield f"### {SUITES[suite]}"
        for table in tables:
            image = f"benchmarks/{folder}/{anchor_of(suite, table)}.png"
            yield f"#### {table[:1].upper() + table[1:]}"
            yield f"![Plot: {table}. The report has its numbers]({image}){{ loading=lazy .plot }}"


def make_reports() -> None:
    """Makes the report of each result, unless there is one that is newer than the result and the benchmarks' code."""
    from bench_py.report import write  # which imports the package

    code = max(path.stat().st_mtime for path in (PROJECT / "bench_py").rglob("*.py"))
    for source in _sources():
        folder = REPORTS / source.path.stem
        made = folder / "report.html"
        if not made.exists() or made.stat().st_mtime < max(code, source.path.stat().st_mtime):
            write(source.path, source.results, folder)


if __name__ == "__main__":
    make_reports()
