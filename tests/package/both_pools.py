"""Programs that run with a pool of processes, made by fork, and with a pool of interpreters."""

from __future__ import annotations

import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

POOL = """
import concurrent.futures, multiprocessing, sys
def pool(max_workers=1, **options):
    if sys.argv[1] == "processes":
        fork = multiprocessing.get_context("fork")
        return concurrent.futures.ProcessPoolExecutor(max_workers, mp_context=fork, **options)
    import ungil
    return ungil.InterpreterPoolExecutor(max_workers, **options)
"""

PROCESSES, INTERPRETERS = "processes", "interpreters"


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class BothPools(unittest.TestCase):
    """A program makes its pools by pool(), and gets executors that differ in the kind of their workers alone."""

    def assert_prints(self, script, *lines, kinds=(PROCESSES, INTERPRETERS)):
        for kind in kinds:
            with self.subTest(kind):
                # Newer Pythons warn of a fork while there are threads.
                status, output, errors = run_script(POOL + script, kind, options=("-W", "ignore::DeprecationWarning"))
                self.assertEqual((status, output.splitlines()), (0, list(lines)), errors)

    def assert_differ(self, script, processes, interpreters):
        """What the program prints with each: lines, or None where processes cannot run it."""
        if processes is not None:
            self.assert_prints(script, *processes, kinds=[PROCESSES])
        self.assert_prints(script, *interpreters, kinds=[INTERPRETERS])
