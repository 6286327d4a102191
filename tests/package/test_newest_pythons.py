"""What Python 3.14 and 3.15 brought: annotations that are evaluated late, lazy imports, a JIT compiler, new types, and
stacks that are measured."""

import os
import sys
import unittest
from unittest import mock

from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil.interpreters import _deferred


def since(*version):
    return unittest.skipIf(sys.version_info < version, "SKIP: it needs Python %d.%d" % version)


class Scripts(unittest.TestCase):
    def assert_prints(self, script, *lines, options=(), **environment):
        with mock.patch.dict(os.environ, environment):
            status, output, errors = run_script(script, options=options)
        self.assertEqual((status, output.splitlines()), (0, list(lines)), errors)


@since(3, 14)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Annotations(Scripts):
    def test_annotations_that_nobody_can_evaluate(self):
        """They are text in a task, as are all annotations with `from __future__ import annotations`."""
        self.assert_prints(
            """
import ungil
def double(x: OnlyForTypeCheckers, *, y: list[int] = [1]) -> "int":
    "Documented."
    return 2 * x + y[0]
double.attribute = 5
class Box:
    side: Unknown.name
    def grown(self, by: Unknown.name = 1) -> Box: return 6 + by
def outer(): # its closure refers to itself
    def inner(n: Unknown) -> Unknown: return n and inner(n - 1) + 1
    return inner
def described(): return double.__annotations__["x"], double.__doc__, double.__qualname__, double.attribute
with ungil.Interpreter() as interpreter:
    print(interpreter.call(double, 4), interpreter.call(double, 4, y=[2]), interpreter.call(Box().grown))
    print(interpreter.call(outer(), 3), interpreter.call(described))
""",
            "9 10 7",
            "3 ('OnlyForTypeCheckers', 'Documented.', 'double', 5)",
        )

    def test_annotations_that_can_be_evaluated(self):
        self.assert_prints(
            """
            import typing, ungil
            class Box:
                side: int
            class Pair(typing.NamedTuple):
                first: int
            def grown(box: Box, by: int = 1) -> "Box": return box
            with ungil.Interpreter() as interpreter:
                found = interpreter.call(lambda: grown.__annotations__)
                print(found == {"box": Box, "by": int, "return": "Box"})
                print(interpreter.call(lambda: (Box.__annotations__, Pair.__annotations__)))
            """,
            "True",
            "({'side': <class 'int'>}, {'first': <class 'int'>})",
        )

    def test_what_old_versions_of_cloudpickle_send_of_a_class(self):
        """They have the function that evaluates annotations among its attributes, and cannot pickle that."""

        class Box:
            side: int

        attributes = {"__annotate_func__": Box.__annotate__, "other": 5}
        found = _deferred.attributes_of_class(Box, attributes)
        self.assertEqual(found, {"other": 5, "__annotations__": {"side": int}})

    def test_annotations_that_can_be_evaluated_later(self):
        self.assert_prints(
            """
            import ungil
            class Box:
                side: Later
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(lambda: (Box.__annotations__, Box))[1] is Box)
                print(interpreter.call(lambda: Box.__annotations__))
                class Later: pass
                print(Box.__annotations__ == {"side": Later})
                print(interpreter.call(lambda: Box.__annotations__ == {"side": Later}))
            """,
            "True",
            "{'side': 'Later'}",
            "True",
            "True",
        )


LAZY = """
import sys, ungil
lazy import json
lazy import xml.dom.minidom
lazy from decimal import Decimal, getcontext as context
lazy import colorsys
def work(x):
    return json.dumps([x]), str(Decimal(x) / 4), xml.dom.minidom.__name__, type(context()).__name__
def unused():
    return 5, "colorsys" in sys.modules
"""


@since(3, 15)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class LazyImports(Scripts):
    def test_functions_that_use_them(self):
        self.assert_prints(
            LAZY
            + """
with ungil.Interpreter() as interpreter:
    print(interpreter.call(work, 1))
    print(interpreter.call(unused), "colorsys" in sys.modules)
with ungil.InterpreterPoolExecutor(1) as pool:
    print(list(pool.map(work, [1])))
print(work(1))
""",
            "('[1]', '0.25', 'xml.dom.minidom', 'Context')",
            "(5, False) False",
            "[('[1]', '0.25', 'xml.dom.minidom', 'Context')]",
            "('[1]', '0.25', 'xml.dom.minidom', 'Context')",
        )

    def test_one_that_fails(self):
        self.assert_prints(
            """
            import ungil
            lazy import nothing_of_this_name
            def work(): return nothing_of_this_name
            with ungil.Interpreter() as interpreter:
                try:
                    interpreter.call(work)
                except ModuleNotFoundError as error:
                    print(error)
            """,
            "No module named 'nothing_of_this_name'",
        )

    def test_interpreters_have_the_mode_of_the_program(self):
        script = """
            import sys, ungil
            with ungil.Interpreter() as interpreter:
                print(sys.get_lazy_imports(), interpreter.eval("__import__('sys').get_lazy_imports()"))
                interpreter.exec("import colorsys; loaded = 'colorsys' in __import__('sys').modules")
                print(interpreter.eval("loaded"), interpreter.eval("colorsys.rgb_to_hsv(1, 1, 1)"))
                print(interpreter.call(lambda: 5))
            sys.set_lazy_imports("normal")
            with ungil.Interpreter() as interpreter:
                print(interpreter.eval("__import__('sys').get_lazy_imports()"))
            with ungil.Interpreter(xoptions=["lazy_imports=all"]) as interpreter:
                print(interpreter.eval("__import__('sys').get_lazy_imports()"))
        """
        after = ["(0.0, 0.0, 1)", "5", "normal", "all"]
        for options, environment, mode, loaded in (
            ([], {}, "normal", "True"),
            (["-X", "lazy_imports=all"], {}, "all", "False"),
            ([], {"PYTHON_LAZY_IMPORTS": "all"}, "all", "False"),
        ):
            with self.subTest(options=options, environment=environment):
                lines = ["%s %s" % (mode, mode), loaded + " " + after[0], *after[1:]]
                self.assert_prints(script, *lines, options=options, **environment)


@since(3, 14)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Compiler(Scripts):
    SCRIPT = """
        import sys, ungil
        if not sys._jit.is_available():
            print("no JIT")
            sys.exit()
        def state(): return sys._jit.is_available(), sys._jit.is_enabled()
        def count(n):
            total = 0
            for i in range(n):
                total += i % 7
            return total
        with ungil.Interpreter() as interpreter, ungil.InterpreterPoolExecutor(2) as pool:
            print(state() == interpreter.call(state), state())
            print(set(pool.map(count, [100000] * 8)) == {count(100000)})
    """

    def test_interpreters_have_it_if_the_program_does(self):
        for value in "01":
            with mock.patch.dict(os.environ, {"PYTHON_JIT": value}):
                status, output, errors = run_script(self.SCRIPT)
            if output == "no JIT\n":
                self.skipTest("SKIP: this Python has no JIT")
            self.assertEqual((status, output), (0, "True (True, %s)\nTrue\n" % (value == "1")), errors)


@since(3, 14)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Options(Scripts):
    def test_flags_are_those_of_the_program(self):
        script = """
            import sys, ungil
            def flags():
                names = [name for name in dir(sys.flags) if name[0] != "_" and not callable(getattr(sys.flags, name))]
                return {name: getattr(sys.flags, name) for name in names if not name.startswith("n_")}
            here = flags()
            with ungil.Interpreter() as interpreter:
                there = interpreter.call(flags)
            print({name: (here[name], there[name]) for name in here if here[name] != there[name]})
        """
        self.assert_prints(script, "{}")
        self.assert_prints(script, "{}", options=["-X", "disable-remote-debug"])
        for name in ("thread_inherit_context", "context_aware_warnings"):
            with self.subTest(name=name):
                self.assert_prints(script, "{}", options=["-X", name + "=1"])
                self.assert_prints(script, "{}", **{"PYTHON_" + name.upper(): "1"})


@since(3, 14)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Types(Scripts):
    def test_template_strings(self):
        self.assert_prints(
            """
            import ungil
            def greeting(name): return t"hello {name!r:>5}"
            def parts(template): return template.strings, [it.value for it in template.interpolations]
            with ungil.Interpreter() as interpreter:
                print(parts(interpreter.call(greeting, "you")), interpreter.call(parts, greeting("me")))
            """,
            "(('hello ', ''), ['you']) (('hello ', ''), ['me'])",
        )

    @since(3, 15)
    def test_frozen_dictionaries_and_sentinels(self):
        self.assert_prints(
            """
            import ungil
            MISSING = sentinel("MISSING", repr="<missing>")
            class Box:
                EMPTY = sentinel("Box.EMPTY")
            def look(table, key, default=MISSING): return table.get(key, default) is MISSING, frozendict(table, b=2)
            with ungil.Interpreter() as interpreter:
                print(interpreter.call(look, frozendict(a=1), "b"))
                print(interpreter.call(lambda: MISSING) is MISSING, interpreter.call(lambda it: repr(it), MISSING))
                print(interpreter.call(lambda it: (it is Box.EMPTY, it), Box.EMPTY) == (True, Box.EMPTY))
                print(interpreter.call(lambda *them: them[0] is them[1] is MISSING, MISSING, MISSING))
            """,
            "(True, frozendict({'a': 1, 'b': 2}))",
            "True <missing>",
            "True",
            "True",
        )

    def test_zstandard(self):
        self.assert_prints(
            """
            import ungil
            from compression import zstd
            with ungil.InterpreterPoolExecutor(2) as pool:
                packed = list(pool.map(lambda n: zstd.compress(bytes(n)), [10, 100000]))
                print([len(zstd.decompress(it)) for it in packed])
            """,
            "[10, 100000]",
        )


@since(3, 14)
@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Stacks(Scripts):
    def test_a_thread_that_has_called_an_interpreter_has_its_whole_stack(self):
        """Python measures how much of it is left."""
        self.assert_prints(
            """
import threading, ungil
def nested(depth):
    found = []
    for _ in range(depth):
        found = [found]
    return found
def overflow():
    with ungil.Interpreter() as interpreter:
        print(interpreter.call(len, "four"))
        try:
            repr(nested(1000000))
        except RecursionError:
            print("RecursionError")
        print(interpreter.call(len, "four"))
thread = threading.Thread(target=overflow)
thread.start()
thread.join()
""",
            "4",
            "RecursionError",
            "4",
        )


if __name__ == "__main__":
    unittest.main()
