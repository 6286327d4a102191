"""The options of interpreters: each arrives, and those that are wrong are errors."""

import ctypes
import enum
import inspect
import os
import sys
import tempfile
import unittest
import venv
from ctypes.util import find_library
from unittest import mock

import ungil
from support import HAS_INTERPRETERS, NEEDS_INTERPRETERS, run_script
from ungil.interpreters import _options


@unittest.skipUnless(HAS_INTERPRETERS, NEEDS_INTERPRETERS)
class Options(unittest.TestCase):
    def test_options(self):
        paths = ["/nowhere", *sys.path]
        with ungil.Interpreter(argv=["a", "b"], module_search_paths=paths, optimization_level=1) as interpreter:
            self.assertEqual(interpreter.eval("__import__('sys').argv"), ["a", "b"])
            self.assertEqual(interpreter.eval("__import__('sys').path[0]"), "/nowhere")
            self.assertEqual(interpreter.eval("__import__('sys').flags.optimize"), 1)
        self.assertRaisesRegex(TypeError, "colour", ungil.Interpreter, colour="red")
        self.assertRaisesRegex(ValueError, "newline", ungil.Interpreter, argv=["a\npath=b"])
        self.assertRaisesRegex(ungil.UnsupportedError, "nowhere", ungil.Interpreter, libpython="/nowhere/libpython.so")

    def test_options_arrive(self):
        flags = dict.fromkeys(("write_bytecode", "user_site_directory", "use_environment"), False)
        levels = {"bytes_warning": 1, "verbose": 0, "parser_debug": 0, "int_max_str_digits": 700}
        more = {"quiet": True, "warnoptions": ["error"], "xoptions": ["a=b", "c"], "pycache_prefix": "/nowhere"}
        with ungil.Interpreter(fresh=True, **flags, **levels, **more) as interpreter:
            interpreter.exec("import sys")
            flags = "dont_write_bytecode", "no_user_site", "ignore_environment", "bytes_warning", "quiet"
            self.assertEqual([interpreter.eval("sys.flags." + name) for name in flags], [1] * 5)
            self.assertEqual(interpreter.eval("sys._xoptions"), {"a": "b", "c": True})
            self.assertEqual(interpreter.eval("sys.warnoptions")[-1:], ["error"])
            self.assertEqual(interpreter.eval("sys.pycache_prefix"), "/nowhere")
            if hasattr(sys, "get_int_max_str_digits"):
                self.assertEqual(interpreter.eval("sys.get_int_max_str_digits()"), 700)

    def test_the_opposites_of_options_arrive(self):
        """In a process with all of these options, and without any."""
        script = """
            import sys, ungil
            opposites = dict(write_bytecode=True, user_site_directory=True, use_environment=True, site_import=True)
            opposites.update(isolated=False, quiet=False, dev_mode=False, utf8_mode=False, optimization_level=False)
            opposites.update(bytes_warning=False, fresh=True)
            names = "dont_write_bytecode no_user_site ignore_environment no_site isolated quiet dev_mode utf8_mode"
            names += " optimize bytes_warning"
            with ungil.Interpreter(**opposites) as interpreter:
                interpreter.exec("import sys")
                print([interpreter.eval("int(sys.flags.%s)" % name) for name in names.split()])
        """
        for options in [], ["-B", "-s", "-q", "-O", "-b", "-X", "dev", "-X", "utf8"]:
            with mock.patch.dict(os.environ):
                for name in [name for name in os.environ if name.startswith("PYTHON")]:
                    del os.environ[name]
                status, output, errors = run_script(script, options=options)
            self.assertEqual((status, output), (0, "%s\n" % ([0] * 10)), errors)

    def test_more_options_arrive(self):
        with ungil.Interpreter(site_import=False, isolated=True, dev_mode=True, utf8_mode=True) as interpreter:
            interpreter.exec("import sys")
            flags = [interpreter.eval("int(sys.flags.%s)" % name) for name in ("no_site", "isolated", "dev_mode")]
            self.assertEqual(flags, [1, 1, 1])
            self.assertEqual(interpreter.eval("sys.flags.utf8_mode"), 1)

    def test_variables_of_the_environment(self):
        """They have the precedence that they have for a program's options, unless they are ignored."""
        script = """
            import sys, ungil
            options = dict(write_bytecode=True, user_site_directory=True, optimization_level=0, parser_debug=0)
            for more in {}, {"use_environment": False}:
                with ungil.Interpreter(**options, **more) as interpreter:
                    interpreter.exec("from sys import flags")
                    names = "dont_write_bytecode", "no_user_site", "optimize", "debug"
                    print(*[interpreter.eval("flags." + name) for name in names])
        """
        names = "DONTWRITEBYTECODE", "NOUSERSITE", "OPTIMIZE", "DEBUG"
        with mock.patch.dict(os.environ, dict.fromkeys(["PYTHON" + name for name in names], "1")):
            status, output, errors = run_script(script)
        self.assertEqual((status, output), (0, "1 1 1 1\n0 0 0 0\n"), errors)

    def test_levels_are_integers_of_any_type(self):
        class Level(enum.IntEnum):
            ONE = 1

        for value in True, Level.ONE:
            with ungil.Interpreter(optimization_level=value, bytes_warning=value) as interpreter:
                self.assertEqual(interpreter.eval("__import__('sys').flags.optimize"), 1)
                self.assertEqual(interpreter.eval("__import__('sys').flags.bytes_warning"), 1)
        ungil.Interpreter(int_max_str_digits=False).close()

    def test_another_program_and_its_home(self):
        with ungil.Interpreter() as interpreter:
            libpython = interpreter.eval("__import__('_ungil').libpython")
        with tempfile.TemporaryDirectory() as directory:
            venv.create(directory, symlinks=True)
            program = os.path.join(directory, "bin", "python")
            with ungil.Interpreter(executable=program, libpython=libpython) as interpreter:
                self.assertEqual(interpreter.eval("__import__('sys').executable"), program)
                self.assertEqual(interpreter.eval("__import__('sys').prefix"), directory)
                self.assertEqual(interpreter.call(pow, 2, 5), 32)
        with ungil.Interpreter(home=sys.base_prefix) as interpreter:
            self.assertEqual(interpreter.eval("__import__('sys').prefix"), sys.base_prefix)

    def test_each_option_is_a_keyword(self):
        keywords = set(inspect.signature(ungil.Interpreter).parameters)
        self.assertEqual(keywords, {"share", *_options._OPTIONS})
        for keyword, (name, _) in _options._OPTIONS.items():
            self.assertRegex(ungil.Interpreter.__doc__, r"\b%s\b" % name, "the name of %s in C" % keyword)

    def test_private_and_shared_libraries(self):
        """A library of the system's: which of the interpreters have the one that this program has."""
        name = find_library("z")
        if not name:
            self.skipTest("SKIP: there is no libz")

        def handle():
            import ctypes

            return ctypes.CDLL(name)._handle

        pattern = name.partition(".")[0] + ".*"
        own = ctypes.CDLL(name)._handle
        for options, is_own in (({}, True), ({"private": iter([pattern])}, False), ({"private": None}, True)):
            with ungil.Interpreter(**options) as interpreter:
                self.assertEqual(interpreter.call(handle) == own, is_own)
        for options, is_own in (({"private": iter([pattern])}, False), ({"shared": [pattern]}, True)):
            with ungil.InterpreterPoolExecutor(2, **options) as pool:
                self.assertEqual([pool.submit(handle).result() == own for _ in range(4)], [is_own] * 4)

    def test_wrong_options(self):
        for name in ("fresh", "isolated", "write_bytecode", "site_import", "quiet", "utf8_mode", "dev_mode"):
            self.assertRaisesRegex(TypeError, name + ": expected a bool", ungil.Interpreter, **{name: 1})
        for name in ("optimization_level", "bytes_warning", "verbose", "parser_debug"):
            self.assertRaisesRegex(TypeError, name + ": expected an integer", ungil.Interpreter, **{name: "1"})
            self.assertRaisesRegex(ValueError, name + ": expected an int from 0", ungil.Interpreter, **{name: -1})
        for name in ("argv", "warnoptions", "xoptions", "module_search_paths", "private", "shared"):
            self.assertRaisesRegex(TypeError, name + ": expected a list", ungil.Interpreter, **{name: "one"})
            self.assertRaisesRegex(TypeError, name + ": expected", ungil.Interpreter, **{name: [1]})
            self.assertRaisesRegex(TypeError, name + ": expected a list .* int", ungil.Interpreter, **{name: 5})
            self.assertRaisesRegex(ValueError, name + ": expected a list .* empty", ungil.Interpreter, **{name: []})
        for name in ("libpython", "executable", "home", "pycache_prefix"):
            self.assertRaisesRegex(TypeError, name + ": expected a path", ungil.Interpreter, **{name: 1})
        for name in ("private", "shared"):
            for kind in (ungil.Interpreter, ungil.InterpreterPoolExecutor):
                self.assertRaisesRegex(ValueError, name + ": .* one is empty", kind, **{name: ["libx.so", ""]})
                self.assertRaisesRegex(ValueError, name + ": .* newline", kind, **{name: ["libx.so\n"]})
        for name in ("executable", "home"):
            self.assertRaisesRegex(ValueError, name, ungil.Interpreter, **{name: "/no/such/path"})
        self.assertRaisesRegex(ValueError, "int_max_str_digits: expected 0", ungil.Interpreter, int_max_str_digits=5)

    def test_paths_without_the_package(self):
        package = os.path.dirname(os.path.dirname(os.path.abspath(ungil.__file__)))
        paths = [path for path in sys.path if os.path.abspath(path or ".") != package]
        with ungil.Interpreter(module_search_paths=paths) as interpreter:
            self.assertEqual(interpreter.call(pow, 2, 5), 32)
            self.assertEqual(interpreter.eval("__import__('sys').path"), paths)
            self.assertEqual(interpreter.eval("__import__('ungil').__file__"), ungil.__file__)

    def test_paths_that_begin_with_another_package_of_this_name(self):
        with tempfile.TemporaryDirectory() as directory:
            os.mkdir(os.path.join(directory, "ungil"))
            with open(os.path.join(directory, "ungil", "__init__.py"), "w") as file:
                file.write("raise ImportError('the other package')\n")
            with ungil.Interpreter(module_search_paths=[directory, *sys.path]) as interpreter:
                self.assertEqual(interpreter.call(pow, 2, 5), 32)
                self.assertEqual(interpreter.eval("__import__('ungil').__file__"), ungil.__file__)


if __name__ == "__main__":
    unittest.main()
