"""The versions of Python that can have interpreters are the same wherever they are written."""
import os
import re
import sys
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "tests", "python"))

import pythons  # noqa: E402

RUST = "src/interp/cpython/version.rs"
PACKAGE = "python/ungil/interpreters/interpreter.py"
TEXTS = ("README.md", "docs/choosing.md", "cbindgen.toml", "src/capi/interp.rs")


def content(path):
    with open(os.path.join(PROJECT, path), encoding="utf-8") as file:
        return file.read()


class Versions(unittest.TestCase):
    def test_the_library_the_package_and_the_tests_have_the_same(self):
        numbers = re.findall(r"const (?:OLDEST|NEWEST): Self = Self\((\d+), (\d+)\)", content(RUST))
        oldest, newest = [tuple(map(int, version)) for version in numbers]
        self.assertEqual((pythons.OLDEST, pythons.NEWEST), (oldest, newest))
        self.assertIn("OLDEST_PYTHON, NEWEST_PYTHON = %r, %r\n" % (oldest, newest), content(PACKAGE))

    def test_the_texts_have_the_same(self):
        for path in TEXTS:
            found = re.findall(r"CPython(?: from)? (\d\.\d+ to \d\.\d+)", content(path))
            self.assertEqual(set(found), {pythons.WITH_INTERPRETERS}, path)


if __name__ == "__main__":
    unittest.main()
