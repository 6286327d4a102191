"""`python -m ungil`, and how the library is found."""

import json
import os
import subprocess
import sys
import textwrap
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS
from ungil import __main__ as report
from ungil import _python_speed
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
        self.assertEqual(found["pure_python"]["result"], results[-1])
        if HAS_INTERPRETERS:
            self.assertEqual(list(found["pure_python"]["workloads"]), list(_python_speed.WORKLOADS))
            self.assertGreater(found["ways"]["isolated interpreters"]["speed_up_over_program"], 0)

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

        def fine(workers):
            return report.Outcome(True, 2.0)

        ways = [
            ({"fine": fine}, 0),
            ({"fine": fine, "wrong": lambda workers: report.Outcome(False, 2.0)}, 1),
            ({"failing": fail}, 1),
        ]
        for some, status in ways:
            with mock.patch.object(report, "WAYS", some):
                self.assertIn(list(some)[-1], self.printed(status))
        broken = mock.patch.object(report, "Interpreter", side_effect=OSError("no memory"))
        with mock.patch.object(report, "WAYS", {}), broken:
            self.assertIn("OSError: no memory", self.printed(1))

    def test_a_python_without_a_libpython_is_unsupported(self):
        def no_libpython(workers):
            raise ungil.BrokenInterpreterPool("it is broken") from ungil.UnsupportedError(
                "ungil_interp_new: there is none"
            )

        with mock.patch.object(report, "WAYS", {"isolated interpreters": no_libpython}):
            self.assertRegex(self.printed(0), "isolated interpreters +unsupported +there is none")

    def printed(self, status):
        """What the report of this exit status prints."""
        with mock.patch.object(sys, "argv", ["ungil"]), mock.patch("builtins.print") as printed:
            self.assertEqual(report.main(), status)
        return printed.call_args[0][0]


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Libraries(unittest.TestCase):
    def test_for_programs(self):
        status, output, errors = run("-m", "ungil", "--json", "--libraries", "_ctypes_test", "no_such_module")
        self.assertEqual(status, 1, errors)
        found = json.loads(output)
        (module,) = [entry for entry in found["libraries"] if "_ctypes_test" in entry["path"]]
        self.assertTrue(os.path.isfile(module["path"]))
        self.assertEqual((module["private"], module["why"]), (True, "it uses Python"))
        self.assertEqual(list(found["errors"]), ["no_such_module"])
        self.assertIn("ModuleNotFoundError", found["errors"]["no_such_module"])

    def test_for_people(self):
        status, output, errors = run("-m", "ungil", "--libraries", "_ctypes_test", "zlib")
        self.assertEqual(status, 0, errors)
        self.assertRegex(output, r"(?m)^private  /.*_ctypes_test.*\.so \(it uses Python\)$")
        self.assertNotIn("failed", output)
        self.assertEqual(run("-m", "ungil", "--libraries", "sys")[:2], (0, "no libraries\n"))

    def test_the_users_word(self):
        if "libz.so" not in run("-m", "ungil", "--libraries", "zlib")[1]:
            self.skipTest("SKIP: the module zlib does not need libz here")
        for variable, kind in (("UNGIL_PRIVATE", "private"), ("UNGIL_SHARED", "shared ")):
            _, output, _ = run("-m", "ungil", "--libraries", "zlib", **{variable: "libz.*"})
            self.assertRegex(output, r"(?m)^%s  /.*libz\.so.* \(named by the user: libz\.\*\)$" % kind)


class Speed(unittest.TestCase):
    """Of pure Python in an interpreter and in the program, with made-up times."""

    def compared(self, factors, is_same_file=False):
        """The comparison of an interpreter that takes so many times as long for each workload."""
        there = dict(zip(_python_speed.WORKLOADS, factors))
        return _python_speed.compared(lambda name: 0.002, lambda name: 0.002 * there[name], is_same_file)

    def test_the_ratio_is_the_geometric_mean(self):
        found = self.compared([1.0, 4.0, 1.0, 4.0])
        self.assertEqual((found["ratio"], list(found["workloads"].values())), (2.0, [1.0, 4.0, 1.0, 4.0]))

    def test_what_is_called_a_slower_build(self):
        for factors, is_same_file, expected in (
            ([1.3, 1.3, 1.2, 1.4], False, True),
            ([1.3, 1.3, 1.2, 1.4], True, False),
            ([1.03, 0.97, 1.0, 1.05], False, False),
            ([0.8, 0.8, 0.8, 0.8], False, False),
        ):
            self.assertIs(self.compared(factors, is_same_file)["is_slower_build"], expected, (factors, is_same_file))

    def test_a_clock_that_is_too_coarse(self):
        for here, there in ((0.0, 0.0), (0.0, 0.01), (0.01, 0.0)):
            found = _python_speed.compared(lambda name, it=here: it, lambda name, it=there: it, False)
            self.assertEqual(found["result"], "unsupported")

    def test_the_best_of_the_rounds_counts_and_both_take_turns(self):
        calls = []

        def disturbed(where, seconds):
            def measure(name):
                calls.append((where, name))
                return seconds if calls.count((where, name)) == 3 else 100 * seconds

            return measure

        found = _python_speed.ratios(disturbed("here", 1.0), disturbed("there", 1.5))
        self.assertEqual(set(found.values()), {1.5})
        self.assertEqual([where for where, _ in calls], ["here", "there"] * (len(calls) // 2))

    def test_the_workloads_can_be_measured(self):
        for name in _python_speed.WORKLOADS:
            self.assertGreater(_python_speed.cpu_seconds(name), 0)

    def test_the_file_that_this_program_runs_from(self):
        files = _python_speed.mapped_files()
        self.assertTrue(_python_speed.is_mapped(os.path.realpath(sys.executable), files))
        self.assertFalse(_python_speed.is_mapped(__file__, files))

    def text(self, factors, over_program):
        """The report of a machine with such an interpreter."""
        way = report.Outcome(True, 1.96, over_program)
        speed = ("/lib/libpython.so", self.compared(factors))
        made_up = {"WAYS": {"isolated interpreters": lambda workers: way}, "pure_python": lambda: speed}
        with mock.patch.multiple(report, **made_up):
            return report.text(report.report())

    def test_a_slower_build_in_the_text(self):
        text = self.text([1.3] * 4, 1.51)
        for part in ("speed-up 1.96 with ", ", 1.51 over this program", "1.30 times as long", "--enable-optimizations"):
            self.assertIn(part, text)

    def test_an_equal_build_in_the_text(self):
        text = self.text([1.0] * 4, 1.95)
        self.assertIn("1.00 times as long", text)
        for part in ("over this program", "--enable-optimizations"):
            self.assertNotIn(part, text)


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
        self.assertRegex(errors, "symbol:? ungil_version")  # in the words of the C library or of PyPy

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
