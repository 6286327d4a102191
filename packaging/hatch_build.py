"""Hatchling's build hook: builds the library with cargo and puts it and its header into the Python package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

# What cargo calls the library of a platform: the package looks for it under this name.
SUFFIXES = (".so", ".dylib", ".dll")

NO_CARGO = "ungil: cargo is missing: install Rust 1.89 or newer from https://rustup.rs, or name cargo in CARGO"


class BuildLibrary(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        library = self.library()
        files = {
            library: "ungil/" + library.name,
            Path(self.root, "include", "ungil.h"): "ungil/include/ungil.h",
        }
        if version == "editable":  # the package is used from the source tree
            for source, target in files.items():
                replace(source, Path(self.root, "python", target))
        else:
            build_data["force_include"].update({str(source): target for source, target in files.items()})
        # ctypes loads the library, so any Python 3 of this platform can use it.
        build_data["pure_python"] = False
        platform = os.environ.get("UNGIL_WHEEL_PLATFORM") or sysconfig.get_platform()
        build_data["tag"] = "py3-none-" + platform.replace("-", "_").replace(".", "_")
        build_data["sbom_files"] += filter(None, [os.environ.get("UNGIL_WHEEL_SBOM")])

    def library(self) -> Path:
        """The library that UNGIL_WHEEL_LIBRARY names (build_wheels.py sets it), or else the one that cargo builds."""
        built = os.environ.get("UNGIL_WHEEL_LIBRARY")
        if built:
            return Path(built).resolve()
        command = [os.environ.get("CARGO") or "cargo", "build", "--release", "--lib", "--locked"]
        command.append("--message-format=json-render-diagnostics")  # reports where the library is
        try:
            result = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            sys.exit(NO_CARGO)
        if result.returncode != 0:
            sys.exit("ungil: cargo could not build the library: see above")
        for message in map(json.loads, result.stdout.splitlines()):
            if message["reason"] == "compiler-artifact" and message["target"]["name"] == "ungil":
                for name in message["filenames"]:
                    if name.endswith(SUFFIXES):
                        return Path(name)
        sys.exit("ungil: cargo builds no shared library for this platform")


def replace(source: Path, target: Path) -> None:
    """Replaces the file instead of writing to it: a process may have the old one mapped."""
    target.parent.mkdir(exist_ok=True)
    fresh = target.with_name(target.name + ".new")
    shutil.copyfile(source, fresh)
    fresh.replace(target)
