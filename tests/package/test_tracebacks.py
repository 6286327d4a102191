"""Tracebacks of tasks have the file, the line and the source of the user's functions."""

import doctest
import functools
import inspect
import linecache
import subprocess
import sys
import textwrap
import types
import unittest
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, OneInterpreter, run_script


def twice(function):
    @functools.wraps(function)
    def call():
        return function() + function()

    return call


def kinds():
    """Functions that fail in a line with their name, none of which can be imported."""
    zero = 0

    def closure():
        return 1 / zero  # closure

    def nested():
        def inner():
            return (lambda: 1 / zero)()  # nested

        return inner()

    def generator():
        yield 1 / zero  # generator

    def comprehension():
        return [1 / x for x in (zero,)]  # comprehension

    @twice
    def decorated():
        return 1 / zero  # decorated

    class Local:
        def method(self):
            return 1 / zero  # method

        @staticmethod
        def static():
            return 1 / zero  # static

        @property
        def value(self):
            return 1 / zero  # property

    return {
        "closure": closure,
        "lambda": lambda: 1 / zero,  # lambda
        "nested": nested,
        "generator": lambda: list(generator()),
        "comprehension": comprehension,
        "decorated": decorated,
        "method": Local().method,
        "static": Local.static,
        "property": lambda: Local().value,
    }


def function_of(text, file, name="f"):
    """The function that the text defines, as if the file had it."""
    namespace = {"__name__": "nowhere"}
    exec(compile(text, file, "exec"), namespace)
    return namespace[name]


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Tracebacks(OneInterpreter):
    def traceback(self, function):
        with self.assertRaises(ZeroDivisionError) as caught:
            self.call(function)
        return str(caught.exception.__cause__)

    def test_of_functions_of_all_kinds(self):
        for name, function in kinds().items():
            with self.subTest(kind=name):
                text = self.traceback(function)
                self.assertIn('File "%s", line ' % __file__, text)
                self.assertIn("  # " + name, text)
                self.assertNotIn("<dynamic-code>", text)

    def test_each_code_object_keeps_its_file(self):
        def files(function):
            found, codes = set(), [function.__code__]
            while codes:
                code = codes.pop()
                found.add(code.co_filename)
                codes += [item for item in code.co_consts if isinstance(item, types.CodeType)]
            return found

        nested = kinds()["nested"]
        self.assertEqual(self.call(files, nested), {__file__})
        self.assertEqual(files(self.call(lambda: nested)), {__file__})  # there and back

    def test_source_of_a_function(self):
        closure = kinds()["closure"]
        self.assertEqual(self.call(inspect.getsource, closure), inspect.getsource(closure))

    def test_source_that_is_in_no_file(self):
        text = "def f():\n    return 1 / 0  # in a cell\n"
        for name in ("<ipython-input-7-0123456789ab>", "/nowhere/ipykernel_1/2.py"):
            with mock.patch.dict(linecache.cache, {name: (len(text), None, text.splitlines(True), name)}):
                function = function_of(text, name)
                shown = self.traceback(function)
                self.assertIn('File "%s", line 2, in f\n    return 1 / 0  # in a cell\n' % name, shown)
                self.assertEqual(self.call(inspect.getsource, function), text)

    def test_the_latest_source_by_a_name_is_shown(self):
        for comment in ("first", "second"):
            text = "def f():\n    return 1 / 0  # %s\n" % comment
            with mock.patch.dict(linecache.cache, {"<cell>": (len(text), None, text.splitlines(True), "<cell>")}):
                self.assertIn("return 1 / 0  # %s\n" % comment, self.traceback(function_of(text, "<cell>")))

    def test_source_without_lines(self):
        shown = self.traceback(function_of("def f():\n    return 1 / 0\n", "<nobody has it>"))
        self.assertIn('File "<nobody has it>", line 2, in f\nZeroDivisionError', shown)

    def test_source_of_doctests(self):
        texts = []

        def check(function):
            texts.append(self.traceback(function))

        examples = ">>> def f():\n...     return 1 / 0  # in an example\n>>> check(f)\n"
        test = doctest.DocTestParser().get_doctest(examples, {"check": check}, "examples", None, None)
        self.assertEqual(doctest.DocTestRunner().run(test).failed, 0)
        self.assertIn("return 1 / 0  # in an example\n", texts[0])

    def test_source_that_arrived_is_dropped_on_close(self):
        text = "def f():\n    return 1\n"
        with mock.patch.dict(linecache.cache, {"<secret>": (len(text), None, text.splitlines(True), "<secret>")}):
            with ungil.Interpreter() as interpreter:
                self.assertEqual(interpreter.call(function_of(text, "<secret>")), 1)
                self.assertTrue(interpreter.eval("'<secret>' in __import__('linecache').cache"))
            with ungil.Interpreter() as interpreter:  # the same one, if possible
                self.assertFalse(interpreter.eval("'<secret>' in __import__('linecache').cache"))

    def test_own_source_is_not_overwritten_by_a_result(self):
        def make():
            import linecache

            text = "def f():\n    return 2\n"
            linecache.cache["<own cell>"] = (len(text), None, text.splitlines(True), "<cell>")
            namespace = {"__name__": "nowhere"}
            exec(compile(text, "<own cell>", "exec"), namespace)
            return namespace["f"]

        own = (4, None, ["own\n"], "<own cell>")
        with mock.patch.dict(linecache.cache, {"<own cell>": own}):
            self.assertEqual(self.call(make)(), 2)
            self.assertEqual(linecache.cache["<own cell>"], own)

    def test_source_that_was_executed(self):
        self.interpreter.exec("def early():\n    return 1 / 0  # early")
        self.interpreter.exec("late = 1\nlater = 2")
        with self.assertRaises(ZeroDivisionError) as caught:
            self.interpreter.eval("early()")
        text = str(caught.exception.__cause__)
        self.assertIn("return 1 / 0  # early\n", text)
        self.assertNotIn("late = 1", text)
        self.assertNotIn("bootstrap", text)
        with self.assertRaises(SyntaxError) as caught:
            self.interpreter.exec("first = 1\na b")
        self.assertIn("a b\n", str(caught.exception.__cause__))
        self.assertNotIn("bootstrap", str(caught.exception.__cause__))


PROGRAM = """
import inspect, traceback, ungil

def fail():
    return 1 / 0  # of the program

class Own:
    def method(self):
        return fail()

def source():
    return inspect.getsource(fail)

def show(call):
    try:
        call()
    except ZeroDivisionError as error:
        print(error.__cause__ or traceback.format_exc())

if __name__ == "__main__":
    show(Own().method)
    show(lambda: ungil.run(Own().method))
"""


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Programs(unittest.TestCase):
    def test_a_script(self):
        status, output, errors = run_script(PROGRAM + "    print(ungil.run(source))")
        self.assertEqual((status, errors), (0, ""))
        self.assertEqual(output.count("script.py"), 4 + 1, output)  # the frame of show() itself is in the program
        self.assertEqual(output.count("return 1 / 0  # of the program"), 3, output)

    def test_what_has_lines_in_the_program_has_them_in_tasks(self):
        """A program on the command line: Python keeps its lines from 3.13 on."""
        program = textwrap.dedent(PROGRAM)
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn(done.stdout.count("return 1 / 0  # of the program"), (0, 2), done.stdout)
        self.assertEqual(done.stdout.count("in fail"), 2)


if __name__ == "__main__":
    unittest.main()
