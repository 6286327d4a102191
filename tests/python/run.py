"""Runs the Python tests: this folder on every Python of the machine, ../project on the one that runs this file."""
import os
import sys

import pythons

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
LIBRARIES = os.path.join(PROJECT, "build", "lib")

sys.path.insert(0, os.path.dirname(HERE))

import side_by_side  # noqa: E402
import stress  # noqa: E402


def environment():
    """find_library asks the linker (LIBRARY_PATH), and dlopen the loader (LD_LIBRARY_PATH)."""
    settings = dict(os.environ, LIBRARY_PATH=LIBRARIES, LD_LIBRARY_PATH=LIBRARIES)
    settings.pop("UNGIL_NUM_THREADS", None)  # UNGIL_CPU stays: the tests pass at every level
    settings.pop("PYTHONPATH", None)
    return settings


def job(name, executable, folder, settings, *files):
    """Run the tests of a folder, or those in some of its files."""
    start = os.path.join(PROJECT, "tests", folder)
    commands = [[executable, "-m", "unittest", "discover", "-s", start, "-p", file] for file in files or ("test*.py",)]

    def work(job):
        for command in commands:
            job.run(command, env=settings, cwd=PROJECT)

    return side_by_side.Job(name, work)


def on_every_python():
    found = pythons.find()
    repeating = [executable for executable in found if pythons.have_interpreters(*pythons.split(found[executable]))]
    full = stress.chosen(repeating) | (set(found) - set(repeating))
    for executable in stress.longest_first(found, set(repeating) & full):
        settings = stress.environment(executable, full, environment())
        name = "python: " + found[executable] + stress.label(executable, full)
        yield job(name, executable, "python", settings)


def at_levels(levels):
    """What depends on the CPU level, from C and from Python, at each of these levels."""
    for level in levels:
        settings = dict(environment(), UNGIL_CPU=level)
        yield side_by_side.Job(level + ": C", lambda job, settings=settings: in_c(job, settings))
        yield job(level + ": python", sys.executable, "python", settings, "test_answers.py", "test_native.py", "test_cpu.py")
        yield job(level + ": project", sys.executable, "project", settings, "test_*_reference.py")


def in_c(job, settings):
    for program in ("functions", "bad_input", "lifecycle"):
        job.run([os.path.join(PROJECT, "build", "tests-c", program)], env=settings, cwd=PROJECT)


def main():
    if len(sys.argv) > 1:
        return side_by_side.run(list(at_levels(sys.argv[1:])))
    project = "project: Python %s, in the tests' venv" % sys.version.split()[0]
    return side_by_side.run([job(project, sys.executable, "project", environment())] + list(on_every_python()))


if __name__ == "__main__":
    sys.exit(main())
