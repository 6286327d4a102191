"""Installs the wheel in build/wheels on every Python from 3.8 on, and tests what was installed.

First with the package's own requirements alone, and on a PATH without a compiler and cargo: `python -m ungil`. Then
with all that it works with: the tests in ../package.
"""

import glob
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import venvs  # noqa: E402

REQUIREMENTS = os.path.join(HERE, "requirements.txt")
TESTS = os.path.join(venvs.PROJECT, "tests", "package")


def is_supported(name, version):
    return version >= [3, 8]


def environment(**settings):
    """As it is, but for what could lead to another package or library."""
    elsewhere = ("PYTHONPATH", "LD_LIBRARY_PATH", "UNGIL_LIBRARY")
    kept = {name: os.environ[name] for name in os.environ if name not in elsewhere}
    return dict(kept, **settings)


def test(executable, description, wheel):
    folder = venvs.folder("wheel-tests", description)
    python = venvs.make(executable, folder)
    plain = dict(cwd=folder, env=environment(PATH=os.path.dirname(python)))
    venvs.install(python, wheel, **plain)
    subprocess.check_call([python, "-m", "ungil"], **plain)
    venvs.install(python, "-r", REQUIREMENTS)
    subprocess.check_call([python, "-m", "unittest", "discover", "-s", TESTS], cwd=folder, env=environment())


def main():
    wheels = glob.glob(os.path.join(venvs.PROJECT, "build", "wheels", "*.whl"))
    if len(wheels) != 1:
        sys.exit("there is not one wheel in build/wheels: run make wheel")
    found = venvs.find(is_supported)
    results = []
    for executable, description in found.items():
        print("\n== wheel: %s" % description, flush=True)
        try:
            test(executable, description, wheels[0])
            results.append("ok")
        except subprocess.CalledProcessError as error:
            print(error, flush=True)
            results.append("FAILED")
    print()
    for description, result in zip(found.values(), results):
        print("%-16s %s" % (description, result))
    failed = results.count("FAILED")
    print("%d passed, %d failed" % (len(results) - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
