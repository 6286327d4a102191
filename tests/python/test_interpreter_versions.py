# coding: utf-8
"""Libpythons of versions that nobody has tried, and such that lack something: they work, or the error says why not."""

from __future__ import unicode_literals

import os
import platform
import re
import shutil
import sys
import sysconfig
import tempfile
import textwrap
import unittest

from interpreters import HAS_ONE, HERE, REASON, UNSUPPORTED, Case, run, shared_library
from shared_objects import RETURN_0, SharedObject

DECLARATIONS = os.path.join(HERE, "..", "..", "src", "interp", "cpython", "ffi.rs")

# What a child process begins with: an interpreter of a changed libpython, or why there is none.
START = """
    from shared_objects import SharedObject

    def start(path, **options):
        try:
            interpreter = Interpreter(libpython=path, **options)
        except Failed as failed:
            assert failed.status == UNSUPPORTED, failed
            return failed.message
        assert interpreter.eval("6 * 7") == "42"
        return "works"
"""


def used_symbols():
    """The symbols of Python's that the library looks up."""
    with open(DECLARATIONS) as file:
        return re.findall(r"^ +(Py\w+)[(:].*;$", file.read(), re.MULTILINE)


@unittest.skipUnless(HAS_ONE, REASON)
class Versions(Case):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)
        self.path = os.path.join(self.directory, "lib", os.path.basename(shared_library()))
        os.mkdir(os.path.dirname(self.path))

    def lines(self, source):
        names = {"path": self.path, "original": shared_library()}
        status, output, errors = run(textwrap.dedent(START) + textwrap.dedent(source) % names)
        self.assertEqual(status, 0, errors)
        return output.splitlines()

    def pretend(self, version):
        """A libpython that says it is of this version, with a standard library of its name and of its own."""
        number = sys.version.split()[0]
        library = SharedObject(shared_library())
        library.replace(number.encode(), version.ljust(len(number), "0").encode())
        library.write(self.path)
        real = sysconfig.get_path("stdlib")
        for name in {os.path.basename(real), "python" + ".".join(version.split(".")[:2])}:
            os.symlink(real, os.path.join(self.directory, "lib", name))

    def test_a_version_of_the_future(self):
        self.pretend("3.99.")
        version, outcome = self.lines("""
            interpreter = Interpreter(libpython=%(path)r, executable="", home=%(path)r.rpartition("/lib/")[0])
            interpreter.run("import sys, json, ctypes, threading")
            print(interpreter.eval("sys.version.split('.')[:2]"))
            try: interpreter.run("1 / 0")
            except Failed as failed: print(failed.message.splitlines()[0])
        """)
        self.assertEqual(version, "['3', '99']")
        self.assertIn("ZeroDivisionError: division by zero", outcome)

    def test_an_isolated_one_of_another_version_reads_no_environment(self):
        self.pretend("3.99.")
        lines = self.lines("""
            import os
            os.environ["PYTHONDEVMODE"] = "1"
            for isolated in (0, 1):
                home = %(path)r.rpartition("/lib/")[0]
                interpreter = Interpreter(libpython=%(path)r, executable="", home=home, isolated=isolated)
                print(interpreter.eval("__import__('sys').flags.dev_mode"))
        """)
        self.assertEqual(lines, ["True", "False"])

    def test_a_version_that_is_too_old(self):
        self.pretend("3.8.")
        message, = self.lines("print(start(%(path)r))")
        self.assertIn("(Python 3.8): looking up symbols: isolated interpreters need CPython 3.9 or newer", message)

    def test_without_one_of_the_symbols(self):
        """Those that are needed are named. Of some there is another one."""
        defined = SharedObject(shared_library()).symbols
        names = [name for name in used_symbols() if name in defined]
        self.assertIn("PyEval_SaveThread", names)
        self.assertIn("PyExc_KeyboardInterrupt", names)
        lines = self.lines("""
            library = SharedObject(%(original)r)
            for name in {0}:
                library.rename(name)
                print(name + ": " + start(library.write(%(path)r)))
        """.format([str(name) for name in names]))
        self.assertEqual(len(lines), len(names))
        needed = 0
        for line in lines:
            name, _, outcome = line.partition(": ")
            if outcome != "works":
                self.assertRegex(outcome, r"(looking up symbols|reading the file): .*it (does not define|defines neither)")
                self.assertRegex(outcome, r"\b%s\b" % name)
                needed += 1
        self.assertGreater(needed, 30, lines)

    @unittest.skipIf(RETURN_0 is None, "SKIP: no code for %s" % platform.machine())
    def test_functions_that_do_nothing(self):
        """The start finds them. (Most others of the API crash Python itself, or its own start finds them.)"""
        expected = {
            "Py_GetVersion": "looking up symbols: it gives no version",
            "PyDict_New": "initialising Python: ",
            "Py_CompileString": "self-test: running code: Python gave no reason",
            "PyUnicode_AsUTF8String": "self-test: running code: Python gave no reason",
            "PyObject_CallObject": "self-test: lending a buffer: Python gave no reason",
            "PyBuffer_Release": "self-test: lending a buffer: the number of releases is 0 in place of 1",
            "Py_DecRef": "self-test: lending a buffer: the number of releases is 0 in place of 1",
            "PyThreadState_SetAsyncExc": "self-test: an interrupt: the number of interrupted threads is 0 in place of 1",
            "PyInitConfig_Create": "initialising Python: there is no memory for its options",
            "PyInterpreterGuard_FromCurrent": "self-test: Python gave no reason",
            "PyThreadState_Ensure": "self-test: entering from a thread: MemoryError",
        }
        defined = SharedObject(shared_library()).symbols
        for name in sorted(defined.keys() & expected.keys()):
            line, = self.lines("""
                library = SharedObject(%(original)r)
                library.disable({0!r})
                print(start(library.write(%(path)r)))
            """.format(str(name)))
            self.assertIn(self.path, line, name)
            self.assertIn(expected[name], line, name)
            if expected[name].startswith("self-test"):
                self.assertIn("(Python %d.%d)" % sys.version_info[:2], line, name)


if __name__ == "__main__":
    unittest.main()
