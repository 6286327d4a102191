"""Writes THIRD-PARTY-LICENSES: the licences of the code that is linked into libungil.so.

    python3 packaging/third_party_licenses.py [--check]

With --check nothing is written; the exit status is 1 if the file is not current.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
OUTPUT = PROJECT / "THIRD-PARTY-LICENSES"

# The crates are the same on all platforms that wheels are built for; cargo wants one.
PLATFORM = "x86_64-unknown-linux-gnu"

LICENSE_FILE = re.compile(r"(LICEN[CS]E|COPYING|UNLICENSE|NOTICE)", re.IGNORECASE)

HEAD = """\
libungil.so is linked with the code below. Where a licence can be chosen, it is the MIT licence.
Written by packaging/third_party_licenses.py.
"""

# Parts of it, and of crates that it contains, are in everything that is written in Rust. Their versions are the
# toolchain's, so they are not given here. tests/wheel/test_contents.py finds a crate that is missing.
STANDARD_LIBRARY = """\
The Rust standard library, with the crates addr2line, adler2, cfg-if, gimli, hashbrown, miniz_oxide, rustc-demangle
Licence: MIT OR Apache-2.0 (adler2 also 0BSD, miniz_oxide also Zlib)
Source: https://github.com/rust-lang/rust

Copyright (c) The Rust Project Developers (see https://thanks.rust-lang.org)
Copyright (c) 2014 Alex Crichton (cfg-if, rustc-demangle)
Copyright (c) 2015 The Rust Project Developers (gimli)
Copyright (c) 2016 Amanieu d'Antras (hashbrown)
Copyright (c) 2016-2018 The gimli Developers (addr2line)
Copyright 2013-2014 RAD Game Tools and Valve Software (miniz_oxide)
Copyright 2010-2014 Rich Geldreich and Tenacious Software LLC (miniz_oxide)
Copyright (c) 2017 Frommi, Copyright (c) 2017-2024 oyvindln (miniz_oxide)
Copyright (C) Jonas Schievink <jonasschievink@gmail.com> (adler2)

Permission is hereby granted, free of charge, to any
person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the
Software without restriction, including without
limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of
the Software, and to permit persons to whom the Software
is furnished to do so, subject to the following
conditions:

The above copyright notice and this permission notice
shall be included in all copies or substantial portions
of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF
ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED
TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT
SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY
CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION
OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR
IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
DEALINGS IN THE SOFTWARE.
"""


def cargo_metadata(platform: str = PLATFORM) -> dict[str, Any]:
    command = [os.environ.get("CARGO") or "cargo", "metadata", "--format-version=1", "--locked"]
    command.append("--filter-platform=" + platform)
    output = subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True, text=True).stdout
    metadata: dict[str, Any] = json.loads(output)
    return metadata


def linked_packages(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """What ungil depends on, directly or not, but for build and test dependencies."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    packages = {package["id"]: package for package in metadata["packages"]}
    pending = [metadata["resolve"]["root"]]
    found = set(pending)
    while pending:
        for dependency in nodes[pending.pop()]["deps"]:
            is_linked = any(kind["kind"] is None for kind in dependency["dep_kinds"])
            if is_linked and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                pending.append(dependency["pkg"])
    found.remove(metadata["resolve"]["root"])
    return sorted((packages[identifier] for identifier in found), key=lambda package: package["name"])


def license_texts(package: dict[str, Any]) -> list[str]:
    """The MIT licence, where the crate offers it; otherwise everything that looks like a licence."""
    directory = Path(package["manifest_path"]).parent
    files = sorted(path for path in directory.iterdir() if path.is_file() and LICENSE_FILE.match(path.name))
    if re.search(r"\bMIT\b", package["license"] or ""):
        files = [path for path in files if "MIT" in path.name] or files
    if not files:
        sys.exit(f"{package['name']} has no licence file: add its licence by hand in {Path(__file__).name}")
    return [path.read_text("utf-8").strip() + "\n" for path in files]


def text() -> str:
    parts = [HEAD, STANDARD_LIBRARY]
    for package in linked_packages(cargo_metadata()):
        title = "{name} {version}\nLicence: {license}\nSource: {repository}\n".format_map(package)
        parts.append("\n".join([title, *license_texts(package)]))
    return ("\n" + "-" * 80 + "\n\n").join(parts)


def main() -> int:
    new = text()
    if "--check" not in sys.argv[1:]:
        OUTPUT.write_text(new, "utf-8")
    elif not OUTPUT.exists() or OUTPUT.read_text("utf-8") != new:
        print(f"{OUTPUT.name} is not current: run `make licenses`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
