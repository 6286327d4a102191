"""The oldest version of Python that can have interpreters is the same wherever it is written."""
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
        numbers = re.findall(r"const OLDEST: Self = Self\((\d+), (\d+)\)", content(RUST))
        oldest, = [tuple(map(int, version)) for version in numbers]
        self.assertEqual(pythons.OLDEST, oldest)
        self.assertIn("OLDEST_PYTHON = %r\n" % (oldest,), content(PACKAGE))

    def test_the_texts_have_the_same(self):
        for path in TEXTS:
            found = re.findall(r"CPython (\d\.\d+ or newer)", content(path))
            self.assertEqual(set(found), {pythons.WITH_INTERPRETERS}, path)


if __name__ == "__main__":
    unittest.main()
