"""Runs the tests of this folder on every supported Python of the machine, each in a venv with the packages."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(PROJECT, "tests", "python"))

import pythons  # noqa: E402
from run import environment  # noqa: E402

REQUIREMENTS = os.path.join(HERE, "requirements.txt")


def number(description):
    return [int(part) for part in description.split()[-1].split(".")[:2]]


def is_supported(description):
    return description.startswith("CPython") and [3, 8] <= number(description) <= [3, 14]


def venv(executable, description):
    """The venv's Python; it is made anew if the requirements have changed."""
    folder = os.path.join(PROJECT, "build", "packages", description.replace(" ", "-"))
    python, ready = os.path.join(folder, "bin", "python"), os.path.join(folder, "ready")
    with open(REQUIREMENTS) as file:
        wanted = file.read()
    if not os.path.exists(ready) or open(ready).read() != wanted:
        subprocess.check_call([executable, "-m", "venv", "--clear", folder])
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
        subprocess.check_call(pip + ["-r", REQUIREMENTS])
        with open(ready, "w") as file:
            file.write(wanted)
    return python


def main():
    found = {executable: name for executable, name in pythons.find().items() if is_supported(name)}
    if not found:
        print("SKIP packages in interpreters: there is no CPython from 3.8 to 3.14")
    failed = 0
    for executable, name in found.items():
        print("\n== packages: %s" % name, flush=True)
        command = [venv(executable, name), "-m", "unittest", "discover", "-s", HERE]
        failed += subprocess.call(command, env=environment(), cwd=PROJECT) != 0
    print("%d passed, %d failed" % (len(found) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
