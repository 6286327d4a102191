"""How much of the tests of growth and repetition is done: UNGIL_TEST_STRESS is full or short.

    full (the default)  all of it
    short               a round or a few
    rotating            for what runs on several Pythons: full on the oldest, the newest, and one of the others that
                        changes from commit to commit; short on the rest
"""

import datetime
import os
import subprocess
import sys

NAME = "UNGIL_TEST_STRESS"


def is_short():
    return os.environ.get(NAME, "full") == "short"


def rounds(full, short):
    """How many rounds a test makes of what it repeats."""
    return short if is_short() else full


def chosen(pythons):
    """Those of the Pythons, oldest first, that are tested in full length."""
    wish = os.environ.get(NAME, "full")
    if wish not in ("full", "short", "rotating"):
        sys.exit("%s is full, short or rotating, not %r" % (NAME, wish))
    if wish == "full":
        return set(pythons)
    if wish == "short":
        return set()
    between = pythons[1:-1]
    rotating = between[_turn() % len(between)] if between else None
    return {pythons[0], rotating, pythons[-1]} - {None} if pythons else set()


def environment(python, full, settings):
    """The settings, with which a Python's tests are of full length or short."""
    return dict(settings, **{NAME: "full" if python in full else "short"})


def label(python, full):
    return "" if python in full else ", %s=short" % NAME


def _turn():
    """A number that changes with each commit, or where there is none, each day."""
    here = os.path.dirname(os.path.abspath(__file__))
    try:
        command = ["git", "-C", here, "rev-parse", "HEAD"]
        return int(subprocess.check_output(command, stderr=subprocess.DEVNULL), 16)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return datetime.date.today().toordinal()
