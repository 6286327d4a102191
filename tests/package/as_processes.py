"""Programs that print the same with processes and with interpreters."""

import sys
import textwrap
import unittest
from unittest import mock

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

BOTH = """
import multiprocessing
from concurrent.futures import ProcessPoolExecutor
import ungil

{program}

def outcome(call):
    try:
        return call()
    except BaseException as error:
        return type(error).__name__, str(error)

for pool in (
    lambda: ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")),  # first: without other threads
    lambda: ungil.InterpreterPoolExecutor(2),
):
    with pool() as it:
        print(ascii(trial(it)), flush=True)
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class AsProcesses(unittest.TestCase):
    """A program defines trial(pool), which returns something that it shows."""

    def check(self, program, directories=()):
        with mock.patch.object(sys, "path", [*directories, *sys.path]):
            status, output, errors = run_script(BOTH.format(program=textwrap.dedent(program)))
        self.assertEqual(status, 0, errors)
        by_processes, by_interpreters = output.splitlines()
        self.assertEqual(by_interpreters, by_processes)
        return by_interpreters
