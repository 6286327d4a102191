"""Checks that a tag is what its commit says: the version of Cargo.toml, with a date in CHANGELOG.md."""

from __future__ import annotations

import re
import sys
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def problem(tag: str, cargo: str, changelog: str) -> str | None:
    """What is wrong with the tag, or None."""
    found = re.search(r'^version = "([^"]+)"', cargo, re.MULTILINE)
    version = found.group(1) if found else ""
    if tag != f"v{version}":
        return f"the tag is {tag!r}, and the version in Cargo.toml is {version!r}: it has to be v{version}"
    if not re.search(rf"^## {re.escape(version)} - \d{{4}}-\d\d-\d\d$", changelog, re.MULTILINE):
        return f"CHANGELOG.md has no heading '## {version} - YYYY-MM-DD'"
    return None


def main() -> None:
    wrong = problem(sys.argv[1], (PROJECT / "Cargo.toml").read_text(), (PROJECT / "CHANGELOG.md").read_text("utf-8"))
    if wrong:
        sys.exit(f"check-release: {wrong}")


if __name__ == "__main__":
    main()
