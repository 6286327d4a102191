"""What the documentation names exists: files, make targets, names of the package and of the library."""
import glob
import os
import re
import subprocess
import sys
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "bench_py/README.md", "src/interp/README.md",
         "src/pool/README.md"]
PAGES += [os.path.relpath(path, PROJECT) for path in glob.glob(os.path.join(PROJECT, "docs", "**", "*.md"), recursive=True)]

# What a path in prose begins with; other slashes are in C types, options and units.
ROOTS = tuple(name + "/" for name in sorted(os.listdir(PROJECT)) if os.path.isdir(os.path.join(PROJECT, name)))
BUILT = ("build/", "target/")


def text_of(page):
    with open(os.path.join(PROJECT, page), encoding="utf-8") as file:
        return file.read()


def prose_of(page):
    """The text without programs, and without the table of names that moved."""
    text = re.sub(r"```.*?```", "", text_of(page), flags=re.DOTALL)
    return re.sub(r"^\| 0\.1 \|.*?\n\n", "", text, flags=re.DOTALL | re.MULTILINE)


def code_in(page):
    return re.findall(r"`([^`\n]+)`", prose_of(page))


class Documentation(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in PAGES:
            directory = os.path.dirname(os.path.join(PROJECT, page))
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text_of(page)):
                self.assertTrue(os.path.exists(os.path.join(directory, target)), "%s links to %s" % (page, target))

    def test_files_exist(self):
        for page in PAGES:
            for code in code_in(page):
                if code.startswith(ROOTS) and not code.startswith(BUILT) and re.match(r"[\w./*-]+$", code):
                    pattern = os.path.join(PROJECT, code.replace("FAMILY", "*"))
                    self.assertTrue(glob.glob(pattern), "%s names %s" % (page, code))

    def test_make_targets_exist(self):
        rules = re.findall(r"^([a-z][a-z0-9 -]*):(?!=)", text_of("Makefile"), re.MULTILINE)
        targets = {target for rule in rules for target in rule.split()}
        for page in PAGES:
            for code in code_in(page):
                for target in re.findall(r"(?:^|&& |sudo )make ([a-z][a-z0-9-]*)", code):
                    self.assertIn(target, targets, page)

    def test_files_of_tests_in_the_makefile_exist(self):
        (names,) = re.findall(r"^PICKLING *:= (.*)$", text_of("Makefile"), re.MULTILINE)
        for name in names.split():
            self.assertTrue(os.path.exists(os.path.join(PROJECT, "tests", "package", "test_%s.py" % name)), name)

    def test_names_of_the_library_are_in_the_header(self):
        header = text_of("include/ungil.h")
        for page in PAGES:
            for name in re.findall(r"\b(?:ungil_[a-z0-9_]+|UNGIL_E_[A-Z_]+)\b", prose_of(page)):
                self.assertIn(name, header, page)

    def test_names_of_the_package_exist(self):
        name = re.compile(r"\bungil\.([a-z]\w*(?:\.\w+)?|[A-Z]\w+)")
        names = {found for page in PAGES for found in name.findall(prose_of(page))}
        names -= {"h", "pc", "so"}
        # These modules need joblib and Dask; tests/integrations imports them.
        names = {found for found in names if found.partition(".")[0] not in ("dask", "joblib")}
        self.assertIn("InterpreterPoolExecutor", names)
        script = "import operator, sys, ungil\nfor name in sys.argv[1:]: operator.attrgetter(name)(ungil)\n"
        library = os.path.join(PROJECT, "build", "lib", "libungil.so")
        environment = dict(os.environ, PYTHONPATH=os.path.join(PROJECT, "python"), UNGIL_LIBRARY=library)
        subprocess.check_call([sys.executable, "-c", script] + sorted(names), env=environment)


if __name__ == "__main__":
    unittest.main()
