"""Hatchling's hook: has cargo build the library, and puts it and its header into the Python package."""

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

NO_CARGO = "ungil: cargo is missing: install Rust 1.89 or newer from https://rustup.rs, or name cargo in CARGO"


class BuildLibrary(BuildHookInterface[Any]):
    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        files = {
            self.library(): "ungil/libungil.so",
            Path(self.root, "include", "ungil.h"): "ungil/include/ungil.h",
        }
        if version == "editable":  # the package is used where it lies
            for source, place in files.items():
                replace(source, Path(self.root, "python", place))
        else:
            build_data["force_include"].update({str(source): place for source, place in files.items()})
        # ctypes loads the library: any Python 3 of this platform can.
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + sysconfig.get_platform().replace("-", "_").replace(".", "_")

    def library(self) -> Path:
        """The one that UNGIL_WHEEL_LIBRARY names, as `make wheel` does, or else what cargo builds."""
        built = os.environ.get("UNGIL_WHEEL_LIBRARY")
        if built:
            return Path(built).resolve()
        command = [os.environ.get("CARGO") or "cargo", "build", "--release", "--lib", "--locked"]
        command.append("--message-format=json-render-diagnostics")  # tells where the library is, wherever that may be
        try:
            result = subprocess.run(command, cwd=self.root, stdout=subprocess.PIPE, text=True)
        except FileNotFoundError:
            sys.exit(NO_CARGO)
        if result.returncode != 0:
            sys.exit("ungil: cargo could not build the library: see above")
        for message in map(json.loads, result.stdout.splitlines()):
            if message["reason"] == "compiler-artifact" and message["target"]["name"] == "ungil":
                for name in message["filenames"]:
                    if name.endswith(".so"):
                        return Path(name)
        sys.exit("ungil: this platform has no libungil.so: the Python package is for Linux")


def replace(source: Path, place: Path) -> None:
    """Puts a new file there: one that is mapped into a process must not be written to."""
    place.parent.mkdir(exist_ok=True)
    fresh = place.with_name(place.name + ".new")
    shutil.copyfile(source, fresh)
    fresh.replace(place)
