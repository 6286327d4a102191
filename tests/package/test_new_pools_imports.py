"""What a new pool finds imported, although it uses interpreters of earlier pools again."""

import os
import sys
import tempfile
import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, installed, run_script
from test_new_pools import leave

LAZY = """
import importlib.machinery, sys
class Finder:
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name.startswith("ungil_lazy.") else None
    def create_module(self, spec): return None
    def exec_module(self, module): module.value = module.__name__.split(".")[1]
__path__ = []
sys.meta_path.append(Finder())
"""


def import_lazily(name):
    import importlib

    return importlib.import_module("ungil_lazy." + name).value


def has_one_base():
    import ungil_user
    import ungil_vendored

    return ungil_user.Base is ungil_vendored.Base


def import_interrupted():
    import builtins

    builtins.stop = True
    import ungil_interrupted  # noqa: F401


def has_part():
    import sys

    return "ungil_interrupted.part" in sys.modules


def leave_a_finder():
    import sys

    class Mine:
        def find_spec(self, name, path=None, target=None):
            return None

    sys.meta_path.insert(0, Mine())
    return count_finders()[1]


def count_finders():
    import sys

    kinds = [type(finder) for finder in sys.meta_path]
    return [kind.__module__ for kind in kinds].count("ungil_lazy"), [kind.__name__ for kind in kinds].count("Mine")


def count_in_a_mixed_package():
    import ungil_mixed

    ungil_mixed.kept.append(1)
    return len(ungil_mixed.kept)


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Imports(unittest.TestCase):
    def test_an_interrupted_import_leaves_nothing(self):
        source = "import sys, types\nsys.modules[__name__ + '.part'] = types.ModuleType(__name__ + '.part')\n"
        with installed("ungil_interrupted", source + "if stop: raise KeyboardInterrupt\n"):
            with self.assertRaises(KeyboardInterrupt):
                leave(import_interrupted)
            self.assertFalse(leave(has_part))

    def test_finders_of_packages_stay_as_their_modules_do(self):
        with installed("ungil_lazy", LAZY):
            self.assertEqual([leave(import_lazily, name) for name in ("one", "two")], ["one", "two"])
            self.assertEqual(leave(leave_a_finder), 1)
            self.assertEqual(leave(count_finders), (1, 0))

    def test_modules_of_the_program_are_imported_anew(self):
        status, output, errors = run_script(
            """
            import os, sys, ungil
            def write(text):
                with open(os.path.join(sys.path[0], "own_module.py"), "w") as file: file.write(text)
            def task():
                import own_module, own_package.part
                own_module.kept.append(1)
                own_module.square = None
                return len(own_module.kept), own_module.VALUE, own_package.part.square(3)
            def run():
                with ungil.InterpreterPoolExecutor(1) as pool: print(*pool.submit(task).result())
            os.mkdir(os.path.join(sys.path[0], "own_package"))
            with open(os.path.join(sys.path[0], "own_package", "part.py"), "w") as file:
                file.write("from own_module import *")  # the package has no __init__.py
            text = "import atexit; kept = []; VALUE = %r\\natexit.register(print, 'left', VALUE)\\n"
            text += "def square(x): return x * x\\n"
            write(text % "one")
            run()
            run()
            write(text % "three letters")
            run()
            """,
            options=["-u"],
        )
        expected = "1 one 9\nleft one\n1 one 9\nleft one\n1 three letters 9\nleft three letters\n"
        self.assertEqual((status, output, errors), (0, expected, ""))

    def test_modules_that_installed_ones_use_stay(self):
        with tempfile.TemporaryDirectory() as directory, installed("ungil_user", "from ungil_vendored import Base\n"):
            with open(os.path.join(directory, "ungil_vendored.py"), "w") as file:
                file.write("class Base: pass\n")
            sys.path.append(directory)
            try:
                self.assertEqual([leave(has_one_base) for _ in range(3)], [True] * 3)
            finally:
                sys.path.remove(directory)

    def test_functions_are_sent_from_tasks_with_a_cloudpickle_of_the_program(self):
        status, output, errors = run_script(
            """
            import importlib.util, os, shutil, sys
            installed = os.path.dirname(importlib.util.find_spec("cloudpickle").origin)
            shutil.copytree(installed, os.path.join(sys.path[0], "cloudpickle"))
            import ungil
            def square(x): return x * x
            def task(x):
                with ungil.InterpreterPoolExecutor(1) as pool: return pool.submit(square, x).result()
            for i in range(3):
                with ungil.InterpreterPoolExecutor(1) as pool: print(pool.submit(task, i).result())
            """
        )
        self.assertEqual((status, output, errors), (0, "0\n1\n4\n", ""))

    def test_a_package_with_a_module_in_c_stays(self):
        with tempfile.TemporaryDirectory() as directory:
            package = os.path.join(directory, "ungil_mixed")
            os.mkdir(package)
            with open(os.path.join(package, "__init__.py"), "w") as file:
                # A module that no loader of sources has made is taken for one in C.
                file.write("import sys, types\nkept = []\nsys.modules[__name__ + '.c'] = types.ModuleType('c')\n")
            sys.path.append(directory)
            try:
                self.assertEqual([leave(count_in_a_mixed_package) for _ in range(2)], [1, 2])
            finally:
                sys.path.remove(directory)


if __name__ == "__main__":
    unittest.main()
