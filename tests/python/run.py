"""Runs the Python tests: this folder on every Python of the machine, ../project on the one that runs this file."""
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


def on_pythons(found, full):
    """A job for each Python; `full` has those tested at full length."""
    jobs = []
    for executable in stress.longest_first(found, full):
        description = found[executable]
        function = work(executable, "python", stress.environment(executable, full, environment()))
        columns = ["library"] + ["interpreters"] * has_interpreters(executable)
        jobs.append(tested.Job("python: " + description + stress.label(executable, full), function, description, *columns))
    return jobs


def on_every_python():
    found = pythons.find()
    repeating = [executable for executable in found if pythons.have_interpreters(*pythons.split(found[executable]))]
    return on_pythons(found, stress.longest(repeating) | (set(found) - set(repeating)))


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
