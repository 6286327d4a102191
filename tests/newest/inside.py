"""Runs, in the root that root.py makes, the tests of the C interface and those of each Python there.

They are the tests that the machine's own Pythons have, by the same runners: ../python, ../wheel and ../packages. All of
the package's tests run on PyPy, and on the CPythons whose versions, such as 3.14, are this program's arguments.
"""
import importlib.util
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, TESTS)

import root  # noqa: E402
import side_by_side  # noqa: E402
import stress  # noqa: E402
import tested  # noqa: E402
import venvs  # noqa: E402

# Those of ../c that depend on the C library most: how processes, threads and interpreters end.
PROGRAMS = ("forks", "pids", "exits", "interpreters_at_exit", "lifecycle", "unwinding")


def runner(folder):
    """The module run.py of a folder of tests."""
    spec = importlib.util.spec_from_file_location("run_" + folder, os.path.join(TESTS, folder, "run.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def in_c(job):
    """The programs that `make test-c` built."""
    for program in PROGRAMS:
        job.run([os.path.join(venvs.PROJECT, "build", "tests-c", program)], cwd=venvs.PROJECT)


def main():
    found = venvs.find(lambda name, version: True)
    missing = {"CPython " + version for version in root.VERSIONS} - set(map(tested.series, found.values()))
    if missing:
        sys.exit("build/sid has no %s" % " and ".join(sorted(missing)))
    full = set(found) if stress.is_full() else set()  # `rotating` picks among the machine's own Pythons
    smoke = {"CPython " + version for version in set(root.VERSIONS) - set(sys.argv[1:])}
    whole = [executable for executable in found if tested.series(found[executable]) not in smoke]
    jobs = runner("wheel").jobs(found, full, companions=whole, whole=whole)
    jobs += runner("packages").jobs(found)
    jobs += runner("python").on_pythons(found, full)
    jobs.append(side_by_side.Job("C programs", in_c))
    return side_by_side.run(jobs)


if __name__ == "__main__":
    sys.exit(main())
