"""The text of exceptions, and of the end of an interpreter."""
import sys

import _ungil
from _ungil import requests, sources

traceback_of = BaseException.__traceback__.__get__


def describe(error=None):
    """The text of an exception: type and message on the first line, then the traceback."""
    kind, trace = type(error), None if error is None else traceback_of(error)
    while trace is not None and trace.tb_frame.f_code.co_filename in _ungil.FILES:
        trace = trace.tb_next
    try:
        import traceback

        sources.show_sources()
        brief = traceback.format_exception_only(kind, error)
        whole = traceback.format_exception(kind, error, trace)
        first = next((line for line in brief if not line.startswith(" ")), brief[-1])
        text = "".join([first] + whole * (whole != brief))
    except BaseException as failure:  # raised by the exception's own __str__, or as the stack is full
        text = "%s: <exception str() failed: %s>" % (kind.__name__, type(failure).__name__)
    return text.rstrip("\n").encode("utf-8", "backslashreplace")


def last_words(thread):
    """Flushes the output, as this interpreter ends, and returns the stack of a thread as text."""
    requests.flush()
    frame = sys._current_frames().get(int(thread))
    if frame is None:
        return b""
    import traceback

    sources.show_sources()
    stack = [entry for entry in traceback.extract_stack(frame) if entry.filename not in _ungil.FILES]
    if not stack:
        return b""
    text = "".join(["Traceback (most recent call last):\n", *traceback.format_list(stack)])
    return text.encode("utf-8", "backslashreplace")
