"""Runs the tests of this directory on the machine's supported Pythons, each in a venv with the packages."""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import side_by_side  # noqa: E402
import stress  # noqa: E402
import tested  # noqa: E402
import venvs  # noqa: E402

pythons = venvs.pythons


# Imports everything once: otherwise eight interpreters would compile the same modules to bytecode at the same time.
IMPORT = """
import importlib
for name in (
    "numpy pandas scipy.linalg scipy.optimize scipy.sparse scipy.special lxml.etree cryptography.fernet pydantic "
    "PIL.Image orjson numba pyarrow.compute cffi"
).split():
    try:
        importlib.import_module(name)
    except ImportError:
        pass  # the tests report it
"""


def test(job, executable, name):
    python = venvs.with_packages(job, executable, name)
    job.run([python, "-c", IMPORT])
    job.run([python, "-m", "unittest", "discover", "-s", HERE], env=venvs.environment(), cwd=venvs.PROJECT)


def jobs(found):
    """A job for each Python of those found that can have interpreters."""
    return [
        tested.Job("packages: " + name, lambda job, it=(executable, name): test(job, *it), name, "packages")
        for executable, name in found.items()
        if pythons.have_interpreters(*pythons.split(name))
    ]


def main():
    found = venvs.find(pythons.have_interpreters)
    if not found:
        print("SKIP packages in interpreters: there is no CPython from %s" % pythons.WITH_INTERPRETERS)
    chosen = stress.chosen(list(found))
    for executable, name in found.items():
        if executable not in chosen:
            print("SKIP packages in interpreters on %s: %s=full runs it on all" % (name, stress.NAME))
    return side_by_side.run(jobs({executable: found[executable] for executable in found if executable in chosen}))


if __name__ == "__main__":
    sys.exit(main())
