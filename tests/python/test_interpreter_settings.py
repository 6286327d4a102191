# coding: utf-8
"""Isolated interpreters are like their host, or as the caller wants, and share what there is one of."""

from __future__ import unicode_literals

import os
import shutil
import sys
import tempfile
import unittest

from interpreters import (
    HAS_ONE,
    REASON,
    UNSUPPORTED,
    Case,
    Interpreter,
    run,
    shared_library,
    together,
)


@unittest.skipUnless(HAS_ONE, REASON)
class Settings(Case):
    def test_an_interpreter_is_like_its_host(self):
        interpreter = self.new()
        interpreter.run("import sys")
        for name in (
            "version",
            "prefix",
            "exec_prefix",
            "base_prefix",
            "base_exec_prefix",
            "executable",
            "path",
            "argv",
            "flags",
            "warnoptions",
            "pycache_prefix",
        ):
            self.assertEqual(interpreter.eval("sys." + name), str(getattr(sys, name)), name)
        for name in ("getfilesystemencoding", "getdefaultencoding"):
            self.assertEqual(interpreter.eval("sys.%s()" % name), getattr(sys, name)(), name)

    def test_a_hosts_flags_and_options(self):
        ask = "import tracemalloc; i = Interpreter(); i.run('import os, sys, tracemalloc, warnings'); print(i.eval(%r)); print(eval(%r))"
        names = "[getattr(sys, 'get_int_max_str_digits', int)(), sys.flags, sys.warnoptions, sys._xoptions, sys.argv, sys.pycache_prefix, tracemalloc.get_traceback_limit(), os.cpu_count()]"
        for arguments in (
            ["-OO"],
            ["-I"],
            ["-S"],
            ["-E"],
            ["-W", "error"],
            ["-X", "utf8", "-X", "own=1"],
            ["-X", "dev"],
            ["-X", "pycache_prefix=/tmp/none"],
            ["-s", "-B"],
            ["-X", "cpu_count=7"],
            ["-X", "no_debug_ranges"],
            ["-X", "tracemalloc=3"],
            ["-P"] if sys.version_info >= (3, 11) else [],
            ["-X", "warn_default_encoding"],
        ):
            status, output, errors = run(ask % (names, names), command=[sys.executable] + arguments)
            self.assertEqual(status, 0, errors)
            inner, outer = output.splitlines()
            self.assertEqual(inner, outer, arguments)

    def test_a_hosts_environment(self):
        ask = "i = Interpreter(); i.run('import sys, tracemalloc'); print(i.eval(%r)); print(eval(%r, {'sys': sys, 'tracemalloc': tracemalloc}))"
        values = "[hash('text'), tracemalloc.get_traceback_limit(), getattr(sys, 'get_int_max_str_digits', int)(), sys.flags]"
        for variables in (
            {"PYTHONHASHSEED": "7", "PYTHONTRACEMALLOC": "3"},
            {"PYTHONHASHSEED": "0", "PYTHONINTMAXSTRDIGITS": "5000", "PYTHONUTF8": "1"},
            {"PYTHONDEVMODE": "1", "PYTHONOPTIMIZE": "2", "PYTHONHASHSEED": "8", "PYTHONUTF8": "0"},
            {"PYTHONHASHSEED": "9", "PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1", "PYTHONSAFEPATH": "1"},
        ):
            status, output, errors = run("import tracemalloc\n" + ask % (values, values), environment=variables)
            self.assertEqual(status, 0, errors)
            inner, outer = output.splitlines()
            self.assertEqual(inner, outer, variables)

    def test_hashes_of_text_are_the_hosts(self):
        """Also if the program changes the variable, and where Python does not read it."""
        for variables in ({"PYTHONHASHSEED": ""}, {"PYTHONHASHSEED": "0"}, {"PYTHONHASHSEED": "5"}):
            status, output, errors = run(
                """
                values = [(hash("text"), sys.flags.hash_randomization)]
                ask = "(hash('text'), __import__('sys').flags.hash_randomization)"
                values += [eval(Interpreter(fresh=1).eval(ask)) for _ in range(2)]
                os.environ["PYTHONHASHSEED"] = "77"
                changed = Interpreter(fresh=1)
                values.append(eval(changed.eval(ask)))
                isolated = Interpreter(isolated=1)
                assert len(set(values)) == 1 and int(isolated.eval("hash('text')")) == hash("text"), values
                assert changed.eval("__import__('os').environ['PYTHONHASHSEED']") == "77"
                print(changed.eval("len({__import__('os').urandom(24) for _ in range(9)})"))
                """,
                environment=variables,
            )
            self.assertEqual((status, output), (0, "9\n"), errors)

    def test_bytes_as_long_as_the_secret_of_hashes_are_random(self):
        directory = tempfile.mkdtemp()
        try:
            with open(os.path.join(directory, "sitecustomize.py"), "w") as file:
                file.write("import os; first = os.urandom(24)")
            for seed in ("", "0", "5"):
                status, output, errors = run(
                    """
                    ask = "__import__('sitecustomize').first"
                    print(len({b"\\0" * 24} | {eval(Interpreter(fresh=1).eval(ask)) for _ in range(2)}))
                    """,
                    environment={"PYTHONHASHSEED": seed, "PYTHONPATH": directory},
                )
                self.assertEqual((status, output), (0, "3\n"), (seed, errors))
        finally:
            shutil.rmtree(directory)

    def test_warning_filters_are_those_that_the_host_has_at_the_start(self):
        status, output, errors = run(
            '''
            import warnings
            class Own(UserWarning): pass
            ask = """[
                (entry[0], getattr(entry[1], "pattern", entry[1]), entry[2].__module__ + "." + entry[2].__name__,
                 getattr(entry[3], "pattern", entry[3]), entry[4])
                for entry in __import__("warnings").filters]"""
            def compare():
                interpreter = Interpreter()
                inner, outer = interpreter.eval(ask), str(eval(ask))
                assert inner == outer, (inner, outer)
                interpreter.run("import warnings")
                return interpreter
            compare().free()
            warnings.filterwarnings("error", message="no such .*", category=Own)
            warnings.simplefilter("ignore", ResourceWarning)
            it = compare()
            it.run("class Own(UserWarning): __module__ = '__main__'")
            it.run("warnings.warn('others', ResourceWarning)")
            it.run("try: warnings.warn('no such file', Own)\\nexcept Own: print('an error')")
            it.run("warnings.simplefilter('error'); warnings.showwarning = None")
            it.free()
            warnings.resetwarnings()
            compare().free()
            ''',
            environment={"PYTHONWARNINGS": "once::ImportWarning"},
        )
        self.assertEqual((status, output), (0, "an error\n"), errors)

    def test_what_the_caller_sets(self):
        interpreter = self.new(path=["/a", "/b"], argv=["x", "y z"], optimize=2, utf8_mode=1, dont_write_bytecode=1)
        interpreter.run("import sys")
        self.assertEqual(interpreter.eval("sys.path"), "['/a', '/b']")
        self.assertEqual(interpreter.eval("sys.argv"), "['x', 'y z']")
        self.assertEqual(interpreter.eval("[sys.flags.optimize, sys.flags.utf8_mode]"), "[2, 1]")

    def test_a_libpython_by_name(self):
        self.assertEqual(self.new(libpython=shared_library()).eval("__import__('sys').version"), sys.version)
        variables = {"UNGIL_LIBPYTHON": "/nowhere/of/this/name"}
        status, _, errors = run("Interpreter()", environment=variables)
        self.assertEqual(status, 1)
        self.assertIn("/nowhere/of/this/name", errors)

    def test_a_home_without_a_standard_library(self):
        self.assert_fails(
            UNSUPPORTED, "lib/python", Interpreter, home="/tmp", executable="", libpython=shared_library()
        )

    def test_faulthandler_and_signals_of_the_process_stay(self):
        status, output, errors = run(
            """
            import signal
            caught = lambda: next(line.split()[1] for line in open("/proc/self/status") if line.startswith("SigCgt"))
            handlers = lambda: int(caught(), 16) & 0x7FFFFFFF  # the real-time ones are the C library's
            before = handlers()
            i = Interpreter()
            i.run("import signal, faulthandler, asyncio")
            assert handlers() == before, (before, handlers())
        """,
            environment={"PYTHONFAULTHANDLER": "1"},
        )
        self.assertEqual((status, errors), (0, ""))

    def test_locale_environment_and_working_directory(self):
        interpreter = self.new()
        interpreter.run("import locale, os; locale.setlocale(locale.LC_ALL, 'C'); os.environ['UNGIL_X'] = 'inside'")
        self.assertEqual(interpreter.eval("os.environ['UNGIL_X']"), "inside")
        before = os.getcwd()
        interpreter.run("os.chdir('/')")
        self.assertEqual(os.getcwd(), "/")  # there is one for the process
        interpreter.free()
        self.assertEqual(os.getcwd(), before)

    def test_variables_change_while_others_read_them(self):
        writer, readers = self.new(), [self.new(), self.new()]
        read = "import time\nfor _ in range(3000): time.strftime('%Z'); time.mktime(time.localtime(5)); time.tzset()"
        write = (
            "import os\nfor k in range(20):\n  for i in range(300): os.environ['UNGIL_T%d' % i] = str(k)\n"
            "  for i in range(300): del os.environ['UNGIL_T%d' % i]"
        )
        together([lambda: writer.run(write)] + [lambda it=it: it.run(read) for it in readers])

    def test_output_is_not_lost(self):
        status, output, _ = run("""
            i = Interpreter()
            i.run("print('one', end='')")
            i.run("import threading; t = threading.Thread(target=print, args=('two',)); t.start(); t.join()")
            os._exit(0)
        """)
        self.assertEqual((status, output), (0, "onetwo\n"))

    def test_memory_files_forbidden(self):
        """As where vm.memfd_noexec is 2: by a filter of system calls."""
        status, output, errors = run("""
            libc = ctypes.CDLL(None, use_errno=True)
            # Programs of the classic filter language: load the number; memfd_create is refused; all else is allowed.
            number = {"x86_64": 319, "aarch64": 279}[platform.machine()]
            rules = [(0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, 0x50001), (0x06, 0, 0, 0x7FFF0000)]
            class Rule(ctypes.Structure):
                _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]
            class Program(ctypes.Structure):
                _fields_ = [("length", ctypes.c_ushort), ("rules", ctypes.POINTER(Rule))]
            program = Program(len(rules), (Rule * len(rules))(*rules))
            assert libc.prctl(38, 1, 0, 0, 0) == 0 and libc.prctl(22, 2, ctypes.byref(program), 0, 0) == 0
            i = Interpreter()
            i.run("import math, ctypes")
            print(i.eval("math.sqrt(4)"))
            print([name for directory in ("/tmp", "/var/tmp") for name in os.listdir(directory) if name.startswith("ungil-") and len(name) == 12])  # as mkdtemp makes them
        """)
        self.assertEqual((status, output), (0, "2.0\n[]\n"), errors)


if __name__ == "__main__":
    unittest.main()
