"""Every CPython and PyPy of this machine from 2.7 on: those on PATH, and those in pyenv's versions folder."""
import glob
import os
import re
import subprocess

# The oldest version of CPython that can have interpreters, as in src/interp/cpython/version.rs.
OLDEST = (3, 9)
WITH_INTERPRETERS = "%d.%d or newer" % OLDEST

NAME = re.compile(r"^(python|pypy)(\d+(\.\d+)?t?)?$")

DESCRIBE = (
    "import platform, sys; "
    "assert sys.version_info >= (2, 7); "
    "print(sys.executable); "
    "print(platform.python_implementation() + ' ' + platform.python_version() + 't' * ('t' in getattr(sys, 'abiflags', '')))"
)


def candidates():
    for folder in os.environ.get("PATH", "").split(os.pathsep):
        for path in sorted(glob.glob(os.path.join(glob.escape(folder), "py*"))):
            if NAME.match(os.path.basename(path)):
                yield path
    pyenv = os.environ.get("PYENV_ROOT") or os.path.expanduser("~/.pyenv")
    for version in sorted(glob.glob(os.path.join(glob.escape(pyenv), "versions", "*"))):
        for name in ("python", "pypy", "pypy3"):
            yield os.path.join(version, "bin", name)


def describe(path):
    """(executable, name and version), or None where it is no working Python."""
    try:
        output = subprocess.run([path, "-c", DESCRIBE], capture_output=True, timeout=60, text=True)
        executable, description = output.stdout.splitlines()
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return None
    return os.path.realpath(executable), description


def find():
    """A dict from executable to description, oldest first, without a second name of the same executable.

    Versions of free-threaded builds end in t: "CPython 3.14.0t".
    """
    found = dict(filter(None, map(describe, candidates())))
    number = lambda item: [int(digits) for digits in re.findall(r"\d+", item[1])]
    return dict(sorted(found.items(), key=number))


def of_each_version(found):
    """One Python of each implementation and minor version, of those that find() has found.

    It is the system's if that is among them, as its program may have Python built in. Others load libpython.
    """
    chosen = {}
    for executable, description in found.items():
        name, version = split(description)
        kind = (name, tuple(version), is_free_threaded(description))  # Python 2.7 reads this file, too
        if kind not in chosen or is_of_the_system(executable):
            chosen[kind] = executable
    return list(chosen.values())


def is_of_the_system(executable):
    return executable.startswith("/usr/bin/")


def have_interpreters(name, version):
    """Whether Pythons of this name ("CPython") and version ([3, 9]) can have interpreters."""
    return name == "CPython" and OLDEST <= tuple(version)


def is_free_threaded(description):
    return description.endswith("t")


def split(description):
    """("CPython", [3, 9]) of "CPython 3.9.18"."""
    name, version = description.split()
    return name, [int(part) for part in version.split(".")[:2]]
