"""The standard streams. Text that the program has printed appears before the output of a task that it then starts."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

NAMES = "stdin", "stdout", "stderr"


def kinds() -> list[str]:
    """What interpreters take over of the program's standard streams, in the order of NAMES.

    "closed" if there is none: its descriptor may be another file's by now. "unbuffered" by Python's option -u.
    """
    streams = [getattr(sys, "__%s__" % name, None) for name in NAMES]
    return [_kind(stream) for stream in streams]


def _kind(stream: Any) -> str:
    if stream is None or getattr(stream, "closed", False):
        return "closed"
    return "unbuffered" if getattr(stream, "write_through", False) else ""


def flush() -> None:
    """Flush the program's standard streams, if they are Python's own; 0.5 us if they hold nothing.

    Other kinds of streams, a notebook's for example, may take long to flush, and share nothing with the streams of
    interpreters. An error is ignored here: it comes again where the program itself prints or ends.
    """
    out, errors = sys.stdout, sys.stderr
    _flush(out)
    _flush(errors)
    if sys.__stdout__ is not out:  # replaced, perhaps by a stream that writes to it
        _flush(sys.__stdout__)
    if sys.__stderr__ is not errors:
        _flush(sys.__stderr__)


def _flush(stream: object) -> None:
    if type(stream) is TextIOWrapper:
        try:
            stream.flush()
        except Exception:  # it is closed, or full, or a signal handler interrupted a print()
            pass
