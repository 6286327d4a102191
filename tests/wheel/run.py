"""Installs the wheel in build/wheels on every Python from 3.9 on, and tests what was installed.

First it installs only the package's requirements, on a PATH without a compiler and cargo, and runs `python -m ungil`.
Then it runs the tests in ../package. On the Pythons that are tested at full length, it installs optional packages too.
"""

import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import stress  # noqa: E402
import tested  # noqa: E402
import venvs  # noqa: E402

TESTS = os.path.join(venvs.PROJECT, "tests", "package")


def is_supported(name, version):
    return version >= [3, 9]


def environment(**settings):
    """The environment without variables that lead to another package or library."""
    elsewhere = ("PYTHONPATH", "LD_LIBRARY_PATH", "UNGIL_LIBRARY")
    kept = {name: os.environ[name] for name in os.environ if name not in elsewhere}
    return dict(kept, **settings)


def test(job, executable, description, full, companions):
    folder = venvs.folder("wheel-tests", description)
    python = venvs.make(job, executable, folder)
    bare = dict(cwd=folder, env=environment(PATH=os.path.dirname(python)))
    venvs.install(job, python, venvs.wheel(), **bare)
    job.run([python, "-m", "ungil"], **bare)
    if executable in companions:
        python = venvs.with_packages(job, executable, description)
        venvs.install(job, python, "--force-reinstall", "--no-deps", venvs.wheel())
        venvs.install(job, python, venvs.wheel())  # what it requires
    job.run(
        [python, "-m", "unittest", "discover", "-s", TESTS],
        cwd=folder,
        env=stress.environment(executable, full, environment()),
    )


def jobs(found, full, companions):
    """A job for each Python; `full` and `companions` have those tested at full length and with optional packages."""
    result = []
    for executable, description in found.items():
        name = "wheel: " + description + stress.label(executable, full)
        work = lambda job, it=(executable, description): test(job, *it, full, companions)  # noqa: E731
        result.append(tested.Job(name, work, description, "package"))
    return result


def main():
    venvs.wheel()
    found = venvs.find(is_supported)
    full = stress.chosen(list(found))
    return tested.run(jobs(found, full, companions=full))


if __name__ == "__main__":
    sys.exit(main())
