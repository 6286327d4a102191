"""What functions of `__main__` find there: its globals, which come along."""

import unittest

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class GlobalsOfMain(unittest.TestCase):
    """Functions of a program's `__main__`, which is not imported by interpreters."""

    def assert_prints(self, script, *lines):
        status, output, errors = run_script(script)
        self.assertEqual((status, output.splitlines()), (0, list(lines)), errors)

    def test_functions_and_classes_without_a_guard(self):
        self.assert_prints(
            """
            import ungil, dataclasses, enum
            factor = 3
            def times(x): return helper(x) * factor
            def helper(x): return x + 1
            def factorial(n): return 1 if n < 2 else n * factorial(n - 1)
            @dataclasses.dataclass
            class Box:
                side: int
                def grown(self): return Box(self.side * factor)
            class Colour(enum.Enum):
                RED = 1
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(times, 4), interpreter.call(factorial, 5))
                box = interpreter.call(Box(2).grown)
                print(box, type(box) is Box, interpreter.call(lambda: Colour.RED) is Colour.RED)
            """,
            "15 120",
            "Box(side=6) True True",
        )

    def test_globals_are_those_of_the_moment_of_the_call(self):
        self.assert_prints(
            """
            import ungil
            x, y = 5, [1]
            def f(): return x
            def g(): return x, y
            with ungil.Interpreter() as interpreter:
                found = [interpreter.call(f)]
                x = 6
                found.append(interpreter.call(g))
                x = 5
                found += [interpreter.call(f), interpreter.call(g)]
                y.append(2)
                found.append(interpreter.call(g))
                x = [7]
                found.append(interpreter.call(f))
                x = 5
                found += [interpreter.call(f), interpreter.call(lambda: x)]
                def f(): return -x
                found.append(interpreter.call(f))
                print(found)
            """,
            "[5, (6, [1]), 5, (5, [1]), (5, [1, 2]), [7], 5, 5, -5]",
        )

    def test_what_a_call_assigns_stays_there(self):
        self.assert_prints(
            """
            import ungil
            model = None
            calls = 0
            def load():
                global model
                model = {"size": 3}
            def use():
                global calls
                calls += 1
                return model["size"], calls
            with ungil.Interpreter() as interpreter:
                interpreter.call(load)
                print(interpreter.call(use), interpreter.call(use), model, calls)
                interpreter.exec("own = 4")
                print(interpreter.call(lambda: own))
                model = {"size": 9}
                print(interpreter.call(use))
            """,
            "(3, 1) (3, 2) None 0",
            "4",
            "(9, 3)",
        )

    def test_functions_and_modules_that_change_and_change_back(self):
        self.assert_prints(
            """
            import json, math, ungil
            m, zero = math, 0.0
            def helper(): return 1
            def f(): return helper(), m.__name__, str(zero)
            def g(): return helper(), m.__name__, str(zero)
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(f))
                first, helper, m, zero = helper, lambda: 2, json, -0.0
                print(interpreter.call(g))
                helper, m, zero = first, math, 0.0
                print(interpreter.call(f))
            """,
            "(1, 'math', '0.0')",
            "(2, 'json', '-0.0')",
            "(1, 'math', '0.0')",
        )

    def test_containers_stay_until_the_program_changes_them(self):
        self.assert_prints(
            """
            import ungil
            cache, count = {}, 0
            def load():
                global cache
                cache["model"] = 42
            def use():
                global count
                count += 1
                return cache, count
            with ungil.Interpreter() as interpreter:
                interpreter.call(load)
                print(interpreter.call(use), interpreter.call(use), cache)
                cache["other"] = 1
                print(interpreter.call(use))
            """,
            "({'model': 42}, 1) ({'model': 42}, 2) {}",
            "({'other': 1}, 3)",
        )

    def test_functions_are_not_kept_for_ever(self):
        self.assert_prints(
            """
            import gc, ungil, weakref
            with ungil.Interpreter() as interpreter:
                references = []
                for _ in range(1000):
                    function = lambda: 1
                    references.append(weakref.ref(function))
                    interpreter.call(function)
                gc.collect()
                print(sum(reference() is not None for reference in references) < 300)
            """,
            "True",
        )

    def test_a_function_that_comes_back_leaves_the_processs_globals_alone(self):
        self.assert_prints(
            """
            import ungil
            x = 1
            def make():
                global x
                x = 2
                return lambda: x
            with ungil.Interpreter() as interpreter:
                came = interpreter.call(make)
            print(came(), x)
            """,
            "2 1",
        )


if __name__ == "__main__":
    unittest.main()
