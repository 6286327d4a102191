"""Repeats the tests of the package and of interpreters until one fails. Its log is in build/repeat.

    python3 tests/repeat.py COUNT VERSION...        (make test-repeat)
"""

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

import venvs

REQUIREMENTS = os.path.join(venvs.HERE, "wheel", "requirements.txt")
SUITES = (("package", "test*.py"), ("python", "test_interpreter*.py"))


def find(version):
    """The newest CPython of a series such as 3.9: its executable and description."""
    found = pythons_of(version)
    if not found:
        sys.exit("there is no CPython %s on this machine" % version)
    return found[-1]


def pythons_of(version):
    return [item for item in venvs.pythons.find().items() if (item[1] + ".").startswith("CPython %s." % version)]


def python(executable, description):
    """The Python of a venv with the packages that ungil works with."""
    place = venvs.folder("repeat", description)
    if not os.path.exists(os.path.join(place, "ready")):
        subprocess.check_call([executable, "-m", "venv", "--clear", place])
        pip = [os.path.join(place, "bin", "python"), "-m", "pip", "install", "--quiet", "--only-binary", ":all:"]
        subprocess.check_call(pip + ["cloudpickle", "-r", REQUIREMENTS])
        open(os.path.join(place, "ready"), "w").close()
    return os.path.join(place, "bin", "python")


def repeat(executable, description, count, failures):
    settings = venvs.environment()
    settings["PYTHONPATH"] = os.path.join(venvs.PROJECT, "python")
    settings["UNGIL_LIBRARY"] = os.path.join(venvs.PROJECT, "build", "lib", "libungil.so")
    for number in range(1, count + 1):
        for folder, files in SUITES:
            if failures:
                return
            name = "%s-%s" % (description.replace(" ", "-"), folder)
            log = os.path.join(venvs.PROJECT, "build", "repeat", name + ".log")
            command = [executable, "-m", "unittest", "discover", "-s", os.path.join(venvs.HERE, folder), "-p", files]
            start = time.monotonic()
            with open(log, "w") as output:
                status = subprocess.call(command, env=settings, cwd=venvs.PROJECT, stdout=output, stderr=output)
            print("%d: %s: %d, %.0f s" % (number, name, status, time.monotonic() - start), flush=True)
            if status:
                kept = log.replace(".log", "-failed.log")
                os.replace(log, kept)
                failures.append(kept)


def main():
    count, versions = int(sys.argv[1]), sys.argv[2:]
    found = [find(version) for version in versions]
    ready = [(python(*item), item[1]) for item in found]
    failures = []
    with ThreadPoolExecutor(2) as pool:
        for done in as_completed([pool.submit(repeat, *item, count, failures) for item in ready]):
            done.result()
    for kept in failures:
        print("FAILED: " + kept)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
