"""Progress bars for long calls, drawn by tqdm or rich, if one of them is installed."""

from __future__ import annotations

import contextlib
import importlib
import threading
from typing import Any

from ._native.handle import ClosedOnExit
from .control import Control, Progress

__all__ = ["track"]

UPDATE_INTERVAL = 0.1
"""Seconds between two updates of a bar."""


class track(ClosedOnExit):
    """A context manager that shows the progress of the calls that use a control.

    Parameters
    ----------
    control : Control
        The calls' control. It is also what the ``with`` statement binds after ``as``.
    description : str, optional
        The text before the bar.
    unit : str, optional
        What the call counts: numbers, terms, indices.

    Raises
    ------
    TypeError
        If `control` is not a `Control`.

    Notes
    -----
    The bar is tqdm's, otherwise rich's; without both, nothing is shown. It is written to stderr and updated ten times a
    second. It stops where the call stopped, and starts again with another call that uses the same control.

    Cost: a thread that wakes ten times a second.

    Examples
    --------
    >>> import ungil
    >>> with ungil.track(ungil.Control(), "primes", unit=" numbers") as control:
    ...     ungil.count_primes(range(1000), control=control)
    168
    """

    def __init__(self, control: Control, description: str | None = None, unit: str = "it") -> None:
        if not isinstance(control, Control):
            raise TypeError("control: expected an ungil.Control, not %s" % type(control).__name__)
        self._control = control
        self._description = description
        self._unit = unit
        self._ended = threading.Event()
        self._bar: Any = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Control:
        self._bar = _bar(self._description, self._unit)
        if self._bar is not None:
            before = self._progress()  # that of an earlier call
            self._ended.clear()
            self._thread = threading.Thread(target=self._watch, args=(before,), name="ungil.track", daemon=True)
            self._thread.start()
        return self._control

    def close(self) -> None:
        """Stop showing progress, and leave the bar as it is. The end of the ``with`` block does this."""
        self._ended.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self._bar is not None:
            bar, self._bar = self._bar, None
            bar.close()

    def _watch(self, before: Progress | None) -> None:
        has_ended = False
        while not has_ended:
            has_ended = self._ended.wait(UPDATE_INTERVAL)
            progress = self._progress()
            if progress is None:
                return
            if progress != before or has_ended:
                before = None
                self._bar.show(progress)

    def _progress(self) -> Progress | None:
        with contextlib.suppress(ValueError):  # the control is closed
            return self._control.progress
        return None


class _Tqdm:
    def __init__(self, tqdm: Any, description: str | None, unit: str) -> None:
        self._bar = tqdm(desc=description, unit=unit, unit_scale=True)

    def show(self, progress: Progress) -> None:
        bar = self._bar
        if progress.total != bar.total or progress.done < bar.n:  # another call
            bar.reset(progress.total)
        bar.update(progress.done - bar.n)

    def close(self) -> None:
        self._bar.close()


class _Rich:
    def __init__(self, rich: Any, description: str | None, unit: str) -> None:
        self._progress = rich.Progress(
            rich.TextColumn("{task.description}"),
            rich.BarColumn(),
            rich.TextColumn("{task.percentage:>3.0f}%"),
            rich.TextColumn("{task.completed:.0f} " + unit.replace("[", r"\[").replace("{", "{{").replace("}", "}}")),
            rich.TimeRemainingColumn(),
            console=importlib.import_module("rich.console").Console(stderr=True),
        )
        self._task = self._progress.add_task(description or "", total=None)
        self._progress.start()

    def show(self, progress: Progress) -> None:
        self._progress.update(self._task, completed=progress.done, total=progress.total or None)

    def close(self) -> None:
        self._progress.stop()


def _bar(description: str | None, unit: str) -> Any:
    with contextlib.suppress(ImportError):
        return _Tqdm(importlib.import_module("tqdm.auto").tqdm, description, unit)
    with contextlib.suppress(ImportError):
        return _Rich(importlib.import_module("rich.progress"), description, unit)
    return None
