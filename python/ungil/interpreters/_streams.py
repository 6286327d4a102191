"""The order of output: what the program printed comes before what a task prints that it then starts."""

from __future__ import annotations

import sys
from io import TextIOWrapper


def flush() -> None:
    """Writes what the program's standard streams hold back, where these are Python's own; 0.5 us if that is nothing.

    Another kind of stream, a notebook's for example, may take long to flush, and shares nothing with the streams of
    interpreters. What fails here fails again, and is told, where the program itself prints or ends.
    """
    out, errors = sys.stdout, sys.stderr
    _flush(out)
    _flush(errors)
    if sys.__stdout__ is not out:  # replaced, perhaps by something that writes to it
        _flush(sys.__stdout__)
    if sys.__stderr__ is not errors:
        _flush(sys.__stderr__)


def _flush(stream: object) -> None:
    if type(stream) is TextIOWrapper:
        try:
            stream.flush()
        except Exception:  # it is closed, or full, or a signal's handler came here in the middle of a print()
            pass
