"""Runs suites, each in a process of its own, shows how far they are, and keeps what they find as they find it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Iterator, Sequence

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from .machine import Load
from .results import Missing, Results, Row
from .text import quantity, size_text, times

# Until a suite says what it is going to do.
GUESS = {"gil": 65.0, "kernels": 500.0, "interpreters": 240.0, "overheads": 20.0}

# Contenders work as they come, without these settings of the environment.
SETTINGS = ("UNGIL_CPU", "UNGIL_NUM_THREADS", "OMP_", "GOMP_", "NUMBA_")


class Conductor:
    """One run."""

    def __init__(self, results: Results, path: Path, only: str = "") -> None:
        self.results, self.path, self.only = results, path, only
        self.console = Console(highlight=False)
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=self.console,
        )
        self._start = time.monotonic()

    def run(self) -> None:
        """All suites. KeyboardInterrupt ends it at once; what was found until then is kept."""
        weights = [GUESS[name] * (0.1 if self.results.quick else 1) for name in self.results.suites]
        try:
            with self.progress:
                task = self.progress.add_task("", total=sum(weights))
                ended = [self._run_suite(name, task, i, weights) for i, name in enumerate(self.results.suites)]
            self.results.complete = all(ended)
        finally:
            self._save()

    def _run_suite(self, name: str, task: Any, number: int, weights: list[float]) -> bool:
        """Whether it came to its end."""
        load, done, steps = Load(), sum(weights[:number]), []
        ended = failed = False
        for event in self._events(name):
            if "steps" in event:
                steps = event["steps"]
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
        command = [sys.executable, "-m", f"{__package__}.worker", name, "--only", self.only]
        command += ["--quick"] if self.results.quick else []
        environment = {key: value for key, value in os.environ.items() if not key.startswith(SETTINGS)}
        # In a session of its own: Ctrl-C comes to this process only, which ends the suite and all its children.
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, env=environment, text=True, start_new_session=True
        ) as process:
            try:
                assert process.stdout is not None
                for line in process.stdout:
                    yield json.loads(line)
            finally:
                _kill_group(process.pid)

    def _fail(self, text: str) -> None:
        self.results.failures.append(text)
        self._say(text, style="bold red")

    def _say(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def _save(self) -> None:
        self.results.seconds = round(time.monotonic() - self._start, 1)
        self.results.save(self.path)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        pass


def line_of(row: Row) -> str:
    """A row in a line: what it took, and how many times as long the rivals took."""
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
    """Ends like Ctrl-C by these, too."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)
