"""Pools whose interpreters start at once and import modules before their first task."""

import os
import sys
import tempfile
import textwrap
import time
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, PATIENCE, run_script

# Each import of it adds a line to a file.
MODULE = """
import os
with open(%r, "a") as file:
    file.write("imported\\n")
"""


def is_imported(name):
    import sys

    return name in sys.modules


def globals_of_main():
    import __main__

    return sorted(vars(__main__))


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Preload(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        patch = mock.patch.object(sys, "path", [*sys.path, self.directory])
        patch.start()
        self.addCleanup(patch.stop)

    def write(self, name, source):
        with open(os.path.join(self.directory, name + ".py"), "w") as file:
            file.write(textwrap.dedent(source))

    def module(self, name):
        """A module, and a function that counts how often it was imported."""
        log = os.path.join(self.directory, name + ".log")
        self.write(name, MODULE % log)

        def count():
            with open(log, "a+") as file:
                file.seek(0)
                return len(file.readlines())

        return count

    def pool(self, *args, **kwargs):
        pool = ungil.InterpreterPoolExecutor(*args, **kwargs)
        self.addCleanup(pool.shutdown)
        return pool

    def wait_until(self, is_so):
        end = time.monotonic() + PATIENCE
        while not is_so() and time.monotonic() < end:
            time.sleep(0.01)
        self.assertTrue(is_so())

    def test_all_interpreters_import_the_modules_without_a_task(self):
        first, second = self.module("preload_a"), self.module("preload_b")
        pool = self.pool(3, preload=["preload_a", "preload_b"])
        self.wait_until(lambda: (first(), second()) == (3, 3))
        self.assertTrue(pool.submit(is_imported, "preload_b").result())
        self.assertEqual((first(), second()), (3, 3))

    def test_an_interrupt_does_not_reach_it(self):
        """It would break the pool, and leave parts of modules in an interpreter that another pool gets."""
        log, go = os.path.join(self.directory, "log"), os.path.join(self.directory, "go")
        wait = "import time\nwhile not os.path.exists(%r): time.sleep(0.001)\n" % go
        self.write("preload_waits", MODULE % log + wait)
        pool = self.pool(1, preload=["preload_waits"])
        self.wait_until(lambda: os.path.exists(log))
        pool._pool.stop()
        open(go, "w").close()
        self.assertTrue(pool.submit(is_imported, "preload_waits").result(PATIENCE))

    def test_without_it_interpreters_start_when_they_are_needed(self):
        self.assertEqual(len(self.pool(3)._threads), 0)
        self.assertEqual(len(self.pool(3, preload=[])._threads), 3)

    def test_it_comes_before_the_initializer_and_leaves_no_globals(self):
        self.module("preload_c")
        pool = self.pool(1, initializer=is_imported, initargs=("preload_c",))
        names = pool.submit(globals_of_main).result()
        self.module("preload_d")
        self.write(
            "preload_initializer",
            """
            import sys
            def check():
                assert "preload_d" in sys.modules
            """,
        )
        import preload_initializer

        pool = self.pool(1, preload=("preload_d",), initializer=preload_initializer.check)
        self.assertEqual(pool.submit(globals_of_main).result(), names)

    def test_submodules(self):
        pool = self.pool(1, preload=iter(["xml.dom.minidom"]))
        self.assertTrue(pool.submit(is_imported, "xml.dom.minidom").result())

    def test_a_module_that_cannot_be_imported_breaks_the_pool(self):
        self.write("preload_bad", "1 / 0")
        for name, kind in (("preload_missing", ModuleNotFoundError), ("preload_bad", ZeroDivisionError)):
            with self.subTest(name):
                pool = self.pool(2, preload=["json", name])
                with self.assertRaisesRegex(
                    ungil.BrokenInterpreterPool, "preload: importing %s failed" % name
                ) as caught:
                    pool.submit(pow, 2, 2).result()
                self.assertIsInstance(caught.exception.__cause__, kind)
                self.wait_until(lambda pool=pool: pool._broken)
                self.assertRaises(ungil.BrokenInterpreterPool, pool.submit, pow, 2, 2)

    def test_wrong_arguments(self):
        for preload, error in (("json", TypeError), (b"json", TypeError), ([5], TypeError), (5, TypeError)):
            self.assertRaisesRegex(error, "preload", ungil.InterpreterPoolExecutor, 1, preload=preload)
        for name in ("", ".json", "xml..dom", "xml."):
            self.assertRaisesRegex(ValueError, "preload", ungil.InterpreterPoolExecutor, 1, preload=[name])

    def test_a_pool_that_is_shut_down_or_dropped_while_it_preloads(self):
        count = self.module("preload_e")
        self.pool(2, preload=["preload_e"]).shutdown()
        self.assertEqual(count(), 2)
        status, output, errors = run_script(
            """
            import ungil
            ungil.InterpreterPoolExecutor(2, preload=["json", "decimal"])
            pool = ungil.InterpreterPoolExecutor(2, preload=["json", "decimal"])
            """
        )
        self.assertEqual((status, output, errors), (0, "", ""))


if __name__ == "__main__":
    unittest.main()
