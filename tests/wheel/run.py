"""Installs the wheel in build/wheels on every Python from 3.9 on, and tests what was installed.

First it installs only the package's requirements, on a PATH without a compiler and cargo, and runs `python -m ungil` and
the command `ungil`. Then it runs the tests in ../package: on two Pythons all of them, with optional packages, and on
one of these at full length; on the others SMOKE. With UNGIL_TEST_STRESS=full, all run all of them.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import side_by_side  # noqa: E402
import stress  # noqa: E402
import tested  # noqa: E402
import venvs  # noqa: E402

TESTS = os.path.join(venvs.PROJECT, "tests", "package")
SMOKE = ["test_report", "test_interpreters", "test_options", "test_ends", "test_children"]


def is_supported(name, version):
    return version >= [3, 9]


def environment(**settings):
    """The environment without variables that lead to another package or library."""
    elsewhere = ("PYTHONPATH", "LD_LIBRARY_PATH", "UNGIL_LIBRARY")
    kept = {name: os.environ[name] for name in os.environ if name not in elsewhere}
    return dict(kept, **settings)


def test(job, executable, description, full, companions, tests):
    folder = venvs.folder("wheel-tests", description)
    python = venvs.make(job, executable, folder)
    bare = dict(cwd=folder, env=environment(PATH=os.path.dirname(python)))
    venvs.install(job, python, venvs.wheel(), **bare)
    job.run([python, "-m", "ungil"], **bare)
    job.run([os.path.join(os.path.dirname(python), "ungil"), "--json"], **bare)
    if executable in companions:
        python = venvs.with_packages(job, executable, description)
        venvs.install(job, python, "--force-reinstall", "--no-deps", venvs.wheel())
        venvs.install(job, python, venvs.wheel())  # what it requires
    job.run([python, "-m", "unittest", *tests], cwd=TESTS, env=stress.environment(executable, full, environment()))


def jobs(found, full, companions, whole):
    """A job for each Python.

    `full` are those that are tested at full length, `companions` with optional packages, `whole` with all tests.
    """
    result = []
    for executable in stress.longest_first(found, full):
        description, is_whole = found[executable], executable in whole
        name = "wheel: " + description + stress.label(executable, full) + ("" if is_whole else ", few tests")
        what = (executable, description, full, companions, ["discover"] if is_whole else SMOKE)
        work = lambda job, what=what: test(job, *what)  # noqa: E731
        result.append(tested.Job(name, work, description, "package") if is_whole else side_by_side.Job(name, work))
    return result


def main():
    venvs.wheel()
    found = venvs.find(is_supported)
    series = list(found) if stress.is_full() else venvs.pythons.of_each_version(found)
    whole = stress.pair(series)
    full = stress.longest([executable for executable in series if executable in whole])
    return side_by_side.run(jobs(found, full, companions=whole, whole=whole))


if __name__ == "__main__":
    sys.exit(main())
