"""Runs the tests of this folder on every supported Python of the machine, each in a venv with the packages."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import venvs  # noqa: E402

REQUIREMENTS = os.path.join(HERE, "requirements.txt")


def is_supported(name, version):
    return name == "CPython" and [3, 8] <= version <= [3, 14]


def venv(executable, description):
    """The venv's Python; it is made anew if the requirements have changed."""
    folder = venvs.folder("packages", description)
    python, ready = os.path.join(folder, "bin", "python"), os.path.join(folder, "ready")
    with open(REQUIREMENTS) as file:
        wanted = file.read()
    if not os.path.exists(ready) or open(ready).read() != wanted:
        venvs.make(executable, folder)
        venvs.install(python, "-r", REQUIREMENTS)
        with open(ready, "w") as file:
            file.write(wanted)
    return python


def main():
    found = venvs.find(is_supported)
    if not found:
        print("SKIP packages in interpreters: there is no CPython from 3.8 to 3.14")
    failed = 0
    for executable, name in found.items():
        print("\n== packages: %s" % name, flush=True)
        command = [venv(executable, name), "-m", "unittest", "discover", "-s", HERE]
        failed += subprocess.call(command, env=venvs.environment(), cwd=venvs.PROJECT) != 0
    print("%d passed, %d failed" % (len(found) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
