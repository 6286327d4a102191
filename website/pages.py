"""The site's pages that are not in docs/: files of the project, and what a link to any of them becomes."""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Callable
from pathlib import Path

PROJECT = Path(__file__).parent.parent

# Pages of the site that are Markdown files elsewhere in the project.
ELSEWHERE = {
    "project/readme.md": "README.md",
    "project/changelog.md": "CHANGELOG.md",
    "project/contributing.md": "CONTRIBUTING.md",
    "project/security.md": "SECURITY.md",
    "project/inside.md": "src/interp/README.md",
    "project/pool.md": "src/pool/README.md",
    "project/benchmarking.md": "bench_py/README.md",
}
# The pages of the package's reference: their titles and modules.
REFERENCE = {
    "reference/kernels.md": ("Functions over numbers", ["kernels"]),
    "reference/functions.md": ("C functions of yours", ["functions", "control", "progress"]),
    "reference/interpreters.md": (
        "Interpreters",
        ["interpreters.executor", "interpreters.interpreter", "interpreters.actors", "interpreters._sharing"],
    ),
    "reference/exchange.md": ("Queues and the like", ["exchange.queues", "exchange.barriers", "exchange.sync"]),
    "reference/aio.md": ("asyncio", ["aio"]),
    "reference/integrations.md": ("joblib and Dask", ["joblib", "dask"]),
    "reference/compat.md": ("Workloads of ctypes tutorials", ["compat"]),
    "reference/errors.md": ("Errors", ["errors"]),
}
# What a link to one of these files leads to.
PAGES = {
    "include/ungil.h": "reference/c.md",
    **{path: page for page, path in ELSEWHERE.items()},
    **{
        f"python/ungil/{module.replace('.', '/')}.py": page
        for page, (_, modules) in REFERENCE.items()
        for module in modules
    },
}

LINK = re.compile(r"(?<=\]\()(?!https?:|mailto:|#)([^)\s#]+)(#[^)\s]*)?(?=\))")
CODE = re.compile(r"^( *)```.*?^\1```$|`[^`\n]+`", re.MULTILINE | re.DOTALL)
LANGUAGES = {".py": "python", ".c": "c", ".h": "c", ".rs": "rust", ".json": "json", ".toml": "toml", ".yml": "yaml"}


def source_of(page: str) -> str:
    """The file in the project that a page of the site is made from."""
    return ELSEWHERE.get(page, f"docs/{page}")


def page_of(path: str) -> str:
    """The page of the site for a file or directory of the project."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return PAGES.get(path) or (f"files/{path}" if is_data(path) else f"files/{path}.md")


def is_data(path: str) -> bool:
    """Whether the site has a copy of the file, instead of a page with its text."""
    return path.endswith(".json")


def reference(title: str, modules: list[str]) -> str:
    """A page of the reference of the package."""
    return "\n\n".join([f"# {title}", *(f"::: ungil.{module}" for module in modules)]) + "\n"


def linked(page: str, markdown: str) -> str:
    """The Markdown with its links to files of the project leading to pages of the site."""
    here = posixpath.dirname(source_of(page))

    def target(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(here, match.group(1)))
        if not (PROJECT / path).exists():
            return match.group(0)  # mkdocs will tell
        return posixpath.relpath(page_of(path), posixpath.dirname(page) or ".") + (match.group(2) or "")

    return _outside_code(markdown, lambda text: LINK.sub(target, text))


def files(markdown: dict[str, str]) -> dict[str, str]:
    """The pages of files that other pages link to, {page: Markdown}, and copies of data.

    A directory's page has links to its files.
    """
    found: dict[str, str] = {}
    left = [path for page, text in markdown.items() for path in _targets(source_of(page), text)]
    while left:
        path = left.pop()
        page = page_of(path)
        if page in found or not page.startswith("files/"):
            continue
        found[page], inner = _file(path)
        left += inner
    return found


def _targets(source: str, markdown: str) -> list[str]:
    """The files of the project that a page links to."""
    found: list[str] = []

    def note(text: str) -> str:
        found.extend(match.group(1) for match in LINK.finditer(text))
        return text

    _outside_code(markdown, note)
    paths = (posixpath.normpath(posixpath.join(posixpath.dirname(source), target)) for target in found)
    return [path for path in paths if (PROJECT / path).exists()]


def _file(path: str) -> tuple[str, list[str]]:
    """The page of a file or directory, and the files that it links to."""
    place = PROJECT / path
    if is_data(path):
        return place.read_text("utf-8"), []
    title = f"---\nsearch:\n  exclude: true\n---\n\n# {posixpath.basename(path)}\n\n`{path}`"
    if place.is_dir():
        files = [entry.name for entry in os.scandir(place) if entry.is_file() and entry.name[0] not in "._"]
        names = sorted(name for name in files if not name.endswith(".pyc"))  # Python 2 has these beside the sources
        links = "\n".join(f"- [{name}]({posixpath.basename(path)}/{name}.md)" for name in names)
        return f"{title}\n\n{links}\n", [f"{path}/{name}" for name in names]
    text = place.read_text("utf-8").replace("```", "``\u200b`")
    return f"{title}\n\n```{LANGUAGES.get(place.suffix, 'text')}\n{text.rstrip()}\n```\n", []


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    """The Markdown with everything changed that is not code."""
    parts, end = [], 0
    for code in CODE.finditer(markdown):
        parts += [change(markdown[end : code.start()]), code.group()]
        end = code.end()
    return "".join([*parts, change(markdown[end:])])
