"""The pages with a column of tests name tests that exist, and give one for each row that must have one."""
import glob
import os
import re
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def rows_of(page):
    """The cells of each row of the page's only table."""
    with open(os.path.join(PROJECT, "docs", page), encoding="utf-8") as file:
        lines = [line.strip() for line in file if line.startswith("|")]
    # A pipe in code is written \|.
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def tests():
    """The names of all tests, as `file.name`."""
    found = set()
    for path in glob.glob(os.path.join(PROJECT, "tests", "*", "test_*.py")):
        with open(path, encoding="utf-8") as file:
            names = re.findall(r"^ +def (test_\w+)\(", file.read(), re.MULTILINE)
        found.update("%s.%s" % (os.path.basename(path)[:-3], name) for name in names)
    return found


class TablesOfTests(unittest.TestCase):
    def assert_names_tests(self, page, columns, is_needed):
        known = tests()
        for row in rows_of(page):
            self.assertEqual(len(row), columns, row)
            names = re.findall(r"`([^`]+)`", row[-1])
            if is_needed:
                self.assertTrue(names, "no test: %s" % row[0])
            for name in names:
                self.assertIn(name, known, row[0])

    def test_each_difference_from_processes_has_a_test(self):
        self.assertGreater(len(rows_of("differences.md")), 10)
        self.assert_names_tests("differences.md", 6, True)

    def test_reports(self):
        self.assert_names_tests("reports.md", 5, False)

    def test_each_report_has_a_source_and_a_result(self):
        for row in rows_of("reports.md"):
            self.assertRegex(row[0], "https://", row)
            self.assertTrue(all(row[1:4]), row)


if __name__ == "__main__":
    unittest.main()
