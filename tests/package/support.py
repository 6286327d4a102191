"""What the tests of the package share."""

import os
import subprocess
import sys
import tempfile
import textwrap
import threading
import unittest

import ungil
from references import PATIENCE, rounds  # noqa: F401, for those who import it from here

try:
    import numpy
except ImportError:
    numpy = None


def has_interpreters():
    """Whether this Python can have interpreters, and why not."""
    try:
        ungil.Interpreter().close()
    except ungil.UnsupportedError as reason:
        return False, "SKIP: %s" % reason
    return True, ""


HAS_INTERPRETERS, NEEDS_INTERPRETERS = has_interpreters()


def run_script(script, *arguments, interact=None, timeout=PATIENCE):
    """Runs a program from a file: (status, output, errors). interact(process) may do something meanwhile."""
    directories = [directory for directory in sys.path if directory]
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "script.py")
        with open(path, "w", encoding="utf-8") as file:
            # A shell without job control has its background commands, and all that they start, ignore SIGINT.
            file.write("import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n")
            file.write(textwrap.dedent(script))
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(directories), PYTHONFAULTHANDLER="1")
        process = subprocess.Popen(
            [sys.executable, path, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            universal_newlines=True,
        )
        watch = threading.Timer(timeout, process.kill)  # a hang is a failure, by its status
        watch.start()
        try:
            if interact:
                interact(process)
            output, errors = process.communicate()
        finally:
            watch.cancel()
    return process.returncode, output, errors


def memory():
    """This process's memory in bytes, its share of what it shares included."""
    with open("/proc/self/smaps_rollup") as lines:
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("Pss:"))


class OneInterpreter(unittest.TestCase):
    """Tests that use one interpreter, one after the other."""

    @classmethod
    def setUpClass(cls):
        cls.interpreter = ungil.Interpreter()
        cls.addClassCleanup(cls.interpreter.close)
        cls.call = staticmethod(cls.interpreter.call)
