"""The format of requests and responses. Both sides import this file.

Each is a pickle, followed by one letter that says how to read it: pickle ignores bytes after its end. Memory goes
beside. In a request that calls a known function, the function's own pickle, if it is sent, and a header come before the
letter.
"""

from __future__ import annotations

import struct

CALL = b"c"  # (function, args, kwargs)
CALL_KNOWN = b"k"  # a function, and (args, kwargs)
MAP_KNOWN = b"m"  # a function, and [args, ...]
SHARE = b"s"  # {name: memory}
EXECUTE = b"x"  # source
EVALUATE = b"v"  # an expression

RESULT = b"r"  # the result
FAILURE = b"f"  # (the exception as a message or None, one line about it, its traceback)
UNKNOWN = b"u"  # the function is not known any more: it must be sent again

MAX_KNOWN_FUNCTIONS = 256  # functions that an interpreter knows

# Of a request that calls a known function: its token, the length of its pickle, 0 if it is not sent, how many of the
# buffers are the function's memory, and the letter.
HEADER = struct.Struct("<QQLc")
