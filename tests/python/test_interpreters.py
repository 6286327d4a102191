# coding: utf-8
"""Isolated interpreters, as a script sees them through ctypes: what is missing, and requests."""

from __future__ import unicode_literals

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import unittest

import pythons
from interpreters import (
    HANDLE,
    HAS_ONE,
    HERE,
    INVALID,
    PYTHON,
    REASON,
    SUPPORTED,
    UNSUPPORTED,
    Case,
    Interpreter,
    check,
    library,
    run,
    shared_library,
    together,
)
from support import LIBRARIES, signatures


class Missing(Case):
    """On any Python, supported or not."""

    def test_wrong_arguments(self):
        out, text, reply = ctypes.c_int32(-7), ctypes.c_char_p(), signatures.UngilReply()
        self.assertEqual(library.ungil_interp_new(None, None), signatures.UNGIL_E_NULL)
        for wrong in (-1, 12345, 2**31 - 1, -(2**31)):
            self.assertEqual(library.ungil_interp_exec(wrong, b"1"), HANDLE)
            self.assertEqual(library.ungil_interp_eval(wrong, b"1", ctypes.byref(text)), HANDLE)
            self.assertEqual(library.ungil_interp_call(wrong, None, 0, None, 0, ctypes.byref(reply)), HANDLE)
            self.assertEqual(library.ungil_interp_interrupt(wrong), HANDLE)
            self.assertEqual(library.ungil_interp_free(wrong), HANDLE)
            self.assertEqual(library.ungil_reply_free(wrong), HANDLE)
        self.assertEqual(library.ungil_interp_free(0), 0)
        self.assertEqual(library.ungil_reply_free(0), 0)
        self.assertEqual(library.ungil_interp_exec(1, None), signatures.UNGIL_E_NULL)
        self.assertEqual(library.ungil_interp_count(None, ctypes.byref(out)), signatures.UNGIL_E_NULL)

    def test_wrong_options(self):
        self.assert_fails(INVALID, 'no option "colour=red"', Interpreter, colour="red")
        self.assert_fails(INVALID, "must be a number", Interpreter, optimize="much")
        for name, value in [
            ("optimize", -1),
            ("utf8_mode", 7),
            ("executable", "/nowhere/python3"),
            ("home", "/nowhere"),
            ("executable", "bin/python3"),
        ]:
            self.assert_fails(INVALID, "%s=%s" % (name, value), Interpreter, **{str(name): value})

    def test_a_missing_libpython(self):
        self.assert_fails(UNSUPPORTED, "/nowhere/libpython3.11.so", Interpreter, libpython="/nowhere/libpython3.11.so")
        for _ in range(1100):  # more than there can be: none is taken
            library.ungil_interp_new(b"libpython=/nowhere", ctypes.byref(ctypes.c_int32()))

    def test_a_file_that_is_not_a_libpython(self):
        for path, part in [
            (__file__, "not an ELF file"),
            (os.path.join(LIBRARIES, "libungil.so"), "not a libpython"),
            ("/proc/self/exe", "/proc/self/exe: "),
            (HERE, HERE),
            ("/dev/zero", "not a regular file"),
        ]:
            self.assert_fails(UNSUPPORTED, part, Interpreter, libpython=path)

    def test_a_truncated_libpython(self):
        source = shared_library()
        if source is None:
            self.skipTest("SKIP: this Python has no shared libpython to cut off")
        with open(source, "rb") as file:
            whole = file.read(3000000)
        for length in (0, 40, 64, 1000, 100000, len(whole)):
            self.addCleanup(lambda path=self.written(whole[:length]): os.remove(path))
            self.assert_fails(UNSUPPORTED, "libpython-cut", Interpreter, libpython=self.path)

    @unittest.skipUnless(HAS_ONE, REASON)
    def test_a_stripped_libpython(self):
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        stripped = os.path.join(directory, "libpython-stripped.so")
        try:
            subprocess.check_call(["strip", "-o", stripped, shared_library()])
        except OSError:
            self.skipTest("SKIP: there is no strip (apt install binutils)")
        self.assertEqual(self.new(libpython=stripped).eval("6 * 7"), "42")

    def test_a_static_python_without_a_shared_one(self):
        with open("/proc/self/maps") as maps:
            is_loaded = "libpython" in maps.read()
        if not SUPPORTED or sysconfig.get_config_var("Py_ENABLE_SHARED") and is_loaded:
            self.skipTest("SKIP: this Python is not static")
        directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, directory)
        alone = os.path.join(directory, "python3")
        shutil.copy(os.path.realpath(sys.executable), alone)
        status, _, errors = run("Interpreter()", command=[alone], environment={"PYTHONHOME": sys.base_prefix})
        self.assertEqual(status, 1)
        self.assertRegex(errors, "has Python 3.* built in, and there is no libpython3.* beside it")

    def written(self, content):
        self.path = os.path.join(
            os.environ.get("TMPDIR", "/tmp"), "libpython-cut-%d-%d.so" % (os.getpid(), len(content))
        )
        with open(self.path, "wb") as file:
            file.write(content)
        return self.path

    @unittest.skipIf(SUPPORTED, "SKIP: this Python is supported")
    def test_a_process_of_a_wrong_version(self):
        if "CPython" in sys.version or hasattr(sys, "getrefcount"):
            self.assert_fails(UNSUPPORTED, "this process runs Python %d.%d" % sys.version_info[:2], Interpreter)

    @unittest.skipIf(SUPPORTED or shared_library() is None, "SKIP: this Python is supported, or is static")
    def test_a_libpython_of_a_wrong_version(self):
        self.assertIn(
            pythons.WITH_INTERPRETERS, self.assert_fails(UNSUPPORTED, "libpython", Interpreter, libpython=shared_library())
        )


@unittest.skipUnless(HAS_ONE, REASON)
class Requests(Case):
    def test_variables_are_the_interpreters_own(self):
        all_of_them = [self.new() for _ in range(4)]
        for i, interpreter in enumerate(all_of_them):
            interpreter.run("import math, json\nx = %d" % i)
        for i, interpreter in enumerate(all_of_them):
            self.assertEqual(interpreter.eval("json.dumps([x, math.sqrt(4)])"), "[%d, 2.0]" % i)

    def test_exceptions_have_type_message_and_traceback(self):
        interpreter = self.new()
        message = self.assert_fails(
            PYTHON,
            "ZeroDivisionError: division by zero\nTraceback (most recent",
            interpreter.run,
            "def f():\n    1/0\nf()",
        )
        self.assertIn("line 2, in f\n    1/0\n", message)
        self.assertNotIn("bootstrap", message)
        self.assert_fails(PYTHON, "KeyError: 'a'", interpreter.eval, "{}['a']")
        self.assert_fails(PYTHON, "SyntaxError", interpreter.run, "a b c")
        self.assert_fails(
            PYTHON,
            "The above exception was the direct cause",
            interpreter.run,
            "try:\n  1/0\nexcept Exception as e:\n  raise ValueError from e",
        )

    def test_an_unhandled_exceptions_text_with_non_ascii_source(self):
        interpreter = self.new()
        message = self.assert_fails(
            PYTHON, "ValueError: schön 雪\n", interpreter.run, "größe = 'schön 雪'\nraise ValueError(größe)"
        )
        self.assertIn("raise ValueError(größe)", message)
        self.assert_fails(PYTHON, "\\udc80", interpreter.run, "raise ValueError('\\udc80')")
        self.assertEqual(interpreter.eval("'schön 雪'"), "schön 雪")

    def test_a_task_that_calls_sys_exit(self):
        interpreter = self.new()
        self.assert_fails(PYTHON, "SystemExit: 3", interpreter.run, "import sys; sys.exit(3)")
        self.assert_fails(PYTHON, "SystemExit", interpreter.run, "quit()")
        self.assertEqual(interpreter.eval("1 + 1"), "2")

    def test_a_task_that_raises_keyboard_interrupt_or_a_base_exception(self):
        interpreter = self.new()
        self.assert_fails(PYTHON, "KeyboardInterrupt", interpreter.run, "raise KeyboardInterrupt")
        self.assert_fails(PYTHON, "GeneratorExit", interpreter.run, "raise GeneratorExit")
        self.assert_fails(PYTHON, "Odd: 5", interpreter.run, "class Odd(BaseException): pass\nraise Odd(5)")

    def test_exceptions_whose_str_fails(self):
        interpreter = self.new()
        for body in ("raise ValueError", "sys.exit()", "return 5", "return str(self)"):
            source = "import sys\nclass Bad(Exception):\n    def __str__(self): %s\nraise Bad" % body
            self.assert_fails(PYTHON, "Bad", interpreter.run, source)

    def test_a_task_that_recurses_without_end(self):
        interpreter = self.new()
        self.assert_fails(PYTHON, "RecursionError", interpreter.run, "def f(): f()\nf()")
        self.assertEqual(interpreter.eval("f.__name__"), "f")

    def test_what_would_affect_the_process_is_refused(self):
        interpreter = self.new()
        interpreter.run("import os, pty")
        for call, error in [
            ("os.fork()", "RuntimeError: os.fork is not supported in an isolated interpreter"),
            ("os.forkpty()", "RuntimeError"),
            ("pty.fork()", "RuntimeError"),
            ("os.execv('/bin/true', ['true'])", "RuntimeError: os.execv"),
            ("os.execlp('true', 'true')", "RuntimeError"),
        ]:
            self.assert_fails(PYTHON, error, interpreter.run, call)

    def test_multiprocessing_by_fork_is_refused_and_subprocess_works(self):
        interpreter = self.new()
        interpreter.run("import subprocess, multiprocessing, sys")
        self.assertEqual(interpreter.eval("subprocess.check_output(['echo', 'x'])"), "b'x\\n'")
        self.assertEqual(interpreter.eval("subprocess.check_output([sys.executable, '-c', 'print(2)'])"), "b'2\\n'")
        child = "yes | head -n1; grep SigIgn /proc/self/status"
        found = interpreter.eval("subprocess.run(%r, shell=True, stdout=-1, stderr=-2).stdout.decode()" % str(child))
        self.assertRegex(found, r"^y\nSigIgn:\s+\w+\n$")
        self.assertEqual(int(found.split()[-1], 16) & 1 << 12, 0)  # SIGPIPE is as it was before Python
        self.assert_fails(
            PYTHON,
            "os.fork is not supported",
            interpreter.run,
            "multiprocessing.get_context('fork').Process(target=print).start()",
        )

    def test_threads_and_asyncio_inside_a_worker(self):
        interpreter = self.new()
        interpreter.run(
            textwrap.dedent("""
            import asyncio, threading
            from concurrent.futures import ThreadPoolExecutor
            found = []
            threads = [threading.Thread(target=found.append, args=(i,)) for i in range(5)]
            for thread in threads: thread.start()
            for thread in threads: thread.join()
            assert sorted(found) == list(range(5))
            async def double(x):
                await asyncio.sleep(0.001)
                return 2 * x
            async def main(): return await asyncio.gather(*map(double, range(5)))
            assert asyncio.run(main()) == [0, 2, 4, 6, 8]
            with ThreadPoolExecutor(3) as pool: assert list(pool.map(abs, [-1, -2])) == [1, 2]
        """)
        )

    def test_several_threads_in_one_interpreter_take_turns(self):
        interpreter = self.new()
        interpreter.run("x = 0")
        together([lambda: [interpreter.run("x += 1") for _ in range(200)] for _ in range(4)])
        self.assertEqual(interpreter.eval("x"), "800")

    def test_ctypes_pythonapi_is_the_interpreters_own(self):
        interpreter = self.new()
        interpreter.run(
            textwrap.dedent("""
            import ctypes, sys
            for python in (ctypes.pythonapi, ctypes.PyDLL(None)):
                python.PyList_Size.argtypes = [ctypes.py_object]
                assert python.PyList_Size([1, 2]) == 2
                python.PyImport_ImportModule.restype = ctypes.py_object
                assert python.PyImport_ImportModule(b"sys") is sys
            assert ctypes.CDLL(None).getpid() > 0
            flag = ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag")
            try: ctypes.pythonapi.Py_NoSuchThing
            except AttributeError as error: assert "Py_NoSuchThing" in str(error), error
            else: raise AssertionError
        """)
        )
        self.assertNotEqual(
            interpreter.eval("ctypes.addressof(flag)"),
            str(ctypes.addressof(ctypes.c_int.in_dll(ctypes.pythonapi, "Py_OptimizeFlag"))),
        )

    def test_original_paths_are_shown(self):
        interpreter = self.new()
        interpreter.run("import _ctypes, ctypes")
        path = interpreter.eval("getattr(_ctypes, '__file__', 'built-in')")
        self.assertRegex(path, r"_ctypes\..*so$|built-in")
        self.assertEqual(interpreter.eval("_ctypes.__spec__.origin"), path)

    def test_this_library_inside_an_interpreter_is_the_processs(self):
        interpreter = self.new()
        interpreter.run("import ctypes\nlibrary = ctypes.CDLL(%r)" % str(os.path.join(LIBRARIES, "libungil.so")))
        interpreter.run("handle = ctypes.c_int32(); assert library.ungil_interp_new(None, ctypes.byref(handle)) == 0")
        inner = int(interpreter.eval("handle.value"))
        check(library.ungil_interp_exec(inner, b"import math"))
        check(library.ungil_interp_free(inner))


if __name__ == "__main__":
    unittest.main()
