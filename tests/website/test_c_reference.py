"""The page of the C interface that is made from the header."""

import re
import sys
import unittest
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
sys.path.insert(0, str(PROJECT / "website"))

import c_header  # noqa: E402
import c_page  # noqa: E402

SMALL = """\
/* thing: does things.
 *
 * Handles: positive numbers.
 *   first: an item
 *   of two lines.
 */
#ifndef THING_H
#define THING_H

/** No *error*. */
#define THING_OK 0

/** Maps a number. */
typedef double (*ThingMap)(double x);

/**
 * Makes a thing of in[i].
 *
 * in, out: the numbers; see thing_free().
 * Returns THING_OK.
 * Errors: none.
 * Thread-safety, Cost: as usual,
 * as always.
 */
int32_t thing_new(const double *in, double *out);

/** Frees it. */
void thing_free(void);

#endif
"""


class Parsing(unittest.TestCase):
    def test_a_small_header(self):
        header = c_header.read(SMALL)
        found = [(item.kind, item.name, item.parameters) for item in header.items]
        self.assertEqual(
            found,
            [
                ("constant", "THING_OK", []),
                ("type", "ThingMap", []),
                ("function", "thing_new", ["in", "out"]),
                ("function", "thing_free", []),
            ],
        )
        self.assertEqual(header.items[0].text, "0")

    def test_what_is_no_c_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "not C"):
            c_header.read(SMALL.replace("void thing_free(void);", "void thing_free(void"))

    def test_what_has_no_comment_is_an_error(self):
        with self.assertRaisesRegex(ValueError, "where a comment should"):
            c_header.read(SMALL.replace("/** Frees it. */\n", ""))


class Pages(unittest.TestCase):
    def test_a_small_header(self):
        text = c_page.page(c_header.read(SMALL))
        for part in (
            "## Handles\n\nPositive numbers.\n\n- **first**: an item of two lines.",
            '<span id="THING_OK"></span>`THING_OK` | 0 | No \\*error\\*. |',
            "### `thing_new` { #thing_new }",
            "Makes a thing of in\\[i\\].",
            "- `in`, `out`: the numbers; see [`thing_free()`](#thing_free).",
            "- **Returns** [`THING_OK`](#THING_OK).",
            "- **Errors**: none.\n- **Thread-safety, Cost**: as usual, as always.",
        ):
            self.assertIn(part, text)

    def test_the_header_of_the_library(self):
        source = (PROJECT / "include" / "ungil.h").read_text("utf-8")
        header = c_header.read(source)
        text = c_page.page(header)
        functions = [item.name for item in header.items if item.kind == "function"]
        self.assertEqual(functions, re.findall(r"^(?!typedef)[a-z][\w ]*[ *](\w+)\(", source, re.MULTILINE))
        for item in header.items:
            self.assertIn(item.name, text)
        self.assertNotIn("## Other functions", text, "a group for these is missing in c_page.GROUPS")


if __name__ == "__main__":
    unittest.main()
