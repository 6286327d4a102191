"""Runs tests on the newest CPythons, PyPy and C library, in the root of Debian sid that root.py makes."""
import os
import subprocess
import sys

import root

sys.path.insert(0, os.path.dirname(root.HERE))

import stress  # noqa: E402

INSIDE = os.path.join(root.HERE, "inside.py")


def main():
    newest = root.Root()
    reason, mendable = newest.obstacle()
    if reason:
        print("SKIP tests on the newest Pythons: %s" % reason)
        return 1 if mendable and os.environ.get("UNGIL_REQUIRE_ALL") else 0
    newest.ensure()
    whole = stress.one(root.VERSIONS)  # here, where git tells the commit
    return subprocess.call([os.path.join(root.HERE, "enter"), "python" + root.VERSIONS[-1], INSIDE, *whole])


if __name__ == "__main__":
    sys.exit(main())
