"""The format of requests and responses. Both sides import this file.

Each is a pickle, followed by one letter that says how to read it: pickle ignores bytes after its end. Memory goes
beside. A request that calls a function by its key has the function's own pickle, if the interpreter does not know the
function yet, and then a header, before the letter.
"""

from __future__ import annotations

CALL = b"c"  # (function, args, kwargs)
CALL_CACHED = b"k"  # a function by its key, and (args, kwargs)
MAP_CACHED = b"m"  # a function by its key, and a list of [args, ...] or (the pickle of such a list, its buffers)
SEEDED = {CALL: b"C", CALL_CACHED: b"K", MAP_CACHED: b"M"}  # the same, and each call's first argument is its seed
SHARE = b"s"  # {name: memory}
EXECUTE = b"x"  # source
EVALUATE = b"v"  # an expression
MAKE = b"a"  # (factory, args, kwargs) of an actor's object
INVOKE = b"i"  # (name, args, kwargs) of a method of an actor's object
RESUME = b"j"  # the number of a call whose result the actor has
COLLECT = b"g"  # nothing: garbage is collected

RESULT = b"r"  # the result
FAILURE = b"f"  # (the exception as a message or None, one line about it, its traceback)
LATER = b"l"  # the call goes on without its server, until it is resumed
UNKNOWN = b"u"  # the function is not known any more: it must be sent again


class Later(BaseException):
    """A call goes on without the thread that has begun it: the reply is LATER."""


SECONDS_PER_BYTE = 1e-9  # what memory adds to the cost of a map's calls, so that few large ones are in one request

MAX_CACHED_FUNCTIONS = 256  # functions that an interpreter keeps, by their keys

# The header of a request that calls a function by its key has three numbers and the letter. (The module `struct` would
# take a tenth of an interpreter's start, where it is a library of its own.)
_NUMBER = 8  # bytes
HEADER_LENGTH = 3 * _NUMBER + 1


def header(key: int, length: int, memory: int, kind: bytes) -> bytes:
    """The header: the function's key, its pickle's length, how many of the first buffers are its memory, the letter.

    The length is 0 if the function is not sent.
    """
    return b"".join([number.to_bytes(_NUMBER, "little") for number in (key, length, memory)]) + kind


def read_header(request: bytes, start: int) -> tuple[int, int, int]:
    """The three numbers of the header that begins there."""
    number = int.from_bytes(request[start : start + 3 * _NUMBER], "little")
    mask = (1 << 8 * _NUMBER) - 1
    return number & mask, number >> 8 * _NUMBER & mask, number >> 16 * _NUMBER
