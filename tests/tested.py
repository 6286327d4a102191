"""Which tests passed on which Python. Runs note it in build/tested; `make versions` writes the table of it.

    python3 tests/tested.py write       puts the table into docs/pythons.md
    python3 tests/tested.py check       fails if what was noted differs from that table

The table has each series of a Python once, such as CPython 3.13, and names the releases that were tested. The check
compares the series that are in it: machines have different releases, not all series, and sometimes others.
"""

import glob
import json
import os
import re
import sys

import page_table
import side_by_side

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
NOTES = os.path.join(PROJECT, "build", "tested")
PAGE = os.path.join(PROJECT, "docs", "pythons.md")
START, END = "<!-- tested versions, by `make versions` -->", "<!-- end of tested versions -->"

# The columns of the table: what was tested.
COLUMNS = {
    "library": "the library by ctypes",
    "package": "the package",
    "interpreters": "isolated interpreters",
    "packages": "numpy and others in interpreters",
}
PASSED, FAILED = "yes", "failed"


class Job(side_by_side.Job):
    """A job that tests a Python, and notes what passed."""

    def __init__(self, name, function, description, *columns):
        super().__init__(name, function)
        self.description = description
        self.columns = columns

    def work(self, telling):
        super().work(telling)
        self.note()

    def note(self):
        os.makedirs(NOTES, exist_ok=True)
        outcome = PASSED if self.passed else FAILED
        note = {"python": self.description, "libc": c_library(), "tests": dict.fromkeys(self.columns, outcome)}
        name = "%s-%s.json" % (self.description.replace(" ", "-"), "-".join(self.columns))
        with open(os.path.join(NOTES, name), "w") as file:
            json.dump(note, file, indent=1, sort_keys=True)


def c_library():
    """Of this process, and so of the Pythons that it tests: "glibc 2.36"."""
    return os.confstr("CS_GNU_LIBC_VERSION")


def notes():
    for path in sorted(glob.glob(os.path.join(NOTES, "*.json"))):
        with open(path) as file:
            yield json.load(file)


def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text)]


def series(python):
    """"CPython 3.13" of "CPython 3.13.0"; "CPython 3.14t" of "CPython 3.14.0t", a free-threaded build."""
    return re.match(r"\w+ \d+\.\d+", python).group() + "t" * python.endswith("t")


def rows():
    """For each series, in order: its releases with their C libraries, and the outcome of each column with tests."""
    found = {}
    for note in notes():
        releases, outcomes = found.setdefault(series(note["python"]), (set(), {}))
        releases.add("%s on %s" % (note["python"].split()[1], note["libc"]))
        for column, outcome in note["tests"].items():
            if outcomes.get(column) != FAILED:
                outcomes[column] = outcome
    return sorted(found.items(), key=lambda row: (row[0].split()[0], numbers(row[0]), row[0]))


def table():
    lines = ["| Python | tested | %s |" % " | ".join(COLUMNS.values()), "|---" * (2 + len(COLUMNS)) + "|"]
    for name, (releases, outcomes) in rows():
        cells = [name, ", ".join(sorted(releases, key=numbers))] + [outcomes.get(column, "–") for column in COLUMNS]
        lines.append("| %s |" % " | ".join(cells))
    return "\n".join(lines)


def read():
    """The page as text, and of the table in it the outcomes of each series."""
    text, lines = page_table.read(PAGE, START, END)
    return text, {row[0]: dict(zip(COLUMNS, row[2:])) for row in lines[2:]}


def write():
    failed = [name for name, (_, outcomes) in rows() if FAILED in outcomes.values()]
    if failed or not rows():
        why = "tests failed on %s, as noted" % ", ".join(failed) if failed else "no notes"
        sys.exit("nothing was written: %s in %s" % (why, NOTES))
    page_table.write(PAGE, START, END, table())


def check():
    _, written = read()
    if not written:
        print("SKIP check of docs/pythons.md: its table is empty until `make versions`")
        return
    others = [name for name, _ in rows() if name not in written]
    if others:
        print("docs/pythons.md has not: %s (make versions)" % ", ".join(others))
    differing = [
        "%s, %s: %s" % (name, COLUMNS[column], outcome)
        for name, (_, outcomes) in rows()
        if name in written
        for column, outcome in outcomes.items()
        if written[name][column] != outcome
    ]
    if differing:
        sys.exit("docs/pythons.md has not what was tested (make versions):\n" + "\n".join(differing))


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]]()
