"""Output that goes to the program's `sys.stdout` and `sys.stderr`, whatever these are when it is written.

Only interpreters import it, those whose pool wants it. The other side is `_program`.
"""

from __future__ import annotations

import codecs
import ctypes
import io
import os
import sys
from typing import Any

import _ungil  # type: ignore[import-not-found]

from . import _inheritance

_NAMES = {1: "stdout", 2: "stderr"}  # by their descriptors


def redirect() -> None:
    """Replace the interpreter's streams, until it is used again."""
    for descriptor, name in _NAMES.items():
        buffer = io.BufferedWriter(_ToProgram(descriptor), _ungil.streams.BUFFER)
        setattr(sys, name, _ungil.streams.Stream(buffer, "utf-8", "backslashreplace", "\n"))


class _ToProgram(io.RawIOBase):
    """Has the program write text: to its stream, or else to its descriptor."""

    mode = "w"

    def __init__(self, descriptor: int) -> None:
        self.name = "<%s>" % _NAMES[descriptor]
        self._descriptor = descriptor
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")  # a character may come in two parts

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        content = bytes(data)
        text = self._decoder.decode(content).encode()
        write = _inheritance.function_of_program(3, ctypes.c_int, ctypes.c_char_p, ctypes.c_int)
        if text and write(self._descriptor, text, len(text)) < 0:  # the program is ending, or its stream fails
            os.write(self._descriptor, text)
        return len(content)
