"""The programs in these pages print what the pages say, and the docstrings' examples work."""

import doctest
import importlib
import os
import re
import subprocess
import sys
import tempfile
import unittest

from references import PATIENCE

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
PAGES = ["asyncio.md", "dask.md", "dataframes.md", "joblib.md"]
MODULES = ["ungil.dask", "ungil.joblib"]


def programs_of(page):
    """(program, what it prints) of a page, where both are there."""
    with open(os.path.join(DOCS, page), encoding="utf-8") as file:
        return re.findall(r"```python\n(.*?)```\n```text\n(.*?)```", file.read(), flags=re.DOTALL)


class Pages(unittest.TestCase):
    def test_programs(self):
        for page in PAGES:
            programs = programs_of(page)
            self.assertTrue(programs, page)
            for program, expected in programs:
                with self.subTest(page=page, program=program), tempfile.TemporaryDirectory() as directory:
                    path = os.path.join(directory, "program.py")
                    with open(path, "w", encoding="utf-8") as file:
                        file.write(program)
                    command = [sys.executable, "-W", "ignore", path]
                    output = subprocess.check_output(command, timeout=PATIENCE, universal_newlines=True)
                    self.assertEqual(output, expected)

    def test_docstrings(self):
        for name in MODULES:
            result = doctest.testmod(importlib.import_module(name), verbose=False)
            self.assertEqual(result.failed, 0)
            self.assertGreater(result.attempted, 0)


if __name__ == "__main__":
    unittest.main()
