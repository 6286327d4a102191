"""The table of packages in docs/packages.md, from what trials noted.

    page.py write       puts the table into the page
    page.py check       fails if a trial ended otherwise than the table says

The check compares whether packages work in as many interpreters as were tried. Versions of packages and releases of
Pythons may differ, and a machine may have tried other cases or Pythons than the table has.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))
sys.path.insert(0, HERE)

import page_table  # noqa: E402
import tested  # noqa: E402
import trials  # noqa: E402

PAGE = os.path.join(trials.venvs.PROJECT, "docs", "packages.md")
START, END = "<!-- packages, by `make packages-page` -->", "<!-- end of packages -->"
STANDARD = "the standard library"

NOT_HAD = "–"
NOT_TRIED = ""
FAILED = "fails in "


def package(note):
    return note["distribution"] or STANDARD


def by_cell(notes):
    """The notes of each package on each series of Python."""
    cells = {}
    for note in notes:
        cells.setdefault(package(note), {}).setdefault(tested.series(note["python"]), []).append(note)
    return cells


def cell(notes):
    """ "1.2.3: 4, 8": the version, and in how many interpreters all cases passed; or in how many one failed."""
    if not notes:
        return NOT_TRIED
    counts = {note["interpreters"] for note in notes if note["outcome"] != trials.ABSENT}
    if not counts:
        return NOT_HAD
    failed = {note["interpreters"] for note in notes if note["outcome"] == trials.FAILS}
    version = next((note["version"] for note in notes if note["version"]), "")
    texts = [text + ", ".join(map(str, sorted(which))) for text, which in (("", counts - failed), (FAILED, failed)) if which]
    return (version + ": " if version else "") + "; ".join(texts)


def pythons(cells):
    return sorted({series for row in cells.values() for series in row}, key=tested.numbers)


def table(notes):
    cells = by_cell(notes)
    columns = pythons(cells)
    lines = ["| package | %s |" % " | ".join(columns), "|---" * (1 + len(columns)) + "|"]
    for name in sorted(cells, key=lambda name: (name == STANDARD, name.lower())):
        lines.append("| %s |" % " | ".join([name, *(cell(cells[name].get(column, [])) for column in columns)]))
    return "\n".join(lines)


def releases(notes):
    """The sentence that says what was used."""
    used = {"%s (%s)" % (note["python"], note["libc"]) for note in notes}
    return "Tried with %s." % ", ".join(sorted(used, key=tested.numbers))


def reasons(notes, outcome):
    """A line for each reason, without the places where it is the same."""
    found = {}
    for note in notes:
        if note["outcome"] == outcome and not is_without_wheel(note):
            found.setdefault((label(note), note["reason"]), set()).add(tested.series(note["python"]))
    for (what, reason), where in sorted(found.items()):
        yield "- %s (%s): %s" % (what, ", ".join(sorted(where, key=tested.numbers)), code(reason))


def label(note):
    return " ".join(filter(None, (note["distribution"] or "`%s`" % note["case"], note["version"])))


def code(reason):
    return "`%s`" % reason.replace("`", "'") if reason else "no reason"


def is_without_wheel(note):
    return note["outcome"] == trials.ABSENT and note["reason"].startswith(trials.NOT_INSTALLED)


def without_wheels(notes):
    """A line for each Python: what pip finds no wheel of."""
    found = {}
    for note in notes:
        if is_without_wheel(note):
            found.setdefault(tested.series(note["python"]), set()).add(note["reason"][len(trials.NOT_INSTALLED) :])
    for series in sorted(found, key=tested.numbers):
        yield "- %s: %s" % (series, ", ".join(sorted(found[series], key=str.lower)))


def text(notes):
    parts = [releases(notes), table(notes)]
    for title, lines in (
        ("These fail in interpreters and work in plain Python:", reasons(notes, trials.FAILS)),
        ("pip finds no wheels of these:", without_wheels(notes)),
        ("These fail in plain Python as well:", reasons(notes, trials.ABSENT)),
    ):
        found = "\n".join(lines)
        if found:
            parts += [title, found]
    return "\n\n".join(parts)


def read():
    """The page as text, and of the table in it the cells: package, then series of Python."""
    page, lines = page_table.read(PAGE, START, END)
    return page, {line[0]: dict(zip(lines[0][1:], line[1:])) for line in lines[2:]}


def passed(cell):
    """In how many interpreters a package works, by its cell in the table."""
    return set(map(int, re.findall(r"\b\d+\b", cell.rpartition(": ")[2].partition(FAILED)[0])))


def write():
    notes = list(trials.notes())
    if not notes:
        sys.exit("nothing was written: no notes in %s" % trials.NOTES)
    page_table.write(PAGE, START, END, text(notes))


def differences():
    _, written = read()
    for note in trials.notes():
        row, series, count = written.get(package(note)), tested.series(note["python"]), note["interpreters"]
        if row is None:
            yield "docs/packages.md has no row for %s" % package(note)
        elif note["outcome"] != trials.ABSENT and row.get(series, NOT_TRIED) not in (NOT_HAD, NOT_TRIED):
            if (note["outcome"] == trials.OK) < (count in passed(row[series])):
                yield "%s, %s on %s in %d interpreters: %s" % (
                    package(note), note["case"], note["python"], count, note["reason"]
                )


def check():
    found = sorted(set(differences()))
    if found:
        sys.exit("docs/packages.md is not what was tried (make packages-page):\n" + "\n".join(found))


if __name__ == "__main__":
    {"write": write, "check": check}[sys.argv[1]]()
