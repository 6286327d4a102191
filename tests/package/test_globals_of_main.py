"""Functions of `__main__` are sent with the globals that they use."""

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

    def test_globals_are_sent_as_they_are_at_the_call(self):
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

    def test_globals_that_are_looked_up_by_name_are_sent_as_they_are_at_the_call(self):
        self.assert_prints(
            """
            import ungil
            x = 1
            def f(): return globals()["x"], eval("x")
            def g(): return f()
            with ungil.Interpreter() as interpreter:
                found = [interpreter.call(f), interpreter.call(g)]
                x = 2
                print(found + [interpreter.call(f), interpreter.call(g)])
            """,
            "[(1, 1), (1, 1), (2, 2), (2, 2)]",
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

    def test_a_global_that_changes_while_another_thread_pickles(self):
        """That thread's message arrives late, with the previous value."""
        for round in ("1", "2"):  # the value waits while its fingerprint is made, or while it is pickled itself
            with self.subTest(round=round):
                status, output, errors = run_script(
                    """
                    import sys, threading, ungil
                    x = 1
                    class Slow:
                        pickled, waits, go_on = 0, threading.Event(), threading.Event()
                        def __reduce__(self):
                            Slow.pickled += 1
                            if Slow.pickled == int(sys.argv[1]):
                                Slow.waits.set()
                                Slow.go_on.wait(60)
                            return str, ()
                    slow = Slow()
                    def slowly(): return x, slow
                    def quickly(): return x
                    def also_slow(): return x, slow
                    with ungil.Interpreter() as interpreter:
                        found = [interpreter.call(quickly)]
                        x = 2
                        late = []
                        thread = threading.Thread(target=lambda: late.append(interpreter.call(slowly)))
                        thread.start()
                        Slow.waits.wait(60)
                        found += [interpreter.call(quickly), interpreter.call(also_slow)[0]]
                        x = 1
                        found += [interpreter.call(quickly), interpreter.call(quickly)]
                        Slow.go_on.set()
                        thread.join()
                        found.append(interpreter.call(quickly))
                        x = 2
                        found.append(interpreter.call(quickly))
                        print(found, late)
                    """,
                    round,
                )
                self.assertEqual((status, output), (0, "[1, 2, 2, 1, 1, 1, 2] [(2, '')]\n"), errors)

    def test_the_function_of_a_map_has_the_globals_that_it_had_when_the_map_began(self):
        self.assert_prints(
            """
            import ungil
            x, items = 1, [1]
            def helper(): return x
            def f(n): return helper(), items
            def g(): return helper(), items
            with ungil.InterpreterPoolExecutor(1) as pool:
                results = pool.map(f, range(4), buffersize=1)
                found = [next(results), next(results)]
                x, items, first = 2, [2], helper
                def helper(): return x, "new"
                found.append(pool.submit(g).result())
                found += [next(results)]
                x, items, helper = 1, [1], first
                found.append(pool.submit(g).result())
                found += [next(results)]
                print(found)
            """,
            "[(1, [1]), (1, [1]), ((2, 'new'), [2]), (1, [1]), (1, [1]), (1, [1])]",
        )

    def test_a_global_that_changes_between_two_looks_at_it(self):
        self.assert_prints(
            """
            import ungil
            from ungil.interpreters import _pickling
            x = 1
            def f(): return x
            pickled = _pickling.dumps
            def dumps(*args):  # another thread has x for 2 meanwhile
                global x
                x = 2
                try:
                    return pickled(*args)
                finally:
                    x = 1
            with ungil.Interpreter() as interpreter:
                _pickling.dumps = dumps
                found = [interpreter.call(f)]
                _pickling.dumps = pickled
                print(found + [interpreter.call(f)])
            """,
            "[2, 1]",
        )

    def test_what_tasks_make_of_a_shared_function_stays(self):
        self.assert_prints(
            """
            import ungil
            x = 1
            def helper(): return "slow"
            def f():
                global helper
                if helper() == "slow":
                    helper = lambda: "fast"
                    return "made"
                return helper()
            def g(): return helper()
            with ungil.Interpreter() as interpreter:
                interpreter.call(f), interpreter.call(g)  # each brings the function along
                print([interpreter.call(function) for function in (f, g, f, g)])
            """,
            "['fast', 'fast', 'fast', 'fast']",
        )

    def test_functions_are_not_kept_forever(self):
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
