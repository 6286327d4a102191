"""The table of tested Pythons has all that the package says it supports; how tests' notes become that table."""
import json
import os
import re
import shutil
import sys
import tempfile
import unittest
from unittest import mock

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "tests"))

import tested  # noqa: E402


class Table(unittest.TestCase):
    def test_every_supported_python_passed(self):
        with open(os.path.join(PROJECT, "pyproject.toml"), encoding="utf-8") as file:
            versions = re.findall(r'"Programming Language :: Python :: (\d\.\d+)"', file.read())
        self.assertGreater(len(versions), 5)
        _, outcomes = tested.read()
        if not outcomes:
            self.skipTest("SKIP: the table of docs/pythons.md is empty until `make versions`")
        for version in versions:
            row = outcomes.get("CPython " + version)
            self.assertIsNotNone(row, "docs/pythons.md: CPython " + version)
            for column in ("library", "package", "interpreters"):  # `packages` by CI only on some
                self.assertEqual(row[column], tested.PASSED, "%s on CPython %s" % (column, version))
        self.assertEqual(outcomes["CPython 2.7"]["library"], tested.PASSED)
        self.assertTrue(any(name.startswith("PyPy 3.") and row["package"] == "yes" for name, row in outcomes.items()))


class Notes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        page = os.path.join(self.folder, "page.md")
        with open(page, "w") as file:
            file.write("before\n%s\n%s\nafter\n" % (tested.START, tested.END))
        for name, value in (("NOTES", os.path.join(self.folder, "notes")), ("PAGE", page)):
            patch = mock.patch.object(tested, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def note(self, description, *columns, **settings):
        job = tested.Job("", None, description, *columns)
        job.passed = settings.get("passed", True)
        job.note()

    def test_what_was_noted_is_in_the_table(self):
        self.note("PyPy 3.11.15", "library")
        self.note("CPython 3.9.18", "library", "interpreters")
        self.note("CPython 3.10.2", "package")
        self.note("CPython 3.10.13", "package")
        tested.write()
        text, outcomes = tested.read()
        self.assertEqual(list(outcomes), ["CPython 3.9", "CPython 3.10", "PyPy 3.11"])
        self.assertEqual([outcomes["CPython 3.9"][name] for name in tested.COLUMNS], ["yes", "–", "yes", "–"])
        self.assertRegex(text, r"^before\n(.*\n)+after\n$")
        self.assertRegex(text, r"\| CPython 3\.10 \| 3\.10\.2 on \S+ [\d.]+, 3\.10\.13 on \S+ [\d.]+ \|")
        tested.write()
        self.assertEqual(tested.read()[0], text)

    def test_free_threaded_builds_have_rows_of_their_own(self):
        self.note("CPython 3.14.2t", "package")
        self.note("CPython 3.14.2", "library")
        tested.write()
        _, outcomes = tested.read()
        found = {name: [column for column in row if row[column] == tested.PASSED] for name, row in outcomes.items()}
        self.assertEqual(list(found.items()), [("CPython 3.14", ["library"]), ("CPython 3.14t", ["package"])])

    def test_another_release_of_a_series_is_no_difference(self):
        self.note("CPython 3.10.2", "package")
        tested.write()
        shutil.rmtree(tested.NOTES)
        self.note("CPython 3.10.3", "package")
        tested.check()

    def test_another_series_is_no_difference(self):
        self.note("CPython 3.10.2", "package")
        tested.write()
        self.note("PyPy 3.10.14", "library")
        with mock.patch("builtins.print") as printed:
            tested.check()
        self.assertIn("PyPy 3.10", printed.call_args[0][0])

    def test_differences(self):
        self.note("CPython 3.10.2", "package")
        tested.write()
        self.note("CPython 3.10.2", "library")
        with self.assertRaisesRegex(SystemExit, r"CPython 3\.10, the library by ctypes: yes"):
            tested.check()

    def test_a_failure_is_written_nowhere(self):
        self.note("CPython 3.10.3", "package")
        tested.write()
        self.note("CPython 3.10.2", "package", passed=False)
        with self.assertRaisesRegex(SystemExit, r"tests failed on CPython 3\.10"):
            tested.write()
        with self.assertRaisesRegex(SystemExit, "package: failed"):
            tested.check()

    def test_notes_say_which_c_library(self):
        self.note("CPython 3.10.2", "package")
        (path,) = os.listdir(tested.NOTES)
        with open(os.path.join(tested.NOTES, path)) as file:
            self.assertRegex(json.load(file)["libc"], r"^[a-z]+ [\d.]+$")


if __name__ == "__main__":
    unittest.main()
