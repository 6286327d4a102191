"""Where the library under test is, and the library with its functions declared."""
import ctypes
import glob
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.normpath(os.path.join(HERE, "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")

# The file alone, not as part of its package: that takes nothing but ctypes. At the end: it is to shadow no module.
sys.path += [os.path.join(PROJECT, "python", "ungil", "_native"), os.path.join(PROJECT, "tests")]

import signatures  # noqa: E402


def load(name="libungil.so"):
    return signatures.declare(ctypes.CDLL(os.path.join(LIBRARIES, name)))


def helpers(least):
    """How many helpers the library has in this process, by their threads' names.

    Waits for so many for a while: a thread that has just started has no name yet.
    """
    deadline = time.time() + 20
    while True:
        names = [open(path).read() for path in glob.glob("/proc/self/task/*/comm")]
        found = sum(name.startswith("ungil-") for name in names)
        if found >= least or time.time() >= deadline:
            return found
        time.sleep(0.01)


def int_array(numbers):
    numbers = list(numbers)
    return (ctypes.c_int32 * len(numbers))(*numbers)
