"""Shows the code of interpreters to gdb: `source tools/gdb_interpreters.py`, in a process that gdb is attached to.

An interpreter's libraries are copies, which lie in memory files that gdb cannot read. But their code is mapped from the
original files, so it has those files' symbols. The debugged process must run on this machine.
"""

import os
import struct

import gdb

EXECUTABLE, LOAD, PAGE = 1, 1, os.sysconf("SC_PAGE_SIZE")
seen = set()


def load_bias(path, address, offset):
    """What was added to the addresses in the file, if this part of it is mapped there."""
    with open(path, "rb") as file:
        header = file.read(64)
        (table,), (size, count) = struct.unpack_from("<Q", header, 32), struct.unpack_from("<HH", header, 54)
        file.seek(table)
        segments = file.read(size * count)
    for at in range(0, size * count, size):
        kind, flags, start, vaddr, _, length = struct.unpack_from("<IIQQQQ", segments, at)
        if kind == LOAD and flags & EXECUTABLE and start // PAGE * PAGE <= offset < start + length:
            return address - offset + start - vaddr
    return None


def add_copies():
    with open("/proc/%d/maps" % gdb.selected_inferior().pid) as maps:
        mappings = [line.split(None, 5) for line in maps]
    for fields in mappings:
        path = fields[5].strip() if len(fields) > 5 else ""
        if "x" not in fields[1] or not path.startswith("/") or path.endswith(" (deleted)"):
            continue
        address, offset = int(fields[0].partition("-")[0], 16), int(fields[2], 16)
        if gdb.solib_name(address) or path == gdb.current_progspace().filename:
            continue  # gdb knows it
        bias = load_bias(path, address, offset)
        if bias is not None and (path, bias) not in seen:
            seen.add((path, bias))
            gdb.execute("add-symbol-file '%s' -o %#x" % (path, bias), to_string=True)


add_copies()
