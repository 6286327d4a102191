"""Independent reference implementations, and helpers for several tests."""

import array
import contextlib
import importlib
import os
import platform
import signal
import subprocess
import sys
import unittest

TESTS = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

if TESTS not in sys.path:  # an isolated interpreter has its host's path, and may import this module too
    sys.path.append(TESTS)

from primality import is_prime  # noqa: E402, F401, for those who import it from here
from stress import rounds, some  # noqa: E402, F401

PYPY = platform.python_implementation() == "PyPy"
PATIENCE = 300  # seconds: only a test that hangs takes so long


def sieve(limit):
    """The sieve of Eratosthenes: a byte for each number below the limit, 1 if it is prime."""
    prime = bytearray([0, 0]) + bytearray([1]) * (limit - 2)
    for n in range(2, int(limit**0.5) + 1):
        if prime[n]:
            prime[n * n :: n] = bytes(len(range(n * n, limit, n)))
    return prime


def import_or_skip(name):
    """The imported module. The test is skipped if it is not installed, or not made for PyPy 8, as cloudpickle."""
    try:
        return importlib.import_module(name)
    except (ImportError, AttributeError) as error:
        if isinstance(error, AttributeError) and not PYPY:
            raise
        raise unittest.SkipTest("SKIP: no %s here: %s" % (name, error)) from None


def not_on_pypy(reason):
    """A decorator of tests and classes of tests that PyPy cannot pass, for this reason."""
    return unittest.skipIf(PYPY, "SKIP: PyPy " + reason)


def has_numpy():
    with contextlib.suppress(ImportError):
        importlib.import_module("numpy")
        return True
    return False


def values(result):
    """The elements of an array of any kind, as a list."""
    return result.tolist()


def typecodes():
    """The typecodes of array.array, with the element type's name in error messages."""
    names = {}
    for code in "bBhHiIlLqQfd":
        kind = "float" if code in "fd" else "int" if code.islower() else "uint"
        names[code] = "%s%d" % (kind, 8 * array.array(code).itemsize)
    return names


def python(program, **environment):
    """The output of a new Python that runs the program. Environment variables that are None are removed."""
    settings = dict(os.environ, **environment)
    for name, value in environment.items():
        if value is None:
            del settings[name]
    command = [sys.executable, "-c", program]
    return subprocess.check_output(command, env=settings, timeout=PATIENCE, universal_newlines=True)


def interrupted(program, after):
    """Run a Python program and send SIGINT after it has printed the line `after`: (exit status, its other lines)."""
    # A shell without job control makes its background commands ignore SIGINT, and their children inherit that.
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
