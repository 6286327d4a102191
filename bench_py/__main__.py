"""The command line: runs benchmarks, writes reports, compares results, tells goals, updates the README's figures."""

from __future__ import annotations

import argparse
import platform
import signal
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

from . import conductor, goals, machine, results
from .contest import FULL, QUICK
from .results import NAMES

REPORT = Path(__file__).parent.parent / "build" / "bench"


def run(arguments: argparse.Namespace) -> int:
    conductor.forget_settings(arguments.level)  # before the library is loaded, which then works as it comes
    from ungil._native.library import library, version

    if arguments.goals:
        arguments.suites, arguments.only = ["interpreters"], goals.pattern()
    now = datetime.now(timezone.utc)
    path = results.new_path(arguments.results, now.strftime("%Y-%m-%d"), arguments.host, arguments.quick)
    about = machine.about(library.ungil_cpu_active().decode(), version, arguments.commit)
    suites = [name for name in NAMES if name in arguments.suites]
    found = results.Results(
        about,
        arguments.quick,
        now.isoformat(timespec="seconds"),
        suites=suites,
        only=arguments.only,
        effort=asdict(QUICK if arguments.quick else FULL),
    )
    conductor.interrupt_on([signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    try:
        conductor.Conductor(found, path).run()
        print(f"\n{found.seconds:.0f} s; the samples are in {path}")
        _report(path, found, arguments.report)
        if arguments.goals:
            goals.show(found)
    except KeyboardInterrupt:
        print(f"\nstopped; what was measured is in {path}, and `make bench-report RESULT={path}` draws it")
        return 130
    return 1 if found.failures else 0


def report(arguments: argparse.Namespace) -> int:
    if arguments.result:
        path = Path(arguments.result)
        _report(path, results.load(path), arguments.report)
        return 0
    newest = results.newest()
    if newest is None:
        print(f"no full result in {results.FOLDER}: run `make bench`, or name one: make bench-report RESULT=...")
        return 1
    _report(*newest, arguments.report)
    return 0


def _report(path: Path, found: results.Results, folder: Path) -> None:
    from .report import write

    print(f"the page is {write(path, found, folder)}")


def compare(arguments: argparse.Namespace) -> int:
    from .compare import compare

    return compare(results.load(arguments.old), [results.load(path) for path in arguments.new], arguments.bound)


def show_goals(arguments: argparse.Namespace) -> int:
    before = results.load(arguments.before) if arguments.before else None
    return max(goals.show(results.load(path), before) for path in arguments.results)


def readme(arguments: argparse.Namespace) -> int:
    from .claims import update

    return update(check_only=arguments.check)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bench_py", description=__doc__)
    commands = parser.add_subparsers(required=True)

    command = commands.add_parser("run", help="measure, and write the result and the page")
    command.add_argument("--quick", action="store_true", help="fewer sizes and rounds: below a minute")
    command.add_argument("--suites", nargs="+", choices=NAMES, default=NAMES)
    command.add_argument("--only", default="", help="only names that this regular expression matches")
    command.add_argument(
        "--level", choices=list(conductor.NUMBA), help="ungil, C and numba as on a machine with this CPU level"
    )
    command.add_argument("--goals", action="store_true", help="only what goals are about, and tell which are reached")
    command.add_argument("--host", default=platform.node() or "unknown", help="the machine's name in the result's")
    command.add_argument("--commit", help="the commit that is measured, where git does not tell it")
    command.add_argument("--results", type=Path, default=results.FOLDER, help="the folder for the result")
    command.set_defaults(run=run)

    command = commands.add_parser("report", help="write the page of a result, the newest full one as a rule")
    command.add_argument("result", nargs="?")
    command.set_defaults(run=report)

    for name in ("run", "report"):
        commands.choices[name].add_argument("--report", type=Path, default=REPORT, help="the folder for page and plots")

    command = commands.add_parser("compare", help="two results side by side; status 1 for a repeated loss")
    command.add_argument("old")
    command.add_argument("new", nargs="+", help="two or more: a loss must be in each of them")
    command.add_argument("--bound", type=float, default=0.1, help="the part of a ratio that may be lost (0.1)")
    command.set_defaults(run=compare)

    command = commands.add_parser("goals", help="which goals results reach; status 1 for one that is missed")
    command.add_argument("results", nargs="+")
    command.add_argument("--before", help="a result with which ungil's own times are compared")
    command.set_defaults(run=show_goals)

    command = commands.add_parser("readme", help="write the newest result's figures into the README")
    command.add_argument("--check", action="store_true", help="only tell whether they are there")
    command.set_defaults(run=readme)

    arguments = parser.parse_args()
    try:
        status: int = arguments.run(arguments)
    except (OSError, ValueError) as error:
        print(f"bench_py: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
