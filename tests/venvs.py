"""Venvs of the machine's Pythons, in folders below build/, for tests of what is installed."""

import glob
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(HERE, "python"))

import pythons  # noqa: E402
from run import environment  # noqa: E402, F401


def find(is_supported):
    """The Pythons, as pythons.find gives them, whose name ("CPython", "PyPy") and version ([3, 8]) are supported."""
    found = pythons.find()
    return {executable: found[executable] for executable in found if is_supported(*pythons.split(found[executable]))}


def folder(kind, description):
    return os.path.join(PROJECT, "build", kind, description.replace(" ", "-"))


def make(job, executable, place):
    """A new venv, in the place of an old one; gives its Python."""
    job.run([executable, "-m", "venv", "--clear", place])
    return os.path.join(place, "bin", "python")


def install(job, python, *what, **settings):
    """By pip, which is to build nothing. The settings are subprocess's."""
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    job.run(pip + list(what), **settings)


def with_packages(job, executable, description):
    """The Python of a venv with all that test-packages and test-wheel want, which fetch it once for both.

    It is made anew if the requirements have changed. Other Pythons than CPython have wheels of the latter's alone.
    """
    kinds = ("packages", "wheel") if description.startswith("CPython") else ("wheel",)
    place = folder("packages", description)
    python, ready = os.path.join(place, "bin", "python"), os.path.join(place, "ready")
    files = [os.path.join(HERE, kind, "requirements.txt") for kind in kinds]
    wanted = "".join(open(file).read() for file in files)
    if not os.path.exists(ready) or open(ready).read() != wanted:
        make(job, executable, place)
        install(job, python, *[argument for file in files for argument in ("-r", file)])
        with open(ready, "w") as file:
            file.write(wanted)
    return python


def wheel():
    wheels = glob.glob(os.path.join(PROJECT, "build", "wheels", "*.whl"))
    if len(wheels) != 1:
        sys.exit("there is not one wheel in build/wheels: run make wheel")
    return wheels[0]
