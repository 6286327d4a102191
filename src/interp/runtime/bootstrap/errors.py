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


def frames_of(thread):
    """The frames of a thread, the outermost first, with their lines. This waits for nothing."""
    frame = sys._current_frames().get(int(thread))
    frames = []
    while frame is not None:
        frames.append((frame, frame.f_lineno))
        frame = frame.f_back
    return frames[::-1]


def stack_of(frames):
    """The text of the stack with these frames."""
    frames = [it for it in frames if it[0].f_code.co_filename not in _ungil.FILES]
    if not frames:
        return b""
    import traceback

    sources.show_sources()
    stack = traceback.StackSummary.extract(frames)
    text = "".join(["Traceback (most recent call last):\n", *traceback.format_list(stack)])
    return text.encode("utf-8", "backslashreplace")


def flush():
    """Flushes the output; and ends faulthandler's thread, which would read the stacks of threads that are gone by then."""
    faulthandler = sys.modules.get("faulthandler")
    try:
        faulthandler.cancel_dump_traceback_later()
    except Exception:  # it is not imported, or replaced by something else
        pass
    requests.flush()
    return b""
