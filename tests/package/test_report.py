"""`python -m ungil`, and how the library is found."""

import json
import os
import subprocess
import sys
import textwrap
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS
from ungil import __main__ as report
from ungil._native.library import path


def run(*arguments, **settings):
    directories = os.pathsep.join(directory for directory in sys.path if directory)
    process = subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        env=dict(os.environ, PYTHONPATH=directories, **settings),
        text=True,
        timeout=120,
    )
    return process.returncode, process.stdout, process.stderr


class Report(unittest.TestCase):
    def test_for_programs(self):
        status, output, errors = run("-m", "ungil", "--json", UNGIL_NUM_THREADS="2")
        self.assertEqual((status, errors), (0, ""))
        found = json.loads(output)
        self.assertEqual(
            (found["ungil"], found["threads"], found["executable"]), (ungil.__version__, 2, sys.executable)
        )
        self.assertEqual(found["environment"]["UNGIL_NUM_THREADS"], "2")
        results = [way["result"] for way in found["ways"].values()]
        self.assertEqual(results, ["ok", "ok", "ok" if HAS_INTERPRETERS else "unsupported"])
        self.assertEqual(os.path.isfile(found["libpython"]), HAS_INTERPRETERS)

    def test_for_people(self):
        status, output, _ = run("-m", "ungil")
        self.assertEqual(status, 0)
        for part in (ungil.__version__, path, "CPU level", "a C function from Python threads", "isolated interpreters"):
            self.assertIn(part, output)

    def test_it_says_what_a_free_threaded_python_is(self):
        self.assertEqual(report.about_threads({"free_threaded": False, "gil": True}), "")
        for gil, part in ((False, "interpreters have no GIL either"), (True, "its GIL is on")):
            self.assertIn(part, report.about_threads({"free_threaded": True, "gil": gil}))

    def test_without_docstrings(self):
        status, output, errors = run("-OO", "-m", "ungil", "--help")
        self.assertEqual((status, errors), (0, ""))
        self.assertIn("--json", output)

    def test_a_wrong_answer_and_a_failure_set_the_exit_status(self):
        def fail(workers):
            raise OSError("no threads")

        ways = [
            ({"fine": lambda workers: (True, 2.0)}, 0),
            ({"fine": lambda workers: (True, 2.0), "wrong": lambda workers: (False, 2.0)}, 1),
            ({"failing": fail}, 1),
        ]
        for some, status in ways:
            with mock.patch.object(report, "WAYS", some), mock.patch.object(sys, "argv", ["ungil"]):
                with mock.patch("builtins.print") as printed:
                    self.assertEqual(report.main(), status)
                self.assertIn(list(some)[-1], printed.call_args[0][0])


class Loader(unittest.TestCase):
    def test_the_override_is_the_only_one_that_is_tried(self):
        status, _, errors = run("-c", "import ungil; ungil.compat.pi", UNGIL_LIBRARY="/nowhere/libungil.so")
        self.assertEqual(status, 1)
        self.assertIn("ImportError", errors)
        self.assertIn("/nowhere/libungil.so (UNGIL_LIBRARY)", errors)
        self.assertNotIn("the package's own", errors)

    def test_another_library_is_rejected_with_the_reason(self):
        status, _, errors = run("-c", "import ungil; ungil.compat.pi", UNGIL_LIBRARY="libc.so.6")
        self.assertEqual(status, 1)
        self.assertIn("undefined symbol: ungil_version", errors)

    def test_the_error_lists_each_path_that_was_tried(self):
        program = """
            import ctypes, sys
            def refuse(path, *rest, **more):
                raise OSError("refused")
            ctypes.CDLL = refuse
            import ungil
            ungil.compat.pi
        """
        status, _, errors = run("-c", textwrap.dedent(program), UNGIL_LIBRARY="")
        self.assertEqual(status, 1)
        for part in (
            "libungil.so (the package's own): refused",
            "libungil.so.0 (the system's): refused",
            "UNGIL_LIBRARY",
        ):
            self.assertIn(part, errors)

    def test_the_library_is_loaded_at_its_first_use(self):
        program = "import sys, ungil; print('ctypes' in sys.modules, hasattr(ungil, 'nothing'), 'sum' in dir(ungil))"
        self.assertEqual(run("-c", program)[1].split()[1:], ["False", "True"])


if __name__ == "__main__":
    unittest.main()
