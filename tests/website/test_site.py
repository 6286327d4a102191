"""What is on the site in build/site."""

import re
import sys
import unittest
from pathlib import Path

PROJECT = Path(__file__).parent.parent.parent
SITE = PROJECT / "build" / "site"
sys.path.insert(0, str(PROJECT / "website"))

import pages  # noqa: E402


def text(page):
    return (SITE / page).read_text("utf-8")


class Site(unittest.TestCase):
    def test_each_page_of_the_documentation_is_in_the_navigation(self):
        navigation = set(re.findall(r'href="([\w/.-]+\.html)" class="md-nav__link', text("index.html")))
        for path in (PROJECT / "docs").rglob("*.md"):
            page = path.relative_to(PROJECT / "docs").with_suffix(".html").as_posix()
            if page != "index.html":
                self.assertIn(page, navigation)

    def test_each_public_name_is_in_the_reference(self):
        init = (PROJECT / "python/ungil/__init__.py").read_text("utf-8")
        table = re.search(r"^_NAMES = \{(.*?)^\}", init, re.MULTILINE | re.DOTALL).group(1)
        names = [name for names in re.findall(r'": (.*?"),\n', table, re.DOTALL) for name in re.findall(r"\w+", names)]
        self.assertIn("InterpreterPoolExecutor", names)
        anchors = "".join(text(page.replace(".md", ".html")) for page in pages.REFERENCE)
        for name in names:
            self.assertRegex(anchors, r'id="ungil\.[\w.]+\.%s"' % name)

    def test_drawings_are_in_the_page_with_what_they_show(self):
        page = text("how.html")
        self.assertEqual(
            page.count('<svg role="img" aria-label="'), len(list((PROJECT / "docs/drawings").glob("*.svg")))
        )
        self.assertNotIn('.svg"', page)

    def test_plots_are_in_the_page_of_benchmarks(self):
        self.assertGreater(text("benchmarks.html").count("<img"), 20)

    def test_nothing_is_loaded_from_another_site(self):
        loaded = re.compile(r'<(?:script|img|iframe|link)\b[^>]*?(?:src|href)="(https?:[^"]+)"')
        for path in SITE.rglob("*.html"):
            self.assertEqual(loaded.findall(path.read_text("utf-8")), [], path)


if __name__ == "__main__":
    unittest.main()
