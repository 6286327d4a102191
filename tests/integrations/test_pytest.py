"""Tests that use pools, run by pytest: what it captures of tasks' output."""

import os
import subprocess
import sys
import tempfile
import unittest

import stress

from references import PATIENCE

TESTS = """
import logging
import sys
import warnings

import pytest
import ungil


def talk(text):
    print(text)
    print("error:", text, file=sys.stderr)


def run(*args, **options):
    with ungil.InterpreterPoolExecutor(2, **options) as pool:
        return pool.submit(*args).result()


def test_capfd(capfd):
    run(talk, "x")
    assert capfd.readouterr() == ("x\\n", "error: x\\n")


def test_capsys_on_request(capsys):
    run(talk, "x", redirect_output=True)
    assert capsys.readouterr() == ("x\\n", "error: x\\n")


def test_capsys_else_has_nothing(capsys):
    run(talk, "to the descriptors")
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("redirects", [False, True])
def test_report(redirects):
    run(talk, "in the report of %s" % redirects, redirect_output=redirects)
    assert False


def test_records_stay_with_the_handlers_of_tasks(caplog):
    run(lambda: logging.getLogger("app").warning("of a task"))
    logging.getLogger("app").warning("of the program")
    assert caplog.messages == ["of the program"]


@pytest.mark.filterwarnings("error")
def test_filters_of_warnings():
    with pytest.raises(UserWarning):
        run(warnings.warn, "as the mark says")


def test_functions_of_tests(monkeypatch, tmp_path):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "module_of_test.py").write_text("VALUE = 5")

    def value():
        import module_of_test

        return module_of_test.VALUE

    assert run(value) == 5
"""


class Pytest(unittest.TestCase):
    def run_pytest(self, passed, *options):
        with tempfile.TemporaryDirectory() as directory:
            with open(os.path.join(directory, "test_tasks.py"), "w") as file:
                file.write(TESTS)
            command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *options, directory]
            result = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, cwd=directory)
        self.assertIn("2 failed, %d passed" % passed, result.stdout)
        return result.stdout, result.stderr

    def test_by_descriptors(self):
        output, _ = self.run_pytest(6)
        for redirects in (False, True):
            text = "in the report of %s\n" % redirects
            self.assertRegex(output, "Captured stdout call -+\n%s" % text)
            self.assertRegex(output, "Captured stderr call -+\nerror: %s" % text)

    @unittest.skipIf(stress.is_short(), "SKIP: the whole runs with %s=full" % stress.NAME)
    def test_by_streams_of_python(self):
        """With its option --capture=sys, only what is redirected is in the reports."""
        output, errors = self.run_pytest(5, "--capture=sys", "-k", "not capfd")
        self.assertRegex(output, "Captured stdout call -+\nin the report of True\n")
        self.assertNotRegex(output, "Captured stdout call -+\nin the report of False\n")
        self.assertEqual(errors, "error: to the descriptors\nerror: in the report of False\nof a task\n")


if __name__ == "__main__":
    unittest.main()
