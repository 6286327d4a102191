"""Venvs of the machine's Pythons, below build/, for tests of installed packages."""

import collections
import glob
import os
import platform
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(HERE)
sys.path.append(os.path.join(HERE, "python"))

import pythons  # noqa: E402
from built_library import environment  # noqa: E402, F401


# Two jobs may want the same venv at the same time.
LOCKS = collections.defaultdict(threading.Lock)


def find(is_supported):
    """The Pythons of pythons.find() whose name ("CPython", "PyPy") and version ([3, 9]) are supported."""
    found = pythons.find()
    return {executable: found[executable] for executable in found if is_supported(*pythons.split(found[executable]))}


def folder(kind, description):
    return os.path.join(PROJECT, "build", kind, description.replace(" ", "-"))


def make(job, executable, target):
    """Creates a venv, replacing an old one; returns its Python.

    It gets a pip, which takes longer than all else, only if its host's pip is too old (before 22.3) to install into it.
    """
    pip = subprocess.run([executable, "-m", "pip", "--python", executable, "--version"], capture_output=True)
    job.run([executable, "-m", "venv", "--clear", *["--without-pip"] * (pip.returncode == 0), target])
    return os.path.join(target, "bin", "python")


def install(job, python, *what, **settings):
    """Installs wheels with pip, which may not build anything. The settings are those of subprocess."""
    has_pip = os.path.exists(os.path.join(os.path.dirname(python), "pip"))
    pip = [python, "-m", "pip"] if has_pip else [os.path.realpath(python), "-m", "pip", "--python", python]
    job.run([*pip, "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:", *what], **settings)


def with_packages(job, executable, description):
    """The Python of a venv with everything that test-packages and test-wheel need, downloaded once for both.

    The venv is created again when the requirements change. Only CPython has wheels for those of test-packages.
    """
    kinds = ("packages", "wheel") if description.startswith("CPython") else ("wheel",)
    place = folder("packages", description)
    python, ready = os.path.join(place, "bin", "python"), os.path.join(place, "ready")
    files = [os.path.join(HERE, kind, "requirements.txt") for kind in kinds]
    wanted = executable + "\n" + "".join(open(file).read() for file in files)
    with LOCKS[place]:
        if not os.path.exists(ready) or open(ready).read() != wanted:
            make(job, executable, place)
            # pip would compile all modules to bytecode, which takes longer than to install them. Few are imported.
            install(job, python, "--no-compile", *[argument for file in files for argument in ("-r", file)])
            with open(ready, "w") as file:
                file.write(wanted)
    return python


def wheel():
    """The one for this machine: `make wheels` builds others, too."""
    wheels = glob.glob(os.path.join(PROJECT, "build", "wheels", "*-manylinux*_%s.whl" % platform.machine()))
    if len(wheels) != 1:
        sys.exit("there is not exactly one wheel for this machine in build/wheels: run make wheel")
    return wheels[0]
