"""Runs the Python tests: this folder on every Python of the machine, ../project on the one that runs this file."""
import glob
import os
import subprocess
import sys

import pythons

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))

sys.path.insert(0, os.path.dirname(HERE))

import side_by_side  # noqa: E402
import stress  # noqa: E402
import tested  # noqa: E402
from built_library import environment  # noqa: E402


def work(executable, folder, settings, *files):
    """What a job does: it runs the tests of a folder, or those in some of its files."""
    start = os.path.join(PROJECT, "tests", folder)
    commands = [[executable, "-m", "unittest", "discover", "-s", start, "-p", file] for file in files or ("test*.py",)]

    def run_all(job):
        for command in commands:
            job.run(command, env=settings, cwd=PROJECT)

    return run_all


def has_interpreters(executable):
    """Whether the tests of interpreters run on this Python. Elsewhere they are skipped."""
    program = "import sys; sys.path.insert(0, %r); import interpreters; sys.exit(not interpreters.HAS_ONE)" % HERE
    return subprocess.call([executable, "-c", program], env=environment()) == 0


def few_files():
    """Those of this folder but for the ones about single properties of interpreters."""
    names = (os.path.basename(path) for path in glob.glob(os.path.join(HERE, "test_*.py")))
    return sorted(name for name in names if not name.startswith(("test_interpreter_", "test_library_")))


def on_pythons(found, full, few=()):
    """A job for each Python; `full` has those tested at full length, `few` those tested by few_files()."""
    jobs = []
    for executable in stress.longest_first(found, full):
        description, is_whole = found[executable], executable not in few
        settings = stress.environment(executable, full, environment())
        function = work(executable, "python", settings, *(() if is_whole else few_files()))
        columns = ["library"] + ["interpreters"] * (is_whole and has_interpreters(executable))
        name = "python: " + description + stress.label(executable, full) + ("" if is_whole else ", few tests")
        jobs.append(tested.Job(name, function, description, *columns))
    return jobs


def on_every_python():
    found = pythons.find()
    repeating = [executable for executable in found if pythons.have_interpreters(*pythons.split(found[executable]))]
    few = few_of(repeating)
    full = stress.longest([executable for executable in repeating if executable not in few])
    return on_pythons(found, full | (set(found) - set(repeating)), few)


def few_of(repeating):
    """With UNGIL_TEST_STRESS=rotating: all but the oldest, the newest, the system's and one of the others."""
    if not stress.is_rotating():
        return set()
    others = [executable for executable in repeating if not pythons.is_of_the_system(executable)]
    return set(others) - stress.chosen(others)


def at_levels(levels):
    """What depends on the CPU level, from C and from Python, at each of these levels.

    (test_primes_reference.py is not run again: it takes long, and covers every level itself.)
    """
    for level in levels:
        settings = dict(environment(), UNGIL_CPU=level)
        yield side_by_side.Job(level + ": C", lambda job, settings=settings: in_c(job, settings))
        files = ("test_answers.py", "test_native.py", "test_cpu.py")
        yield side_by_side.Job(level + ": python", work(sys.executable, "python", settings, *files))
        yield side_by_side.Job(level + ": project", work(sys.executable, "project", settings, "test_pi_reference.py"))


def in_c(job, settings):
    for program in ("functions", "bad_input", "lifecycle"):
        job.run([os.path.join(PROJECT, "build", "tests-c", program)], env=settings, cwd=PROJECT)


def main():
    if len(sys.argv) > 1:
        return side_by_side.run(list(at_levels(sys.argv[1:])))
    name = "project: Python %s, in the tests' venv" % sys.version.split()[0]
    project = side_by_side.Job(name, work(sys.executable, "project", environment()))
    return side_by_side.run([project] + on_every_python())


if __name__ == "__main__":
    sys.exit(main())
