"""Runs each suite in a process of its own, shows the progress, and saves results as they arrive."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Column

from .machine import PROJECT, Load
from .results import Missing, Results, Row
from .text import quantity, size_text, times

# Until a suite says what it is going to do.
GUESS = {"gil": 65.0, "kernels": 500.0, "interpreters": 420.0, "overheads": 20.0}

# Contenders work as they come, without these settings of the environment.
OWN_SETTINGS = ("UNGIL_CPU", "UNGIL_NUM_THREADS", "UNGIL_PRIVATE", "UNGIL_SHARED")
SETTINGS = (*OWN_SETTINGS, "OMP_", "GOMP_", "NUMBA_", "NPY_", "OPENBLAS_", "MKL_")

PATIENCE = 900.0  # seconds without output after which a suite is taken to hang; its longest steps take a minute
QUIET = "ignore:resource_tracker:UserWarning"  # what stopped pools leave behind is cleaned up
PARTING = 1.0  # seconds that processes get to exit after a signal: resource trackers of pools then clean up
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


# What a CPU level leaves of numba's instructions.
NUMBA = {"scalar": ("x86-64", ""), "avx2": ("haswell", "+avx2,+fma,+bmi,+bmi2,+lzcnt,+popcnt")}


def forget_settings(level: str | None = None) -> None:
    """With a CPU level, all contenders that are compiled here use its instructions, and no others."""
    for key in [key for key in os.environ if key.startswith(SETTINGS)]:
        del os.environ[key]
    if level:
        os.environ["UNGIL_CPU"] = level
        os.environ["NUMBA_CPU_NAME"], os.environ["NUMBA_CPU_FEATURES"] = NUMBA[level]


class Conductor:
    """One run."""

    def __init__(self, results: Results, path: Path) -> None:
        self.results, self.path = results, path
        self.console = Console(highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")),
            BarColumn(bar_width=12),
            TaskProgressColumn(table_column=Column(min_width=4, no_wrap=True)),
            TextColumn("left", table_column=Column(min_width=4, no_wrap=True)),
            TimeRemainingColumn(compact=True, table_column=Column(min_width=5, no_wrap=True)),
            console=self.console,
            expand=True,
        )
        self._start = time.monotonic()
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def run(self) -> None:
        """Runs all suites. KeyboardInterrupt ends the run at once; the results so far are kept."""
        self._scale = 0.08 if self.results.quick else 1.0
        weights = [GUESS[name] * self._scale for name in self.results.suites]
        try:
            with self.progress:
                task = self.progress.add_task("", total=sum(weights))
                ended = [self._run_suite(name, task, i, weights) for i, name in enumerate(self.results.suites)]
            self.results.complete = all(ended)
        finally:
            self._save()

    def _run_suite(self, name: str, task: Any, number: int, weights: list[float]) -> bool:
        """Runs one suite; returns whether it completed."""
        load, done, steps = Load(), sum(weights[:number]), []
        ended = failed = False
        for event in self._events(name):
            if "steps" in event:
                steps = [(step, seconds * self._scale) for step, seconds in event["steps"]]
                weights[number] = sum(seconds for _, seconds in steps)
                self.progress.update(task, total=sum(weights))
            elif "begin" in event:
                i = event["begin"]
                completed = done + sum(seconds for _, seconds in steps[:i])
                self.progress.update(task, completed=completed, description=f"{name}: {steps[i][0]}")
            elif "row" in event:
                row = Row(**event["row"])
                self.results.rows.append(row)
                self._say(line_of(row))
                for peer, why in row.failed.items():
                    self._say(f"{name}: {peer} failed: {why}")
                self._save()
            elif "missing" in event:
                peer, why = event["missing"]
                self.results.missing.append(Missing(name, peer, why))
                self._say(f"{name}: without {peer}: {why}")
            elif "failure" in event:
                failed = True
                self._fail(event["failure"])
            elif "end" in event:
                ended = True
        self.results.load[name] = load.so_far()
        self.progress.update(task, completed=sum(weights[: number + 1]))
        if not ended and not failed:
            self._fail(f"{name}: broke off")
        return ended

    def _events(self, name: str) -> Iterator[dict[str, Any]]:
        command = [sys.executable, "-m", f"{__package__}.worker", name, "--only", self.results.only]
        command += ["--quick"] if self.results.quick else []
        # The standard library's interpreters find the tasks only where PYTHONPATH leads: they do not inherit sys.path.
        path = os.pathsep.join(filter(None, (str(PROJECT), os.environ.get("PYTHONPATH"))))
        with tempfile.TemporaryDirectory(prefix="ungil-bench-") as folder:
            # In a session of its own: Ctrl-C comes to this process only, which ends the suite and all its children.
            process = subprocess.Popen(
                command,
                bufsize=0,  # what was read and not looked at, select would not tell of
                stdout=subprocess.PIPE,
                env={**os.environ, "TMPDIR": folder, "PYTHONPATH": path, "PYTHONWARNINGS": QUIET},
                start_new_session=True,
            )
            try:
                yield from _lines(process)
            finally:
                _end_group(process)

    def _fail(self, text: str) -> None:
        self.results.failures.append(text)
        self._say(text, style="bold red")

    def _say(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def _save(self) -> None:
        self.results.seconds = round(time.monotonic() - self._start, 1)
        self.results.save(self.path)


def _lines(process: subprocess.Popen[bytes]) -> Iterator[dict[str, Any]]:
    """Yields the lines that a suite writes, until it ends or is silent for too long."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while selector.select(PATIENCE):
            line = process.stdout.readline()
            if not line.endswith(b"\n"):  # the end, or a line that it did not come to end
                return
            yield json.loads(line)


def _end_group(leader: subprocess.Popen[bytes]) -> None:
    """Ends a process and its descendants, and waits for them, so that their usage counts as this process's."""
    try:
        end = time.monotonic() + PARTING
        _signal_group(leader.pid, signal.SIGTERM)
        while time.monotonic() < end and _reap_group(leader):
            time.sleep(0.005)
    finally:
        _signal_group(leader.pid, signal.SIGKILL)
        while _reap_group(leader):
            time.sleep(0.005)


def _signal_group(leader: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, number)


def _reap_group(leader: subprocess.Popen[bytes]) -> bool:
    """Whether any are left. This process is their subreaper, so orphans become its children."""
    leader.poll()
    try:
        while os.waitpid(-leader.pid, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        return False
    return True


def line_of(row: Row) -> str:
    """A row as one line: its time, and the rivals' times as multiples of it."""
    start = f"{row.suite}: {row.table}, {size_text(row.size)}"
    if row.reference is None or row.reference not in row.samples:
        all_of_them = ", ".join(f"{name} {quantity(row.median(name), row.unit)}" for name in row.samples)
        return f"{start}: {all_of_them}"
    rivals = sorted((ratio.median, name) for name, ratio in row.comparisons())
    text = f"{start}: {row.reference} {quantity(row.median(row.reference), row.unit)}"
    if not rivals:
        return text
    (nearest, name), (farthest, last) = rivals[0], rivals[-1]
    others = f" to {times(farthest)} ({last})" if len(rivals) > 1 else ""
    return f"{text}; others {times(nearest)} ({name}){others}"


def interrupt_on(signals: Sequence[int]) -> None:
    """Makes these signals end the run as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)
