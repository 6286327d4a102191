"""Makes the DLLs that existing ctypes scripts load on Windows: test.dll, prime.dll, prime_pthread.dll, pi_c.dll.

    forwarders.py FOLDER        (`make forwarders` calls it, with the Python of build/wheel-tools)

Each is empty but for forwarders: Windows' loader takes every function from ungil.dll, so that a process which loads
several of them has one instance of ungil. The folder gets ungil.dll as well, out of the wheel in build/wheels.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
NAMES = ("test", "prime", "prime_pthread", "pi_c")
ZIG = [sys.executable, "-m", "ziglang"]


def functions() -> list[str]:
    """Those that the header declares."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", (PROJECT / "include" / "ungil.h").read_text(), flags=re.DOTALL)
    return re.findall(r"(\w+)\s*\([^()]*\)\s*;", code)


def make(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (wheel,) = (PROJECT / "build" / "wheels").glob("*win_amd64.whl")
    with zipfile.ZipFile(wheel) as files:
        (folder / "ungil.dll").write_bytes(files.read("ungil/ungil.dll"))
    with tempfile.TemporaryDirectory() as work:
        empty, definitions = Path(work, "empty.obj"), Path(work, "forwarders.def")
        subprocess.check_call([*ZIG, "cc", "-target", "x86_64-windows-gnu", "-c", "-x", "c", "/dev/null", "-o", empty])
        for name in NAMES:
            lines = [f"LIBRARY {name}.dll", "EXPORTS", *(f"{each} = ungil.{each}" for each in functions())]
            definitions.write_text("\n".join(lines) + "\n")
            link = ["/dll", "/noentry", "/machine:x64", f"/def:{definitions}", f"/implib:{work}/{name}.lib", str(empty)]
            subprocess.check_call([*ZIG, "lld-link", *link, f"/out:{folder / name}.dll"])


if __name__ == "__main__":
    make(Path(sys.argv[1]))
