"""The settings of an interpreter."""
import sys

import gc
import os

import _ungil
from _ungil import streams, time_zone, warning_filters

ENCODING = sys.getfilesystemencoding()


def configure(settings):
    """Applies the options that are set after the start: lines of name=value."""
    lists = {}
    for line in settings.split(b"\n"):
        name, _, value = line.decode(ENCODING, "surrogateescape").partition("=")
        lists.setdefault(name, []).append(value)
    _ungil.libpython = lists.get("libpython", [_ungil.libpython])[-1]
    _ungil.number = int(lists.get("number", [_ungil.number])[-1])
    # Before the path changes, as this may import a module.
    warning_filters.configure(lists.get("warnoption", sys.warnoptions), lists.get("warningfilter", []))
    if "path" in lists:
        sys.path[:] = lists["path"]
    sys.argv = lists.get("argv", [""])
    if lists.get("executable", [""])[-1]:
        sys.executable = lists["executable"][-1]
    sys.pycache_prefix = lists.get("pycache_prefix", [sys.pycache_prefix])[-1]
    if hasattr(sys, "set_int_max_str_digits") and "int_max_str_digits" in lists:
        sys.set_int_max_str_digits(int(lists["int_max_str_digits"][-1]))
    for option in lists.get("xoption", ()):
        name, equals, value = option.partition("=")
        sys._xoptions[name] = value if equals else True
    if "dont_write_bytecode" in lists:
        sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode or int(lists["dont_write_bytecode"][-1]))
    streams.configure()
    note_initial()
    _ungil.collects_garbage and gc.enable()
    return b""


initial = {}


def note_initial():
    """Notes what a reset restores. (Modules stay imported, with what they changed.)"""
    initial["path"] = list(sys.path)
    initial["argv"] = list(sys.argv)


def reset():
    sys.path[:] = initial["path"]
    sys.argv = list(initial["argv"])
    warning_filters.reset()


def reinitialize(variables):
    """Prepares for another user: sets the environment, as it is now."""
    os.environ._data.clear()
    for variable in variables.split(b"\0"):
        name, equals, value = variable.partition(b"=")
        if equals:
            os.environ._data[name] = value
    time_zone.note()
    return b""


_ungil.libpython = None  # the file that this interpreter is a copy of
_ungil.number = 0  # by which C functions know this interpreter, for what its code holds and lends
