"""Runs the tests of this directory with real libraries: at the oldest supported versions, and at the newest.

With UNGIL_TEST_STRESS=full everything runs; otherwise the quick half.
"""

import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import side_by_side  # noqa: E402
import stress  # noqa: E402
import venvs  # noqa: E402

OLDEST, NEWEST = "oldest", "newest"


def text_of(path):
    with open(path) as file:
        return file.read()


def venv(job, executable, versions):
    """The Python of a venv with the libraries, which is made again when the requirements change."""
    place = venvs.folder("integrations", versions)
    python, ready = os.path.join(place, "bin", "python"), os.path.join(place, "ready")
    requirements = os.path.join(HERE, "requirements-%s.txt" % versions)
    wanted = executable + "\n" + text_of(requirements)
    if not os.path.exists(ready) or text_of(ready) != wanted:
        venvs.make(job, executable, place)
        venvs.install(job, python, "--no-compile", "-r", requirements)
        with open(ready, "w") as file:
            file.write(wanted)
    return python


def test(job, executable, versions):
    python = venv(job, executable, versions)
    package, tests = os.path.join(venvs.PROJECT, "python"), os.path.join(venvs.PROJECT, "tests")
    (library,) = glob.glob(os.path.join(venvs.PROJECT, "build", "lib", "libungil.so.0.*"))
    path = os.pathsep.join([package, os.path.join(tests, "package"), tests])
    length = "full" if stress.is_full() else "short"
    environment = dict(os.environ, PYTHONPATH=path, UNGIL_LIBRARY=library, **{stress.NAME: length})
    job.run([python, "-m", "unittest", "discover", "-v", "-s", HERE], env=environment, cwd=venvs.PROJECT)


def main():
    found = venvs.pythons.of_each_version(venvs.find(venvs.pythons.have_interpreters))
    if not found:
        print("SKIP integrations: no CPython here can have interpreters")
        return 0
    chosen = {OLDEST: found[0], NEWEST: found[-1]}
    return side_by_side.run(
        [
            side_by_side.Job(
                "integrations: %s versions" % versions,
                lambda job, it=(executable, versions): test(job, *it),
            )
            for versions, executable in chosen.items()
        ]
    )


if __name__ == "__main__":
    sys.exit(main())
