"""The standard streams. What one print() writes is one write to the descriptor, as long as it fits into the buffer: so
lines of several interpreters do not mix, nor do texts of several lines.
"""
import sys

import _io

BUFFER = 1 << 20  # bytes, which take memory when they are used
write = _io.TextIOWrapper.write


class Stream(_io.TextIOWrapper):
    """Line-buffered, but flushed only after text that ends with a newline: print() writes the last one by itself."""

    def write(self, text):
        written = write(self, text)
        if text[-1:] == "\n" or "\r" in text:
            self.flush()
        return written


def configure():
    for name in "stdout", "stderr":
        stream = getattr(sys, name)
        if type(stream) is not _io.TextIOWrapper:
            continue
        if type(stream.buffer) is _io.BufferedWriter:
            # The interpreter is never finalised, which would flush a stream that is not line-buffered.
            replace(name, stream, lambda raw, *how: Stream(_io.BufferedWriter(raw, BUFFER), *how))
        else:  # by PYTHONUNBUFFERED
            stream.reconfigure(line_buffering=True)


def unbuffer(name):
    """As with Python's option -u."""
    stream = getattr(sys, name)
    if isinstance(stream, _io.TextIOWrapper) and not stream.write_through:
        replace(name, stream, lambda raw, *how: _io.TextIOWrapper(raw, *how, True, True))


def replace(name, stream, made_of):
    encoding, errors, mode = stream.encoding, stream.errors, stream.mode
    stream.flush()
    buffer = stream.detach()
    made = made_of(buffer.detach(), encoding, errors, "\n")
    made.mode = mode
    setattr(sys, name, made)
    setattr(sys, "__%s__" % name, made)
