"""Pools that a module makes while it is imported."""

import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script

BODY = """
import ungil
def square(x): return x * x
%s
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class PoolsInImports(unittest.TestCase):
    """A module whose body makes a pool for its own functions: an error that says what to do, and no endless growth."""

    def assert_refused(self, body, program="import module_body"):
        script = "import os, sys\nwith open(os.path.join(sys.path[0], 'module_body.py'), 'w') as f: f.write(%r)\n%s\n"
        status, _, errors = run_script(script % (BODY % body, program))
        self.assertEqual(status, 1, errors)
        self.assertIn('if __name__ == "__main__":', errors)
        self.assertIn("RuntimeError", errors)

    def test_a_function_of_the_module(self):
        self.assert_refused("with ungil.InterpreterPoolExecutor(1) as pool: print(pool.submit(square, 3).result())")

    def test_with_map_and_several_workers(self):
        self.assert_refused("with ungil.InterpreterPoolExecutor(4) as pool: print(list(pool.map(square, range(9))))")

    def test_an_interpreter(self):
        self.assert_refused("print(ungil.run(square, 3))")

    def test_preload(self):
        self.assert_refused(
            "pool = ungil.InterpreterPoolExecutor(1, preload=['module_body'])\nprint(pool.submit(abs, 3).result())"
        )

    def test_an_initializer(self):
        self.assert_refused(
            "def start():\n    import module_body\n"
            "with ungil.InterpreterPoolExecutor(1, initializer=start) as pool: print(pool.submit(abs, 3).result())"
        )

    def test_a_task_that_imports(self):
        self.assert_refused(
            "def task():\n    import module_body\n    return 9\n"
            "with ungil.InterpreterPoolExecutor(1) as pool: print(pool.submit(task).result())",
            "import ungil\nwith ungil.InterpreterPoolExecutor(1) as pool:\n"
            "    pool.submit(lambda: __import__('module_body') and None).result()",
        )

    def test_a_pool_in_a_task_works(self):
        status, output, errors = run_script(
            """
            import os, sys, ungil
            with open(os.path.join(sys.path[0], "module_body.py"), "w") as file:
                file.write("import ungil\\nwith ungil.InterpreterPoolExecutor(1) as pool:\\n")
                file.write("    nine = pool.submit(pow, 3, 2).result()\\n")
            def nested(level):
                if level == 0: return [0]
                with ungil.InterpreterPoolExecutor(1) as pool: return [level, *pool.submit(nested, level - 1).result()]
            def importing():
                import module_body
                return module_body.nine
            class Step:
                func = property(lambda self: self)
                def __call__(self): return 4
            def step():
                with ungil.InterpreterPoolExecutor(1) as pool: return pool.submit(Step()).result()
            with ungil.InterpreterPoolExecutor(1) as pool:
                print(pool.submit(nested, 2).result(), pool.submit(importing).result(), importing())
                print(pool.submit(step).result())
            """
        )
        self.assertEqual((status, output, errors), (0, "[2, 1, 0] 9 9\n4\n", ""))


if __name__ == "__main__":
    unittest.main()
