"""Runs what may differ without a GIL, on each free-threaded CPython of this machine that interpreters support."""

import os
import subprocess
import sys

import side_by_side
import venvs
from venvs import HERE, PROJECT, pythons

HOW_TO_GET_ONE = 'see "Test on a free-threaded Python" in CONTRIBUTING.md'
OLDEST = [3, 14]  # as in src/interp/cpython/free_threading.rs

LIBPYTHON = (
    "import os, sysconfig; get = sysconfig.get_config_var;"
    "print(os.path.join(get('LIBDIR'), get('INSTSONAME')) if get('Py_ENABLE_SHARED') else '')"
)


def find():
    """Each once: the programs python3.14 and python3.14t of one installation are two files."""
    found = {
        description: executable
        for executable, description in pythons.find().items()
        if pythons.is_free_threaded(description) and pythons.split(description)[1] >= OLDEST
    }
    return {executable: description for description, executable in found.items()}


def from_source():
    settings = dict(venvs.environment(), PYTHONPATH=os.path.join(PROJECT, "python"))
    return dict(settings, UNGIL_LIBRARY=os.path.join(PROJECT, "build", "lib", "libungil.so"))


def unittest(job, python, folder, settings):
    job.run([python, "-m", "unittest", "discover", "-s", os.path.join(HERE, folder)], env=settings, cwd=PROJECT)


def in_python(job, executable, description):
    unittest(job, executable, "python", venvs.environment())


def in_package(job, executable, description):
    python = venvs.make(job, executable, venvs.folder("free-threaded", description))
    venvs.install(job, python, "cloudpickle")
    try:
        venvs.install(job, python, "numpy")
    except subprocess.CalledProcessError:
        job.say("SKIP numpy: PyPI has none for this Python")
    job.run([python, "-m", "ungil"], env=from_source())
    unittest(job, python, "package", from_source())


def at_exit(job, executable, description):
    libpython = subprocess.check_output([executable, "-c", LIBPYTHON], text=True).strip()
    if not libpython:
        job.say("SKIP the exit: this Python has no shared libpython")
        return
    program = os.path.join(PROJECT, "build", "tests-c", "interpreters_at_exit")
    job.run([program], env=dict(venvs.environment(), UNGIL_LIBPYTHON=libpython), cwd=PROJECT)


def main():
    found = find()
    if not found:
        print("SKIP free-threaded Python: there is no CPython %d.%dt or newer: %s" % (*OLDEST, HOW_TO_GET_ONE))
        return 0
    jobs = []
    for item in found.items():
        for name, work in (("package", in_package), ("python", in_python), ("at exit", at_exit)):
            job = side_by_side.Job("%s: %s" % (name, item[1]), lambda job, work=work, item=item: work(job, *item))
            jobs.append(job)
    return side_by_side.run(jobs)


if __name__ == "__main__":
    sys.exit(main())
