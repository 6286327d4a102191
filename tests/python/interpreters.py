"""Isolated interpreters through plain ctypes, for the tests."""
import ctypes
import glob
import os
import platform
import sys
import sysconfig
import threading

from support import load, signatures

library = load()

# What a process's own Python must be for an interpreter to be like it.
SUPPORTED = platform.python_implementation() == "CPython" and (3, 8) <= sys.version_info[:2] <= (3, 14)


def shared_library():
    """This Python's shared libpython, or None."""
    names = [sysconfig.get_config_var("INSTSONAME"), "libpython%d.%d.so.1.0" % sys.version_info[:2]]
    folders = [sysconfig.get_config_var("LIBDIR")] + glob.glob("/usr/lib/*-linux-gnu")
    paths = [os.path.join(folder, name) for folder in folders for name in names if folder and name]
    return next((path for path in paths if "libpython" in path and ".so" in path and os.path.exists(path)), None)


class Failed(Exception):
    def __init__(self, status):
        self.status = status
        self.message = library.ungil_last_error().decode("utf-8")
        Exception.__init__(self, "%d: %s" % (status, self.message))


def check(status):
    if status != signatures.UNGIL_OK:
        raise Failed(status)


class Interpreter(object):
    def __init__(self, **options):
        lines = []
        for name, values in options.items():
            for value in values if isinstance(values, list) else [values]:
                lines.append("%s=%s" % (name, value))
        handle = ctypes.c_int32()
        check(library.ungil_interp_new("\n".join(lines).encode(), ctypes.byref(handle)))
        self.handle = handle.value

    def free(self):
        check(library.ungil_interp_free(self.handle))

    def run(self, source):
        check(library.ungil_interp_exec(self.handle, source.encode("utf-8")))

    def eval(self, expression):
        text = ctypes.c_char_p()
        check(library.ungil_interp_eval(self.handle, expression.encode("utf-8"), ctypes.byref(text)))
        return text.value.decode("utf-8")

    def interrupt(self):
        check(library.ungil_interp_interrupt(self.handle))

    def call(self, request, *loans):
        return Reply(self.handle, request, loans)


class Loan(object):
    """Memory that goes to an interpreter. `over` is set when no view of it is left."""

    kept = {}  # what C has addresses of

    def __init__(self, memory, read_only=True):
        self.over = threading.Event()
        self.release = signatures.UngilRelease(self._end)
        address, length = ctypes.addressof(memory), ctypes.sizeof(memory)
        self.buffer = signatures.UngilBuffer(address, length, int(read_only), self.release, address)
        self.memory = memory
        self.kept[id(self)] = self

    def _end(self, owner):
        if owner == ctypes.addressof(self.memory):
            del self.kept[id(self)]
            self.over.set()


class Reply(object):
    def __init__(self, handle, request, loans):
        buffers = (signatures.UngilBuffer * len(loans))(*[loan.buffer for loan in loans])
        self.reply = signatures.UngilReply()
        check(library.ungil_interp_call(
            handle, request, len(request), buffers, len(loans), ctypes.byref(self.reply)
        ))

    @property
    def response(self):
        return ctypes.string_at(self.reply.response, self.reply.length)

    @property
    def buffers(self):
        """(address, length, whether it is read-only) of each."""
        all_of_them = [self.reply.buffers[i] for i in range(self.reply.count)]
        return [(buffer.address, buffer.length, bool(buffer.readonly)) for buffer in all_of_them]

    def free(self):
        check(library.ungil_reply_free(self.reply.handle))


def together(functions):
    """Runs the functions at the same time, and raises the first error."""
    errors = []

    def run(function):
        try:
            function()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def count():
    """(how many are in use, how many are idle)"""
    in_use, idle = ctypes.c_int32(), ctypes.c_int32()
    check(library.ungil_interp_count(ctypes.byref(in_use), ctypes.byref(idle)))
    return in_use.value, idle.value


def memory():
    """This process's memory in bytes, its share of what it shares included."""
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))
