"""Runs the wheels in build/wheels that are for other C libraries and systems, as far as Linux can do that.

C programs of ../c run under musl and on Windows, in wine; there the package is tried on Windows' own Python, too. Each
uses the library out of the wheel.
"""
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(HERE))

import musl  # noqa: E402
import side_by_side  # noqa: E402
import windows  # noqa: E402


def main():
    jobs, missing = [], []
    for module in (musl, windows):
        package = module.missing_package()
        if package is None:
            jobs += [side_by_side.Job(name, work) for name, work in module.JOBS.items()]
        else:
            print("SKIP %s: apt install %s" % (", ".join(module.JOBS), package))
            missing.append(package)
    if missing and os.environ.get("UNGIL_REQUIRE_ALL") and shutil.which("apt-get"):
        return 1
    return side_by_side.run(jobs)


if __name__ == "__main__":
    sys.exit(main())
