"""The order of output: text that the program has printed appears before the output of a task that it then starts."""

from __future__ import annotations

import sys
from io import TextIOWrapper


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
