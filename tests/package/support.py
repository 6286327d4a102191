"""Helpers for the package's tests that need the library."""

import faulthandler
import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest
from contextlib import contextmanager

import ungil
from references import PATIENCE, rounds  # noqa: F401, for those who import it from here

try:
    import numpy
except ImportError:
    numpy = None


def has_interpreters():
    """(whether isolated interpreters work here, the reason if they do not)."""
    try:
        ungil.Interpreter().close()
    except ungil.UnsupportedError as reason:
        return False, "SKIP: %s" % reason
    return True, ""


if hasattr(faulthandler, "register") and "_ungil" not in sys.modules:  # not in an interpreter
    faulthandler.register(signal.SIGRTMIN + 5)  # ../side_by_side.py sends it when the tests hang

HAS_INTERPRETERS, NEEDS_INTERPRETERS = has_interpreters()


def run_script(script, *arguments, options=(), interact=None, timeout=PATIENCE):
    """Run a program from a file: (exit status, stdout, stderr). interact(process) is called while it runs.

    arguments, options: the program's, and Python's own.
    """
    directories = [directory for directory in sys.path if directory]
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "script.py")
        with open(path, "w", encoding="utf-8") as file:
            # A shell without job control makes its background commands ignore SIGINT; children inherit that.
            file.write("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n")
            file.write(textwrap.dedent(script))
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(directories), PYTHONFAULTHANDLER="1")
        process = subprocess.Popen(
            [sys.executable, *options, path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            universal_newlines=True,
        )
        watch = threading.Timer(timeout, process.kill)  # a program that hangs is killed, and its status shows that
        watch.start()
        try:
            if interact:
                interact(process)
            output, errors = process.communicate()
        finally:
            watch.cancel()
    return process.returncode, output, errors


def memory():
    """The memory in bytes that this process alone has written.

    Other measures depend on other processes: a page of a file counts as private, or as a larger share, when another
    process that has mapped the file ends.
    """
    with open("/proc/self/smaps_rollup") as lines:
        return sum(int(line.split()[1]) << 10 for line in lines if line.startswith(("Private_Dirty:", "Swap:")))


class OneInterpreter(unittest.TestCase):
    """Tests that share one interpreter."""

    @classmethod
    def setUpClass(cls):
        cls.interpreter = ungil.Interpreter()
        cls.addClassCleanup(cls.interpreter.close)
        cls.call = staticmethod(cls.interpreter.call)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Programs(unittest.TestCase):
    """Tests that run programs, which have imported ungil."""

    maxDiff = None

    def assert_prints(self, script, *lines):
        status, output, errors = run_script("import ungil\n" + textwrap.dedent(script))
        self.assertEqual((status, output.splitlines()), (0, list(lines)), errors)


def installed_packages(parent):
    """A directory whose modules stay imported, as those of the program do not, and whose libraries are private."""
    directory = os.path.join(parent, "site-packages")
    os.makedirs(directory, exist_ok=True)
    return directory


@contextmanager
def installed(name, source):
    """A module where installed ones are."""
    with tempfile.TemporaryDirectory() as directory:
        packages = installed_packages(directory)
        with open(os.path.join(packages, name + ".py"), "w") as file:
            file.write(source)
        sys.path.append(packages)
        try:
            yield
        finally:
            sys.path.remove(packages)
