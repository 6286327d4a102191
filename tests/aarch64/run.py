"""Runs tests on aarch64, by qemu: those of the kernels, of C programs, of the package and of interpreters.

They run in a root of Debian sid for that architecture (../newest/root.py). There, what was built for aarch64 is where
what was built for the machine is outside. Before that, the kernels' instructions are counted (instructions.py).
"""
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
NEWEST = os.path.join(PROJECT, "tests", "newest")
sys.path.insert(0, NEWEST)

import root  # noqa: E402

BUILD = "aarch64-unknown-linux-gnu"
TARGET = ["rustup", "target", "add", BUILD]

# Modules that Python compiles are kept: to compile them takes longer than all else.
CACHE = os.path.join(PROJECT, "build", BUILD, "pycache")


def obstacle():
    """Why the tests cannot run on this machine, or None; and whether that can be mended here."""
    if not shutil.which("aarch64-linux-gnu-gcc"):
        return "apt install gcc-aarch64-linux-gnu", shutil.which("apt-get") is not None
    if not shutil.which("rustup") or subprocess.call(TARGET, stderr=subprocess.DEVNULL):
        return " ".join(TARGET), shutil.which("rustup") is not None
    return root.Root("arm64").obstacle()


def main():
    reason, mendable = obstacle()
    if reason:
        print("SKIP tests on aarch64: %s" % reason)
        return 1 if mendable and os.environ.get("UNGIL_REQUIRE_ALL") else 0
    subprocess.check_call(["make", "--no-print-directory", "-C", PROJECT, "aarch64"])
    root.Root("arm64").ensure()
    if subprocess.call([sys.executable, os.path.join(HERE, "instructions.py")]):
        return 1
    settings = dict(os.environ, UNGIL_TEST_ROOT="sid-arm64", UNGIL_TEST_BUILD=BUILD, PYTHONPYCACHEPREFIX=CACHE)
    settings.pop("PYTHONDONTWRITEBYTECODE", None)
    return subprocess.call([os.path.join(NEWEST, "enter"), "python3.14", os.path.join(HERE, "inside.py")], env=settings)


if __name__ == "__main__":
    sys.exit(main())
