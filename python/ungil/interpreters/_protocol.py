"""What requests and responses look like. Both sides use this file.

Each is a pickle, with what says how to take it behind, where pickle does not look: a letter at the end. Memory goes
beside. In requests that are about a function, the function's own pickle and a header come before the letter.
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
FAILURE = b"f"  # (the exception as a message or None, what it is in short, its traceback)

KEPT_FUNCTIONS = 256  # that an interpreter knows
UNKNOWN = b"u"  # the function is not known any more: it must be sent again

# Of a request about a function: its number, how long its pickle is, 0 if it should be known, how many of the buffers
# are its memory, and the letter.
HEADER = struct.Struct("<QQLc")
