"""Where the library under test is, and the library with its functions declared."""
import ctypes
import os
import sys

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")

# The file alone, not as part of its package: that takes nothing but ctypes. At the end: it is to shadow no module.
sys.path += [os.path.join(PROJECT, "python", "ungil"), os.path.join(PROJECT, "tests")]

import _signatures as signatures  # noqa: E402


def load(name="libungil.so"):
    return signatures.declare(ctypes.CDLL(os.path.join(LIBRARIES, name)))


def int_array(numbers):
    numbers = list(numbers)
    return (ctypes.c_int32 * len(numbers))(*numbers)
