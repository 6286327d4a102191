"""Answers by other ways than the library's, and what several tests need."""

import array
import contextlib
import importlib
import os
import signal
import subprocess
import sys
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if TESTS not in sys.path:  # an interpreter has its host's path, and may import this too
    sys.path.append(TESTS)

from primality import is_prime  # noqa: E402, F401, for those who import it from here
from stress import rounds  # noqa: E402, F401

PATIENCE = 300  # seconds; only what hangs takes that long


def sieve(limit):
    """A byte per number below the limit: 1 if it is prime (Eratosthenes)."""
    prime = bytearray([0, 0]) + bytearray([1]) * (limit - 2)
    for n in range(2, int(limit**0.5) + 1):
        if prime[n]:
            prime[n * n :: n] = bytes(len(range(n * n, limit, n)))
    return prime


def companion(name):
    """The module, or a skipped test."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise unittest.SkipTest("SKIP: no %s here: %s" % (name, error)) from None


def has_numpy():
    with contextlib.suppress(ImportError):
        importlib.import_module("numpy")
        return True
    return False


def values(result):
    """A list of the numbers of an array of any kind."""
    return result.tolist()


def typecodes():
    """array's typecodes for numbers, with what the library calls the type."""
    names = {}
    for code in "bBhHiIlLqQfd":
        kind = "float" if code in "fd" else "int" if code.islower() else "uint"
        names[code] = "%s%d" % (kind, 8 * array.array(code).itemsize)
    return names


def python(program, **environment):
    """The output of a new Python that runs the program. A variable of the environment that is None is removed."""
    settings = dict(os.environ, **environment)
    for name, value in environment.items():
        if value is None:
            del settings[name]
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env=settings, timeout=PATIENCE, universal_newlines=True)


def interrupted(program, after):
    """Runs a Python program, sends SIGINT when it has written the line `after`, and gives its other lines."""
    # A shell without job control has its background commands, and all that they start, ignore SIGINT.
    program = "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n" + program
    process = subprocess.Popen([sys.executable, "-u", "-c", program], stdout=subprocess.PIPE, universal_newlines=True)
    try:
        while process.stdout.readline().strip() != after:
            if process.poll() is not None:
                raise AssertionError("the program ended with %d" % process.returncode)
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.wait()
    return process.returncode, output.splitlines()
