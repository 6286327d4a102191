"""The table of tried packages has all cases, and nothing that fails; how trials' notes become that table."""
import json
import os
import shutil
import sys
import tempfile
import unittest
from unittest import mock

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PACKAGES = os.path.join(PROJECT, "tests", "packages")
sys.path.append(PACKAGES)

import cases  # noqa: E402
import page  # noqa: E402
import trials  # noqa: E402


class Page(unittest.TestCase):
    def test_every_package_was_tried(self):
        _, rows = page.read()
        self.assertLessEqual({"CPython 3.9", "CPython 3.12", "CPython 3.14"}, set(next(iter(rows.values()))))
        for case in cases.find().values():
            cells = rows[case.distribution or page.STANDARD].values()
            self.assertTrue(any(cell not in (page.NOT_HAD, page.NOT_TRIED) for cell in cells), case.distribution)

    def test_ci_installs_what_the_quick_cases_use(self):
        quick = [case for case in cases.find().values() if case.quick]
        with open(os.path.join(PACKAGES, "requirements.txt")) as file:
            lines = [line.partition(";")[0].strip() for line in file if not line.startswith("#")]
        self.assertEqual(sorted(lines, key=str.lower), sorted({*cases.requirements(quick), "cloudpickle"}, key=str.lower))


class Notes(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)
        path = os.path.join(self.folder, "page.md")
        with open(path, "w") as file:
            file.write("before\n%s\n%s\nafter\n" % (page.START, page.END))
        for module, name, value in ((trials, "NOTES", os.path.join(self.folder, "notes")), (page, "PAGE", path)):
            patch = mock.patch.object(module, name, value)
            patch.start()
            self.addCleanup(patch.stop)

    def note(self, case, python="CPython 3.9.18", interpreters=4, outcome=trials.OK, **others):
        note = {"distribution": case, "version": "1.2.3", "reason": "", "libc": "glibc 2.36", **others}
        note.update(python=python, case=case or "ssl", interpreters=interpreters, outcome=outcome)
        folder = os.path.join(trials.NOTES, python.replace(" ", "-"))
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "%s-%d.json" % (note["case"], interpreters)), "w") as file:
            json.dump(note, file)

    def test_what_was_noted_is_in_the_table(self):
        self.note("numpy")
        self.note("numpy", interpreters=8)
        self.note("numpy", python="CPython 3.12.1", version="2.0")
        self.note(None, version=None)
        for name in ("Absent", "missing"):
            self.note(name, outcome=trials.ABSENT, reason=trials.NOT_INSTALLED + name, version=None)
        self.note("broken", outcome=trials.ABSENT, reason="in plain Python: ImportError")
        page.write()
        text, rows = page.read()
        self.assertEqual(list(rows), ["Absent", "broken", "missing", "numpy", page.STANDARD])
        self.assertEqual(rows["numpy"], {"CPython 3.9": "1.2.3: 4, 8", "CPython 3.12": "2.0: 4"})
        self.assertEqual(rows["Absent"], {"CPython 3.9": "–", "CPython 3.12": ""})
        self.assertEqual(rows[page.STANDARD], {"CPython 3.9": "4", "CPython 3.12": ""})
        self.assertIn("pip finds no wheels of these:\n\n- CPython 3.9: Absent, missing\n\nThese fail in plain", text)
        self.assertIn("- broken 1.2.3 (CPython 3.9): `in plain Python: ImportError`", text)
        self.assertRegex(text, r"^before\n(.*\n)+after\n$")
        page.write()
        self.assertEqual(page.read()[0], text)
        page.check()

    def test_failures_are_told_with_their_reasons(self):
        self.note("h5py")
        self.note("h5py", interpreters=8, outcome=trials.FAILS, reason="ended by SIGSEGV")
        page.write()
        text, rows = page.read()
        self.assertEqual(rows["h5py"]["CPython 3.9"], "1.2.3: 4; fails in 8")
        self.assertEqual(page.passed(rows["h5py"]["CPython 3.9"]), {4})
        self.assertIn("- h5py 1.2.3 (CPython 3.9): `ended by SIGSEGV`", text)
        page.check()

    def test_a_failure_that_the_table_has_not(self):
        self.note("h5py")
        page.write()
        self.note("h5py", outcome=trials.FAILS, reason="ended by SIGSEGV")
        with self.assertRaisesRegex(SystemExit, "h5py on CPython 3.9.18 in 4 interpreters: ended by SIGSEGV"):
            page.check()

    def test_a_package_that_the_table_has_not(self):
        self.note("numpy")
        page.write()
        self.note("h5py")
        with self.assertRaisesRegex(SystemExit, "no row for h5py"):
            page.check()

    def test_other_versions_and_pythons_are_no_difference(self):
        self.note("numpy")
        page.write()
        self.note("numpy", python="CPython 3.9.20", version="1.3")
        self.note("numpy", python="CPython 3.13.0", outcome=trials.FAILS)
        page.check()


if __name__ == "__main__":
    unittest.main()
