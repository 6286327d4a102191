"""Runs, in the root that ../newest/root.py makes for arm64, the tests of what depends on the architecture.

Emulated code takes 10 to 50 times as long: by default the package's and the interpreters' tests are a selection, at short
length. With UNGIL_TEST_STRESS=full they are all that need nothing but the standard library.
"""
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
sys.path.insert(0, TESTS)

import side_by_side  # noqa: E402
import stress  # noqa: E402

PROJECT = os.path.dirname(TESTS)
LIBRARIES = os.path.join(PROJECT, "build", "lib")
PROGRAMS = os.path.join(PROJECT, "build", "tests-c")

# Programs in C. The second ones start thousands of threads, or make long calls. Not here: `memory`, as qemu has no limit
# of address space; `unwinding`, as qemu adds a line to the message of an abort; and `pids`, which needs a new kernel.
IN_C = ("functions", "bad_input", "control", "inboxes", "exchange", "exits")
IN_C_LONG = ("lifecycle", "forks", "settings", "interpreters_at_exit")

# Tests in Rust. What is left out takes minutes in qemu: all 2^32 numbers, and those of a large table one by one.
IN_RUST = ["cpu", "kernels", "interp::elf"]
LONG = ["whole_domain", "every_number_below_2_to_the_2", "block_boundaries", "every_small_n", "strong_pseudoprimes"]

PYTHON = ("test_cpu.py", "test_handles.py")
PACKAGE = ("test_functions.py", "test_control.py")


def settings():
    length = "full" if stress.is_full() else "short"
    return dict(os.environ, LIBRARY_PATH=LIBRARIES, LD_LIBRARY_PATH=LIBRARIES, **{stress.NAME: length})


def in_rust(job):
    skipped = [] if stress.is_full() else [argument for name in LONG for argument in ("--skip", name)]
    job.run([os.path.join(PROGRAMS, "rust")] + IN_RUST + skipped, cwd=PROJECT)


def in_c(job):
    for program in IN_C + IN_C_LONG * stress.is_full():
        job.run([os.path.join(PROGRAMS, program)], cwd=PROJECT)


def unittests(folder, files, **more):
    """A job for some files of a folder, or for all of them at full length."""
    command = [sys.executable, "-m", "unittest", "discover", "-v", "-s", os.path.join(TESTS, folder), "-p"]

    def work(job):
        for file in ("test*.py",) if stress.is_full() else files:
            job.run(command + [file], cwd=PROJECT, env=dict(settings(), **more))

    return side_by_side.Job("aarch64: tests/%s" % folder, work)


def two_interpreters(job):
    job.run([sys.executable, os.path.join(HERE, "interpreters.py")], cwd=PROJECT, env=dict(settings(), **package()))


def package():
    library = os.path.join(LIBRARIES, "libungil.so")
    return {"PYTHONPATH": os.path.join(PROJECT, "python"), "UNGIL_LIBRARY": os.path.realpath(library)}


def main():
    jobs = [
        side_by_side.Job("aarch64: numpy in two interpreters", two_interpreters),
        unittests("package", PACKAGE, **package()),
        unittests("python", PYTHON),
        side_by_side.Job("aarch64: Rust", in_rust),
        side_by_side.Job("aarch64: C programs", in_c),
    ]
    return side_by_side.run(jobs)


if __name__ == "__main__":
    sys.exit(main())
