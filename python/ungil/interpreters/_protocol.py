"""The format of requests and responses. Both sides import this file.

Each is a pickle, followed by one letter that says how to read it: pickle ignores bytes after its end. Memory goes
beside. A request that calls a function by its key has the function's own pickle, if the interpreter does not know the
function yet, and then a header, before the letter.
"""

from __future__ import annotations

import struct

CALL = b"c"  # (function, args, kwargs)
CALL_CACHED = b"k"  # a function by its key, and (args, kwargs)
MAP_CACHED = b"m"  # a function by its key, and a list of chunks: the pickle of [args, ...] for each
SHARE = b"s"  # {name: memory}
EXECUTE = b"x"  # source
EVALUATE = b"v"  # an expression

RESULT = b"r"  # the result
FAILURE = b"f"  # (the exception as a message or None, one line about it, its traceback)
UNKNOWN = b"u"  # the function is not known any more: it must be sent again

MAX_CACHED_FUNCTIONS = 256  # functions that an interpreter keeps, by their keys

# The header of a request that calls a function by its key:
#   Q  the key
#   Q  the length of the function's pickle; 0 if it is not sent
#   L  how many of the buffers, from the first on, are the function's memory
#   c  the letter
HEADER = struct.Struct("<QQLc")
