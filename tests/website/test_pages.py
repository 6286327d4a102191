"""Where links of the documentation lead on the site."""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "website"))

import pages


class Links(unittest.TestCase):
    def test_where_they_lead(self):
        for page, link, expected in (
            ("guides/c.md", "../exchange.md#map", "../exchange.md#map"),
            ("guides/c.md", "../../include/ungil.h", "../reference/c.md"),
            ("guides/c.md", "../../examples/c", "../files/examples/c.md"),
            ("exchange.md", "../examples/python/pipeline.py", "files/examples/python/pipeline.py.md"),
            ("project/inside.md", "../../docs/libraries.md", "../libraries.md"),
            ("project/readme.md", "docs/choosing.md#deaths", "../choosing.md#deaths"),
            ("project/readme.md", "src/interp/README.md", "inside.md"),
            ("index.md", "https://example.org/a", "https://example.org/a"),
            ("index.md", "#here", "#here"),
            ("index.md", "missing.md", "missing.md"),
        ):
            with self.subTest(page=page, link=link):
                self.assertEqual(pages.linked(page, "[text](%s)" % link), "[text](%s)" % expected)

    def test_code_is_left_alone(self):
        code = "```python\n[f](../README.md)\n```\n`[f](../README.md)`"
        self.assertEqual(pages.linked("index.md", code), code)

    def test_a_directory_brings_its_files(self):
        made = pages.files({"guides/c.md": "[all](../../examples/c)"})
        self.assertIn("- [pi.c](c/pi.c.md)", made["files/examples/c.md"])
        self.assertIn("```c\n", made["files/examples/c/pi.c.md"])

    def test_compiled_files_are_left_out(self):
        """Python 2 writes them beside the sources."""
        compiled = pages.PROJECT / "examples" / "python" / "compiled_by_a_test.pyc"
        self.addCleanup(compiled.unlink)
        compiled.write_bytes(b"\x03\xf3\r\n")
        made = pages.files({"gallery.md": "[all](../examples/python)"})
        self.assertIn("- [pi.py](python/pi.py.md)", made["files/examples/python.md"])
        self.assertNotIn("files/examples/python/compiled_by_a_test.pyc.md", made)

    def test_data_is_copied(self):
        result = next((pages.PROJECT / "bench_py" / "results").glob("*.json"))
        path = "bench_py/results/" + result.name
        made = pages.files({"project/readme.md": "[all](%s)" % path})
        self.assertEqual(made, {"files/" + path: result.read_text("utf-8")})


if __name__ == "__main__":
    unittest.main()
