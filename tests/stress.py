"""The length of tests of growth and repetition, by the environment variable UNGIL_TEST_STRESS.

    full (the default)  all of it
    short               a round or a few
    rotating            for what runs on several Pythons: short on all but one, which changes from commit to commit

Tests that download packages take three Pythons then: the oldest, the newest, and one of the others, which changes, too.
The package's whole suite takes two: the oldest, and one of the others; and one of the newest, which are in tests/newest.
That of interpreters (tests/python) takes the oldest, the newest, the system's, and one of the others.
"""

import datetime
import os
import subprocess
import sys

NAME = "UNGIL_TEST_STRESS"


def is_short():
    return _wish() == "short"


def is_full():
    return _wish() == "full"


def is_rotating():
    return _wish() == "rotating"


def rounds(full, short):
    """The number of rounds of a test."""
    return short if is_short() else full


def some(items, every):
    """All of the items; at short length only each `every`th, which are others on the next Python."""
    return list(items)[sys.version_info[1] % every :: every] if is_short() else list(items)


def longest(pythons):
    """The Pythons that are tested at full length, of those given, oldest first: most often the oldest or the newest."""
    candidates = sorted(chosen(pythons), key=pythons.index)
    if is_full() or not candidates:
        return set(candidates)
    return {candidates[_turn() // len(pythons) % len(candidates)]}  # independent of which of the others was chosen


def chosen(pythons):
    """The Pythons that are tested with packages, of those given, oldest first."""
    wish = _wish()
    if wish not in ("full", "short", "rotating"):
        sys.exit("%s is full, short or rotating, not %r" % (NAME, wish))
    if wish == "full":
        return set(pythons)
    if wish == "short":
        return set()
    between = pythons[1:-1]
    rotating = between[_turn() % len(between)] if between else None
    return {pythons[0], rotating, pythons[-1]} - {None} if pythons else set()


def pair(pythons):
    """The oldest of the Pythons given, oldest first, and another one, which changes; all at full length."""
    if not is_rotating() or len(pythons) < 2:
        return chosen(pythons)
    return {pythons[0], pythons[1 + _turn() % (len(pythons) - 1)]}


def one(pythons):
    """One of these, which changes; at full length all."""
    return list(pythons) if not is_rotating() else [pythons[_turn() % len(pythons)]]


def longest_first(pythons, full):
    """The Pythons in the order in which their tests should start, so that all processors are busy until the end."""
    return sorted(pythons, key=lambda python: python not in full)


def environment(python, full, settings):
    """The settings with which a Python's tests run at full or short length."""
    return dict(settings, **{NAME: "full" if python in full else "short"})


def label(python, full):
    return "" if python in full else ", %s=short" % NAME


def _wish():
    return os.environ.get(NAME, "full")


def _turn():
    """A number that changes with each commit, or each day outside a git repository."""
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        command = ["git", "-C", here, "rev-parse", "HEAD"]
        return int(subprocess.check_output(command, stderr=subprocess.DEVNULL), 16)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return datetime.date.today().toordinal()
