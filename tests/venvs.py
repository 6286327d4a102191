"""Venvs of the machine's Pythons, in folders below build/, for tests of what is installed."""

import os
import subprocess
import sys

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(PROJECT, "tests", "python"))

import pythons  # noqa: E402
from run import environment  # noqa: E402, F401


def find(is_supported):
    """The Pythons, as pythons.find gives them, whose name ("CPython", "PyPy") and version ([3, 8]) are supported."""
    found = pythons.find()
    return {executable: found[executable] for executable in found if is_supported(*split(found[executable]))}


def split(description):
    name, version = description.split()
    return name, [int(part) for part in version.split(".")[:2]]


def folder(kind, description):
    return os.path.join(PROJECT, "build", kind, description.replace(" ", "-"))


def make(executable, place):
    """A new venv, in the place of an old one; gives its Python."""
    subprocess.check_call([executable, "-m", "venv", "--clear", place])
    return os.path.join(place, "bin", "python")


def install(python, *what, **settings):
    """By pip, which is to build nothing. The settings are subprocess's."""
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    subprocess.check_call(pip + list(what), **settings)
