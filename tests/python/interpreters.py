"""Isolated interpreters through plain ctypes, for the tests."""

import ctypes
import glob
import os
import platform
import subprocess
import sys
import sysconfig
import textwrap
import threading
import unittest

import pythons
from support import load, signatures

HERE = os.path.dirname(os.path.abspath(__file__))

library = load()

PYTHON, UNSUPPORTED = signatures.UNGIL_E_PYTHON, signatures.UNGIL_E_UNSUPPORTED
HANDLE, IN_USE, INVALID = signatures.UNGIL_E_HANDLE, signatures.UNGIL_E_IN_USE, signatures.UNGIL_E_INVALID
DIED = signatures.UNGIL_E_DIED

# What a process's own Python must be for an interpreter to be like it.
SUPPORTED = pythons.have_interpreters(platform.python_implementation(), sys.version_info[:2])


def shared_library():
    """This Python's shared libpython, or None."""
    names = [sysconfig.get_config_var("INSTSONAME"), "libpython%d.%d.so.1.0" % sys.version_info[:2]]
    directories = [sysconfig.get_config_var("LIBDIR")] + glob.glob("/usr/lib/*-linux-gnu")
    paths = [os.path.join(directory, name) for directory in directories for name in names if directory and name]
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

    def call(self, request, *buffers):
        return Reply(self.handle, request, buffers)


class ExportedBuffer(object):
    """Memory that goes to an interpreter. `released` is set when no view of it is left."""

    kept = {}  # what C has addresses of

    def __init__(self, memory, read_only=True):
        self.released = threading.Event()
        self.release = signatures.UngilRelease(self._end)
        address, length = ctypes.addressof(memory), ctypes.sizeof(memory)
        self.struct = signatures.UngilBuffer(address, length, int(read_only), self.release, address)
        self.memory = memory
        self.kept[id(self)] = self

    def _end(self, owner):
        if owner == ctypes.addressof(self.memory):
            del self.kept[id(self)]
            self.released.set()


class Reply(object):
    def __init__(self, handle, request, buffers):
        buffers = (signatures.UngilBuffer * len(buffers))(*[buffer.struct for buffer in buffers])
        self.reply = signatures.UngilReply()
        check(library.ungil_interp_call(handle, request, len(request), buffers, len(buffers), ctypes.byref(self.reply)))

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
    """Run the functions at the same time, and raise the first error."""
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
    """The memory in bytes that this process alone has written: other measures depend on other processes."""
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Private_Dirty:", "Swap:")))


def mappings():
    """The mapped ranges of this process: (the file's path, access such as "r-xp", sizes in bytes by their names)."""
    found = []
    with open("/proc/self/smaps") as lines:
        for line in lines:
            words = line.split(None, 5)
            if "-" in words[0]:
                found.append((words[5].strip() if len(words) > 5 else "", words[1], {}))
            elif words[-1].strip() == "kB":
                found[-1][2][words[0].rstrip(":")] = int(words[1]) << 10
    return found


def pages_of_copies():
    """What the files of copies have in memory, in bytes: pages that were written to are not theirs any more."""
    files = [(path, sizes) for path, _, sizes in mappings() if path.startswith("/memfd:")]
    of_copies = [sizes for path, sizes in files if "ungil" not in path]
    return sum(sizes["Rss"] - sizes["Anonymous"] for sizes in of_copies)


HAS_ONE = SUPPORTED and shared_library() is not None
REASON = "SKIP: isolated interpreters require CPython %s with a shared libpython" % pythons.WITH_INTERPRETERS

# A handler of requests.
SERVER = """
import _ungil, array
kept = []

@_ungil.serve
def answer(request, *buffers):
    if request == b"sum":
        return str([sum(buffer) for buffer in buffers]).encode()
    if request == b"write":
        buffers[0][0] = 99
    if request == b"keep":
        kept.extend(buffers)
    if request == b"drop":
        kept.clear()
    if request == b"export":
        return b"exported", array.array("i", range(1000)), b"read-only"
    if request.startswith(b"zeros "):
        return bytes(int(request[6:]))
    if request == b"bytearray":
        kept.append(bytearray(1000000))
        return b"", kept[0]
    if request == b"resize":
        kept[0].append(1)
    if request == b"number":
        return 5
    if request == b"scattered":
        return b"", memoryview(bytes(10))[::2]
    return request
"""


def run(source, **options):
    """A process that runs this source after these modules' imports: (status, output, errors)."""
    program = "import sys; sys.path.insert(0, %r)\nfrom interpreters import *\n" % str(HERE)
    program += textwrap.dedent(source)
    environment = dict(os.environ, **options.pop("environment", {}))
    command = options.pop("command", [sys.executable]) + ["-c", program]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options)
    watch = threading.Timer(300, process.kill)  # a hang is a failure, by its status
    watch.start()
    output, errors = process.communicate()
    watch.cancel()
    return process.returncode, output.decode("utf-8"), errors.decode("utf-8")


class Case(unittest.TestCase):
    if not hasattr(unittest.TestCase, "assertRegex"):  # Python 2
        assertRegex = unittest.TestCase.assertRegexpMatches

    def new(self, **options):
        interpreter = Interpreter(**options)
        self.addCleanup(lambda: library.ungil_interp_free(interpreter.handle))
        return interpreter

    def assert_fails(self, status, part, function, *arguments, **options):
        with self.assertRaises(Failed) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(part, caught.exception.message)
        return caught.exception.message
