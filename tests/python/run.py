"""Runs the Python tests: this folder on every Python of the machine, ../project on the one that runs this file."""
import os
import subprocess
import sys
import time

import pythons

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(os.path.dirname(HERE))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def environment():
    """find_library asks the linker (LIBRARY_PATH), and dlopen the loader (LD_LIBRARY_PATH)."""
    settings = dict(os.environ, LIBRARY_PATH=LIBRARIES, LD_LIBRARY_PATH=LIBRARIES)
    settings.pop("UNGIL_NUM_THREADS", None)  # UNGIL_CPU stays: the tests pass at every level
    settings.pop("PYTHONPATH", None)
    return settings


def run(executable, description, folder):
    print("\n== %s: %s" % (folder, description), flush=True)
    start = time.time()
    command = [executable, "-m", "unittest", "discover", "-s", os.path.join(HERE, "..", folder)]
    code = subprocess.call(command, env=environment(), cwd=PROJECT)
    return folder, description, "ok" if code == 0 else "FAILED", time.time() - start


def main():
    found = pythons.find()
    results = [run(executable, description, "python") for executable, description in found.items()]
    results.append(run(sys.executable, "Python %s, in the tests' venv" % sys.version.split()[0], "project"))
    print()
    for folder, description, result, seconds in results:
        print("%-8s %-36s %-6s %6.1f s" % (folder, description, result, seconds))
    failed = sum(result != "ok" for _, _, result, _ in results)
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
