"""The process of one suite: `python -m bench_py.worker SUITE`, which writes what it does and finds as lines of JSON.

A suite has a process of its own so that threads and settings of one do not stay for the next, and so that it can be
stopped at once, and so that what breaks takes nothing along.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from contextlib import ExitStack
from dataclasses import asdict
from typing import Any, TextIO

from .contest import FULL, QUICK, Contest, Measuring, WrongAnswer
from .results import NAMES
from .suites import Tools, suite


def private_output() -> TextIO:
    """Standard output, which nobody else writes to any more: what libraries print goes to stderr.

    Forked children have none: one that outlives this process would hide that it has ended.
    """
    descriptor = os.dup(1)
    os.dup2(2, 1)
    os.register_at_fork(after_in_child=lambda: os.dup2(2, descriptor))
    return os.fdopen(descriptor, "w", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("suite", choices=NAMES)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default="", help="steps whose name matches this pattern")
    arguments = parser.parse_args()
    output = private_output()

    def tell(**event: Any) -> None:
        output.write(json.dumps(event) + "\n")
        output.flush()

    with ExitStack() as stack:
        measuring = Measuring(QUICK if arguments.quick else FULL)
        tools = Tools(measuring.effort, lambda peer, why: tell(missing=[peer, why]), stack)
        steps = [step for step in suite(arguments.suite).steps(tools) if re.search(arguments.only, step.name)]
        tell(steps=[(step.name, step.seconds) for step in steps])
        for i, step in enumerate(steps):
            tell(begin=i)
            try:
                found = step.prepare()
                tell(row=asdict(measuring.measure(found) if isinstance(found, Contest) else found))
            except WrongAnswer as wrong:
                tell(failure=f"WRONG ANSWER: {wrong}")
                sys.exit(1)
            except Exception as error:
                tell(failure=f"{arguments.suite}, {step.name}: {type(error).__name__}: {error}")
        tell(end=True)


if __name__ == "__main__":
    main()
