"""The part of a page that is generated, with a table in it: it lies between two comments."""

import re


def read(path, start, end):
    """The page as text, and the lines of the table, each a list of cells: headings, a rule, and rows."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    between = re.search(re.escape(start) + "(.*?)" + re.escape(end), text, re.DOTALL).group(1)
    lines = [line for line in between.split("\n") if line.startswith("|")]
    return text, [[cell.strip() for cell in line[1:-1].split("|")] for line in lines]


def write(path, start, end, part):
    """Replaces the part."""
    text, _ = read(path, start, end)
    before, after = text.split(start)[0], text.split(end)[1]
    with open(path, "w", encoding="utf-8") as file:
        file.write("%s%s\n\n%s\n\n%s%s" % (before, start, part, end, after))
