"""Runs the benchmarks' own tests in parallel, in a process for each whole run and for each file of other tests."""

import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import side_by_side  # noqa: E402
import test_runs  # noqa: E402


def job(file: str, *selection: str) -> side_by_side.Job:
    command = [sys.executable, "-m", "unittest", "discover", "-s", str(HERE), "-p", file, *selection]
    return side_by_side.Job(
        " ".join(("bench:", file, *selection[1:])), lambda job: job.run(command, cwd=HERE.parent.parent)
    )


def main() -> int:
    runs = [job("test_runs.py", "-k", name) for name in unittest.defaultTestLoader.getTestCaseNames(test_runs.Runs)]
    others = [job(path.name) for path in sorted(HERE.glob("test_*.py")) if path.name != "test_runs.py"]
    return side_by_side.run(runs + others)


if __name__ == "__main__":
    sys.exit(main())
