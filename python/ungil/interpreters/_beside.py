"""Large bytes objects, strings and bytearrays go beside a pickle: they are copied once, where they arrive.

pickle gives the contents of such an object to its file as they are, after a header with their length. Here they are
taken out, and in place of the header and the contents come the opcodes of `bytes(buffer)`, with a buffer out of band.
Where a pickle is written in another way, nothing is taken out. Both sides import this file.
"""

from __future__ import annotations

from ._sharing import LARGE, OutOfBandBuffer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_PROTO_LENGTH = 2
_FRAME, _FRAME_HEADER = 0x95, 9

# STACK_GLOBAL, NEXT_BUFFER, TUPLE1 or TUPLE3, REDUCE
_BYTES = b"\x8c\x08builtins\x8c\x05bytes\x93\x97\x85R"
_BYTEARRAY = b"\x8c\x08builtins\x8c\x09bytearray\x93\x97\x85R"
_STR = b"\x8c\x08builtins\x8c\x03str\x93\x97\x8c\x05utf-8\x8c\x0dsurrogatepass\x87R"

_REPLACEMENTS = {
    # the opcodes BINBYTES, BINUNICODE, BINBYTES8, BINUNICODE8 and BYTEARRAY8, with the lengths of their headers
    (b"B", 5): _BYTES,
    (b"X", 5): _STR,
    (b"\x8e", 9): _BYTES,
    (b"\x8d", 9): _STR,
    (b"\x96", 9): _BYTEARRAY,
}
# Pickles of such an object alone, and of the arguments ((the object,), {}).
_PROTO, _STOP, _ONLY_ARGUMENT = b"\x80\x05", b".", b"\x85}\x86."
_ALONE = {
    kind: (_PROTO + replacement + _STOP, _PROTO + replacement + _ONLY_ARGUMENT)
    for kind, replacement in ((bytes, _BYTES), (bytearray, _BYTEARRAY), (str, _STR))
}

_LONGEST_OUTSIDE = 12  # a header, and before it opcodes that are too few for a frame


def take_out(written: Iterable[Any], is_copied: bool) -> tuple[bytes, list[OutOfBandBuffer]]:
    """The pickle, and the memory beside it.

    written: what a pickler has written, and between it the buffers that the pickler has met.
    is_copied: a bytearray may change before it is received, so that it is copied now.
    """
    parts: list[Any] = []
    found: list[OutOfBandBuffer] = []
    outside = b""  # what the last part ended with, after its last frame
    left = _PROTO_LENGTH  # bytes of the pickle's head, or of a frame, that are still to come
    for part in written:
        if type(part) is OutOfBandBuffer:
            found.append(part)
            continue
        size = len(part)
        header, replacement = _header_at_end(outside, size) if outside else _NONE
        if header:
            parts[-1] = parts[-1][:-header]
            parts.append(replacement)
            found.append(_beside(part, is_copied))
            outside = b""
            continue
        parts.append(part)
        while left < size and part[left] == _FRAME:
            left += _FRAME_HEADER + int.from_bytes(part[left + 1 : left + _FRAME_HEADER], "little")
        outside = bytes(part[left:]) if 0 < size - left <= _LONGEST_OUTSIDE else b""
        left = max(left - size, 0)
    return b"".join(parts), found


def _beside(contents: bytes | bytearray, is_copied: bool) -> OutOfBandBuffer:
    is_lent = type(contents) is bytearray and not is_copied
    buffer = OutOfBandBuffer(memoryview(contents if is_lent else bytes(contents)), is_lent)
    buffer.is_copied = not is_lent
    return buffer


def is_large(obj: Any) -> bool:
    """Whether this is an object that goes beside a pickle."""
    return type(obj) in _ALONE and len(obj) >= LARGE


def pickled_alone(obj: Any, is_copied: bool, is_only_argument: bool = False) -> tuple[bytes, list[OutOfBandBuffer]]:
    """The pickle of a large object, or of the arguments of a call with this one, and the memory beside it."""
    contents = obj.encode("utf-8", "surrogatepass") if type(obj) is str else obj
    return _ALONE[type(obj)][is_only_argument], [_beside(contents, is_copied)]


_NONE = 0, b""


def _header_at_end(outside: bytes, size: int) -> tuple[int, bytes]:
    """The length of the header of an object of this size, and what replaces it; zeros if there is no such header."""
    header = 9 if len(outside) >= 9 else 5
    replacement = _REPLACEMENTS.get((outside[-header : 1 - header], header))
    if replacement is None or int.from_bytes(outside[1 - header :], "little") != size:
        return _NONE
    return header, replacement
