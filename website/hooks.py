"""What mkdocs calls: adds the pages that are made from other files, and completes the navigation."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))

import benchmarks
import c_header
import c_page
import pages

DRAWING = re.compile(r'<img alt="([^"]*)" src="[^"]*?drawings/([\w-]+\.svg)" ?/?>')


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Pages that the navigation does not name come after the last guide."""
    named = set(re.findall(r"'([\w/.-]+\.md)'", repr(config.nav)))
    docs = Path(config.docs_dir)
    others = sorted(path.relative_to(docs).as_posix() for path in docs.rglob("*.md"))
    guides = next(entry["Guides"] for entry in config.nav or [] if "Guides" in entry)
    guides += [page for page in others if page not in named]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages of other files."""
    texts = {file.src_uri: file.content_string for file in files if file.is_documentation_page()}
    made = {page: (pages.PROJECT / path).read_text("utf-8") for page, path in pages.ELSEWHERE.items()}
    made |= {page: pages.reference(*about) for page, about in pages.REFERENCE.items()}
    made["reference/c.md"] = c_page.page(c_header.read((pages.PROJECT / "include/ungil.h").read_text("utf-8")))
    for page, text in {**made, **pages.files(texts | made)}.items():
        files.append(File.generated(config, page, content=text))
    for path in benchmarks.images():
        files.append(File.generated(config, f"benchmarks/{path.parent.name}/{path.name}", abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Page, **_: Any) -> str:
    """Leads links to files of the project to pages of the site, and adds the figures of benchmarks."""
    if page.file.src_uri == "benchmarks.md":
        markdown = benchmarks.page(markdown)
    return pages.linked(page.file.src_uri, markdown)


def on_page_content(content: str, config: MkDocsConfig, **_: Any) -> str:
    """Puts drawings into the page, where they have its colours."""

    def drawing(match: re.Match[str]) -> str:
        svg = Path(config.docs_dir, "drawings", match.group(2)).read_text("utf-8")
        label = html.escape(html.unescape(match.group(1)), quote=True)
        return svg.replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)

    return DRAWING.sub(drawing, content)
