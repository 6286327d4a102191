"""What a tag has to be for its commit, and that every action of the workflows is pinned by the hash of a commit."""
import glob
import os
import re
import sys
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "packaging"))

from check_release import problem  # noqa: E402

CARGO = '[package]\nname = "ungil"\nversion = "1.2.3"\n'
DATED = "# Changelog\n\n## 1.2.3 - 2026-11-27\n"


class Tags(unittest.TestCase):
    def test_the_version_with_a_date(self):
        self.assertIsNone(problem("v1.2.3", CARGO, DATED))

    def test_another_version(self):
        for tag in ("v1.2.4", "1.2.3", "v1.2.30", ""):
            self.assertIn("it has to be v1.2.3", problem(tag, CARGO, DATED))

    def test_a_version_without_a_date(self):
        for changelog in ("## 1.2.3 - unreleased\n", "## 1.2.30 - 2026-11-27\n", ""):
            self.assertIn("CHANGELOG.md has no heading", problem("v1.2.3", CARGO, changelog))


class Workflows(unittest.TestCase):
    def test_actions_are_pinned_with_their_version(self):
        pinned = {}
        for path in glob.glob(os.path.join(PROJECT, ".github", "workflows", "*.yml")):
            with open(path, encoding="utf-8") as file:
                uses = re.findall(r"uses: (.*)", file.read())
            for action in uses:
                if action.startswith("$/"):  # a workflow of this repository
                    self.assertTrue(os.path.exists(os.path.join(PROJECT, action[2:])), action)
                    continue
                self.assertRegex(action, r"^[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")
                name, _, commit = action.partition("@")
                self.assertEqual(pinned.setdefault(name, commit), commit, "two versions of " + name)
        self.assertIn("actions/checkout", pinned)


if __name__ == "__main__":
    unittest.main()
