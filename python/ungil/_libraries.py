"""What `python -m ungil --libraries MODULE...` prints: the libraries that modules load in an interpreter."""

from __future__ import annotations

import ctypes
import json
import os
from collections.abc import Sequence
from typing import Any

from . import Interpreter
from ._native.library import check, library
from .interpreters._preload import import_module


def loaded(interpreter: Interpreter) -> list[dict[str, Any]]:
    """The libraries that an interpreter has loaded, in that order: path, whether it is private, and why."""
    text = ctypes.c_char_p()
    check(library.ungil_interp_libraries(interpreter._handle, ctypes.byref(text)))
    lines = [line.split("\t") for line in (text.value or b"").decode().splitlines()]
    return [{"path": os.path.normpath(path), "private": kind == "private", "why": why} for kind, path, why in lines]


def report(modules: Sequence[str]) -> dict[str, Any]:
    """The libraries that the import of these modules loads in a new interpreter, and errors of imports, by module."""
    errors: dict[str, str] = {}
    with Interpreter(fresh=True) as interpreter:
        interpreter.call(import_module, __name__)  # what the package itself needs there
        before = {entry["path"] for entry in loaded(interpreter)}
        for module in modules:
            try:
                interpreter.call(import_module, module)
            except Exception as error:
                errors[module] = "%s: %s" % (type(error).__name__, error)
        return {"libraries": [entry for entry in loaded(interpreter) if entry["path"] not in before], "errors": errors}


def text(found: dict[str, Any]) -> str:
    """The report for people."""
    kinds = {True: "private", False: "shared"}
    lines = ["%-8s %s (%s)" % (kinds[entry["private"]], entry["path"], entry["why"]) for entry in found["libraries"]]
    lines += ["failed   import %s: %s" % error for error in found["errors"].items()]
    return "\n".join(lines or ["no libraries"])


def main(modules: Sequence[str], as_json: bool) -> int:
    """Print the report. The status is 1 if a module could not be imported."""
    found = report(modules)
    print(json.dumps(found, indent=2) if as_json else text(found))
    return 1 if found["errors"] else 0
