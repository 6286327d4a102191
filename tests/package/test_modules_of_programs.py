"""Programs that are modules of a package or run by runpy, and modules that programs make: tasks can use them."""

import os
import subprocess
import sys
import tempfile
import textwrap
import unittest

from support import Programs


class ModulesOfPrograms(Programs):
    def run_files(self, command, **files):
        with tempfile.TemporaryDirectory() as directory:
            for path, text in files.items():
                path = os.path.join(directory, path.replace("__", "/", 1)) + ".py"
                os.makedirs(os.path.dirname(path), exist_ok=True)
                with open(path, "w") as file:
                    file.write(textwrap.dedent(text))
            environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, sys.path)))
            done = subprocess.run(
                [sys.executable, *command], cwd=directory, env=environment, capture_output=True, text=True, check=False
            )
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.splitlines()

    def test_relative_import_main(self):
        found = self.run_files(
            ["-m", "pack.main"],
            pack__helper="def value(): return 7",
            pack__main="""
                import os, ungil
                def f():
                    from . import helper
                    return helper.value()
                def g(): return os.path.basename(__file__), __name__, __package__
                if __name__ == "__main__":
                    print(ungil.run(f), ungil.run(g))
                """,
        )
        self.assertEqual(found, ["7 ('main.py', '__main__', 'pack')"])

    def test_run_path(self):
        script = """
            import pickle, ungil
            count = 0
            class Item: pass
            def helper(x): return x + 1
            def f(x):
                global count
                count += 1
                return helper(x), count, type(pickle.loads(pickle.dumps(Item()))) is Item
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(f, 1).result(), pool.submit(f, 2).result())
                print(type(pool.submit(Item).result()) is Item)
            """
        found = self.run_files(["-c", "import runpy; runpy.run_path('script.py')"], script=script)
        self.assertEqual(found, ["(2, 1, True) (3, 2, True)", "True"])

    def test_a_module_that_the_program_has_made(self):
        self.assert_prints(
            """
            import sys, types
            made = types.ModuleType("made")
            exec("x = 1\\ndef f():\\n    global x\\n    x += 1\\n    return x\\nclass C: pass", made.__dict__)
            sys.modules["made"] = made
            def use(): return made.f(), made.x
            def imported():
                import made as other
                return other is made
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(use).result(), pool.submit(use).result(), pool.submit(made.f).result(), made.x)
                print(type(pool.submit(made.C).result()) is made.C, pool.submit(imported).result())
            """,
            "(2, 2) (3, 3) 4 1",
            "True True",
        )


if __name__ == "__main__":
    unittest.main()
