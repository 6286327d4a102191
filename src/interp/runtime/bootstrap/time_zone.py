"""The time zone is the process's: the C library has one, and reads TZ from the process's environment."""
import os
import time

# The process's TZ, as of the time when the interpreter was checked out.
of_process = os.environ.get("TZ")


def note():
    global of_process
    of_process = os.environ.get("TZ")


def tzset():
    original()
    own = os.environ.get("TZ")
    if own != of_process:
        import warnings

        warnings.warn(
            "TZ is %r in this isolated interpreter, but the time zone is the process's: use zoneinfo" % own,
            RuntimeWarning,
            stacklevel=2,
        )


original = time.tzset
tzset.__doc__ = original.__doc__
time.tzset = tzset
