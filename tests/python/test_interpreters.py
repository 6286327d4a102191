# coding: utf-8
"""Isolated interpreters, as a script sees them through ctypes."""
from __future__ import unicode_literals

import ctypes
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import textwrap
import threading
import time
import unittest

from interpreters import SUPPORTED, Failed, Interpreter, Loan, check, count, library, memory, shared_library, together
from support import LIBRARIES, signatures

HERE = os.path.dirname(os.path.abspath(__file__))
HAS_ONE = SUPPORTED and shared_library() is not None
REASON = "SKIP: interpreters are of CPython 3.8 to 3.14 with a shared libpython, and this is another Python"
PYTHON, UNSUPPORTED = signatures.UNGIL_E_PYTHON, signatures.UNGIL_E_UNSUPPORTED
HANDLE, IN_USE, INVALID = signatures.UNGIL_E_HANDLE, signatures.UNGIL_E_IN_USE, signatures.UNGIL_E_INVALID

SERVER = """
import _ungil, array
kept = []

@_ungil.serve
def answer(request, *buffers):
    if request == b"sum":
        return str([sum(buffer) for buffer in buffers]).encode()
    if request == b"write":
        buffers[0][0] = 99
    if request == b"keep":
        kept.extend(buffers)
    if request == b"drop":
        kept.clear()
    if request == b"lend":
        return b"lent", array.array("i", range(1000)), b"read-only"
    if request.startswith(b"zeros "):
        return bytes(int(request[6:]))
    if request == b"bytearray":
        kept.append(bytearray(1000000))
        return b"", kept[0]
    if request == b"resize":
        kept[0].append(1)
    if request == b"number":
        return 5
    if request == b"scattered":
        return b"", memoryview(bytes(10))[::2]
    return request
"""


def run(source, **options):
    """A process that runs this source after these modules' imports: (status, output, errors)."""
    program = "import sys; sys.path.insert(0, %r)\nfrom interpreters import *\n" % str(HERE)
    program += textwrap.dedent(source)
    environment = dict(os.environ, **options.pop("environment", {}))
    command = options.pop("command", [sys.executable]) + ["-c", program]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment, **options
    )
    watch = threading.Timer(60, process.kill)  # a hang is a failure, by its status
    watch.start()
    output, errors = process.communicate()
    watch.cancel()
    return process.returncode, output.decode("utf-8"), errors.decode("utf-8")


class Case(unittest.TestCase):
    if not hasattr(unittest.TestCase, "assertRegex"):  # Python 2
        assertRegex = unittest.TestCase.assertRegexpMatches

    def new(self, **options):
        interpreter = Interpreter(**options)
        self.addCleanup(lambda: library.ungil_interp_free(interpreter.handle))
        return interpreter

    def assert_fails(self, status, part, function, *arguments, **options):
        with self.assertRaises(Failed) as caught:
            function(*arguments, **options)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(part, caught.exception.message)
        return caught.exception.message


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
        self.assert_fails(INVALID, "wants a number", Interpreter, optimize="much")
        for name, value in [("optimize", -1), ("utf8_mode", 7), ("executable", "/nowhere/python3"), ("home", "/nowhere"),
                            ("executable", "bin/python3")]:
            self.assert_fails(INVALID, "%s=%s" % (name, value), Interpreter, **{str(name): value})

    def test_a_missing_libpython(self):
        self.assert_fails(UNSUPPORTED, "/nowhere/libpython3.11.so", Interpreter, libpython="/nowhere/libpython3.11.so")
        for _ in range(1100):  # more than there can be: none is taken
            library.ungil_interp_new(b"libpython=/nowhere", ctypes.byref(ctypes.c_int32()))

    def test_what_is_no_libpython(self):
        for path, part in [
            (__file__, "not an ELF file"),
            (os.path.join(LIBRARIES, "libungil.so"), "no libpython"),
            ("/proc/self/exe", "/proc/self/exe: "),
            (HERE, HERE),
            ("/dev/zero", "no regular file"),
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
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        stripped = os.path.join(folder, "libpython-stripped.so")
        try:
            subprocess.check_call(["strip", "-o", stripped, shared_library()])
        except OSError:
            self.skipTest("SKIP: there is no strip (apt install binutils)")
        self.assertEqual(self.new(libpython=stripped).eval("6 * 7"), "42")

    def test_a_static_python_without_a_shared_one(self):
        if not SUPPORTED or sysconfig.get_config_var("Py_ENABLE_SHARED") and "libpython" in open("/proc/self/maps").read():
            self.skipTest("SKIP: this Python is not static")
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        alone = os.path.join(folder, "python3")
        shutil.copy(os.path.realpath(sys.executable), alone)
        status, _, errors = run("Interpreter()", command=[alone], environment={"PYTHONHOME": sys.base_prefix})
        self.assertEqual(status, 1)
        self.assertRegex(errors, "has Python 3.* built in, and no libpython3.*lies beside it")

    def written(self, content):
        self.path = os.path.join(os.environ.get("TMPDIR", "/tmp"), "libpython-cut-%d-%d.so" % (os.getpid(), len(content)))
        with open(self.path, "wb") as file:
            file.write(content)
        return self.path

    @unittest.skipIf(SUPPORTED, "SKIP: this Python is supported")
    def test_a_process_of_a_wrong_version(self):
        if "CPython" in sys.version or hasattr(sys, "getrefcount"):
            self.assert_fails(UNSUPPORTED, "this process runs Python %d.%d" % sys.version_info[:2], Interpreter)

    @unittest.skipIf(SUPPORTED or shared_library() is None, "SKIP: this Python is supported, or is static")
    def test_a_libpython_of_a_wrong_version(self):
        self.assertIn("3.8 to 3.14", self.assert_fails(UNSUPPORTED, "libpython", Interpreter, libpython=shared_library()))


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
        message = self.assert_fails(PYTHON, "ZeroDivisionError: division by zero\nTraceback (most recent", interpreter.run,
                                    "def f():\n    1/0\nf()")
        self.assertIn("line 2, in f\n    1/0\n", message)
        self.assertNotIn("bootstrap", message)
        self.assert_fails(PYTHON, "KeyError: 'a'", interpreter.eval, "{}['a']")
        self.assert_fails(PYTHON, "SyntaxError", interpreter.run, "a b c")
        self.assert_fails(PYTHON, "The above exception was the direct cause", interpreter.run,
                          "try:\n  1/0\nexcept Exception as e:\n  raise ValueError from e")

    def test_an_unhandled_exceptions_text_with_non_ascii_source(self):
        interpreter = self.new()
        message = self.assert_fails(PYTHON, "ValueError: schön 雪\n", interpreter.run,
                                    "größe = 'schön 雪'\nraise ValueError(größe)")
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

    def test_exceptions_that_cannot_be_told(self):
        interpreter = self.new()
        for body in ("raise ValueError", "sys.exit()", "return 5", "return str(self)"):
            source = "import sys\nclass Bad(Exception):\n    def __str__(self): %s\nraise Bad" % body
            self.assert_fails(PYTHON, "Bad", interpreter.run, source)

    def test_a_task_that_recurses_without_end(self):
        interpreter = self.new()
        self.assert_fails(PYTHON, "RecursionError", interpreter.run, "def f(): f()\nf()")
        self.assertEqual(interpreter.eval("f.__name__"), "f")

    def test_what_would_concern_the_process_is_refused(self):
        interpreter = self.new()
        interpreter.run("import os, signal, faulthandler, pty")
        for call, error in [
            ("os.fork()", "RuntimeError: os.fork is not supported in an isolated interpreter"),
            ("os.forkpty()", "RuntimeError"),
            ("pty.fork()", "RuntimeError"),
            ("os._exit(3)", "RuntimeError: os._exit"),
            ("os.abort()", "RuntimeError"),
            ("os.execv('/bin/true', ['true'])", "RuntimeError: os.execv"),
            ("os.execlp('true', 'true')", "RuntimeError"),
            ("signal.signal(signal.SIGINT, signal.SIG_DFL)", "ValueError: signal.signal"),
            ("signal.set_wakeup_fd(1)", "ValueError: signal.set_wakeup_fd"),
            ("faulthandler.enable()", "RuntimeError: faulthandler.enable"),
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
        self.assert_fails(PYTHON, "os.fork is not supported", interpreter.run,
                          "multiprocessing.get_context('fork').Process(target=print).start()")

    def test_threads_and_asyncio_inside_a_worker(self):
        interpreter = self.new()
        interpreter.run(textwrap.dedent("""
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
        """))

    def test_several_threads_in_one_interpreter_take_turns(self):
        interpreter = self.new()
        interpreter.run("x = 0")
        together([lambda: [interpreter.run("x += 1") for _ in range(200)] for _ in range(4)])
        self.assertEqual(interpreter.eval("x"), "800")

    def test_ctypes_pythonapi_is_the_interpreters_own(self):
        interpreter = self.new()
        interpreter.run(textwrap.dedent("""
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
        """))
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


@unittest.skipUnless(HAS_ONE, REASON)
class Settings(Case):
    def test_an_interpreter_is_like_its_host(self):
        interpreter = self.new()
        interpreter.run("import sys")
        for name in ("version", "prefix", "exec_prefix", "base_prefix", "base_exec_prefix", "executable", "path",
                     "argv", "flags", "warnoptions", "pycache_prefix"):
            self.assertEqual(interpreter.eval("sys." + name), str(getattr(sys, name)), name)
        for name in ("getfilesystemencoding", "getdefaultencoding"):
            self.assertEqual(interpreter.eval("sys.%s()" % name), getattr(sys, name)(), name)

    def test_a_hosts_flags_and_options(self):
        ask = "i = Interpreter(); i.run('import sys, warnings'); print(i.eval(%r)); print(eval(%r, {'sys': sys}))"
        names = "[getattr(sys, 'get_int_max_str_digits', int)(), sys.flags, sys.warnoptions, sys._xoptions, sys.argv, sys.pycache_prefix]"
        for arguments in (["-OO"], ["-I"], ["-S"], ["-E"], ["-W", "error"], ["-X", "utf8", "-X", "own=1"], ["-X", "dev"],
                          ["-X", "pycache_prefix=/tmp/none"], ["-s", "-B"]):
            status, output, errors = run(ask % (names, names), command=[sys.executable] + arguments)
            self.assertEqual(status, 0, errors)
            inner, outer = output.splitlines()
            self.assertEqual(inner, outer, arguments)

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
        self.assert_fails(UNSUPPORTED, "lib/python", Interpreter, home="/tmp", executable="", libpython=shared_library())

    def test_faulthandler_and_signals_of_the_process_stay(self):
        status, output, errors = run("""
            import signal
            caught = lambda: next(line.split()[1] for line in open("/proc/self/status") if line.startswith("SigCgt"))
            handlers = lambda: int(caught(), 16) & 0x7FFFFFFF  # the real-time ones are the C library's
            before = handlers()
            i = Interpreter()
            i.run("import signal, faulthandler, asyncio")
            assert handlers() == before, (before, handlers())
        """, environment={"PYTHONFAULTHANDLER": "1"})
        self.assertEqual((status, errors), (0, ""))

    def test_locale_environment_and_folder(self):
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
        write = ("import os\nfor k in range(20):\n  for i in range(300): os.environ['UNGIL_T%d' % i] = str(k)\n"
                 "  for i in range(300): del os.environ['UNGIL_T%d' % i]")
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
            print([name for folder in ("/tmp", "/var/tmp") for name in os.listdir(folder) if name.startswith("ungil-")])
        """)
        self.assertEqual((status, output), (0, "2.0\n[]\n"), errors)


@unittest.skipUnless(HAS_ONE, REASON)
class Memory(Case):
    def setUp(self):
        self.interpreter = self.new()
        self.interpreter.run(SERVER)

    def test_bytes_to_bytes(self):
        for request in (b"", b"hello", bytes(bytearray(range(256))) * 1000):
            reply = self.interpreter.call(request)
            self.assertEqual(reply.response, request)
            reply.free()
            self.assertEqual(library.ungil_reply_free(reply.reply.handle), HANDLE)

    def test_no_function_serves(self):
        self.assert_fails(PYTHON, "_ungil.serve", self.new(fresh=1).call, b"x")

    def test_buffers_go_in_without_a_copy(self):
        numbers = (ctypes.c_ubyte * 1000)(*([7] * 1000))
        loans = [Loan(numbers), Loan((ctypes.c_ubyte * 0)())]
        self.assertEqual(self.interpreter.call(b"sum", *loans).response, b"[7000, 0]")
        self.assertTrue(all(loan.over.is_set() for loan in loans))
        self.interpreter.call(b"write", Loan(numbers, read_only=False))
        self.assertEqual(numbers[0], 99)
        refused = Loan(numbers)
        self.assert_fails(PYTHON, "cannot modify read-only memory", self.interpreter.call, b"write", refused)
        self.assertTrue(refused.over.is_set())

    def test_a_view_kept_after_its_call_keeps_its_owner(self):
        loan = Loan((ctypes.c_ubyte * 10)(*range(10)))
        self.interpreter.call(b"keep", loan)
        self.assertFalse(loan.over.is_set())
        self.assertEqual(self.interpreter.eval("bytes(kept[0][3:5])"), "b'\\x03\\x04'")
        self.interpreter.call(b"drop")
        self.assertTrue(loan.over.is_set())

    def test_views_that_are_kept_go_when_the_interpreter_is_freed(self):
        loan = Loan((ctypes.c_ubyte * 10)())
        other = self.new()
        other.run(SERVER)
        other.call(b"keep", loan)
        other.free()
        self.assertTrue(loan.over.wait(10))

    def test_an_owner_that_comes_back_with_a_request(self):
        loan, seen = Loan((ctypes.c_ubyte * 10)()), []
        handle = self.interpreter.handle
        again = signatures.UngilRelease(lambda owner: seen.append(library.ungil_interp_exec(handle, b"y = 5")))
        loan.buffer.release = again
        self.interpreter.call(b"keep", loan)
        self.assert_fails(PYTHON, "ValueError", self.interpreter.run, "int.from_bytes(kept.pop(), 'nope')")
        self.assertEqual((seen, self.interpreter.eval("y")), ([0], "5"))

    def test_every_owner_is_told_also_of_errors(self):
        loan = Loan((ctypes.c_ubyte * 10)())
        with self.assertRaises(Failed):
            Interpreter.call(type(str("Gone"), (), {"handle": 12345})(), b"x", loan)
        self.assertTrue(loan.over.is_set())
        good, bad = Loan((ctypes.c_ubyte * 10)()), Loan((ctypes.c_ubyte * 10)())
        bad.buffer.address = None
        self.assert_fails(INVALID, "a buffer's address", self.interpreter.call, b"x", good, bad)
        self.assertTrue(good.over.is_set() and bad.over.is_set())
        number = Loan((ctypes.c_ubyte * 10)())
        self.assert_fails(PYTHON, "TypeError", self.interpreter.call, b"number", number)
        self.assertTrue(number.over.is_set())

    def test_buffers_come_out_without_a_copy(self):
        reply = self.interpreter.call(b"lend")
        (address, length, read_only), (_, _, constant) = reply.buffers
        self.assertEqual((reply.response, length, read_only, constant), (b"lent", 4000, False, True))
        self.assertEqual(list((ctypes.c_int32 * 1000).from_address(address)), list(range(1000)))
        reply.free()

    def test_a_shared_bytearray_resized_by_its_owner(self):
        reply = self.interpreter.call(b"bytearray")
        self.assert_fails(PYTHON, "BufferError", self.interpreter.call, b"resize")
        reply.free()
        for _ in range(1000):  # the interpreter's own thread gives it back
            try:
                return self.interpreter.call(b"resize").free()
            except Failed:
                time.sleep(0.01)
        self.fail("it was not given back")

    def test_what_is_not_in_one_piece(self):
        self.assert_fails(PYTHON, "BufferError", self.interpreter.call, b"scattered")

    def test_a_payload_of_a_gigabyte_is_not_copied(self):
        size = 1 << 30
        status, output, errors = run("""
            import mmap, resource
            i = Interpreter()
            i.run("import _ungil; _ungil.serve(lambda request, big: (b'%d' % len(big), big))")
            size = 1 << 30
            area = mmap.mmap(-1, size)
            big = (ctypes.c_ubyte * size).from_buffer(area)
            big[size - 1] = 7
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            loan = Loan(big)
            reply = i.call(b"", loan)
            (address, length, read_only), = reply.buffers
            assert address == ctypes.addressof(big) and length == size and read_only
            assert not loan.over.is_set()
            reply.free()
            assert loan.over.wait(20)
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 20000
            print(reply.reply.length)
        """)
        self.assertEqual((status, output), (0, "10\n"), errors)
        self.assertEqual(len(str(size)), 10)

    def test_large_responses(self):
        for size in (65535, 65536, 65537, 10000000):
            reply = self.interpreter.call(b"zeros %d" % size if sys.version_info >= (3, 5) else b"")
            self.assertEqual(reply.response, bytes(bytearray(size)))
            reply.free()


@unittest.skipUnless(HAS_ONE, REASON)
class Lives(Case):
    def test_freed_ones_are_reset_and_given_out_again(self):
        first = self.new(argv=["only here"])
        first.run("import sys, json, _ungil; x = 5; sys.path.append('/x'); sys.argv.append('y')")
        first.run("_ungil.serve(len); sys.stdout = None")
        first.free()
        self.assert_fails(HANDLE, "interp", first.run, "1")
        self.assertEqual(library.ungil_interp_free(first.handle), HANDLE)
        os.environ["UNGIL_LATER"] = "1"
        second = self.new(argv=["only here"])
        second.run("import sys, os")
        self.assertEqual(second.eval("'json' in sys.modules"), "True")
        self.assertEqual(second.eval("sys.path[-1] != '/x' and sys.argv"), "['only here']")
        self.assertEqual(second.eval("sys.stdout is sys.__stdout__ and os.environ['UNGIL_LATER']"), "1")
        self.assert_fails(PYTHON, "NameError", second.eval, "x")
        self.assert_fails(PYTHON, "_ungil.serve", second.call, b"x")

    def test_one_that_is_given_out_again_is_like_its_host_is_now(self):
        self.new().free()
        sys.path.append("/added/later")
        try:
            self.assertEqual(self.new().eval("__import__('sys').path"), str(sys.path))
        finally:
            sys.path.pop()

    def test_a_fresh_one(self):
        first = self.new(argv=["fresh"])
        first.run("import sys; sys.mark = 1")
        first.free()
        self.assertEqual(self.new(argv=["fresh"], fresh=1).eval("hasattr(__import__('sys'), 'mark')"), "False")
        self.assertEqual(self.new(argv=["fresh"]).eval("__import__('sys').mark"), "1")

    def test_one_with_threads_left_is_not_given_out_again(self):
        first = self.new(argv=["threads"])
        first.run("import sys, threading; sys.mark = 1; e = threading.Event(); threading.Thread(target=e.wait).start()")
        first.run("sys.e = e")
        first.free()
        self.assertEqual(self.new(argv=["threads"]).eval("hasattr(__import__('sys'), 'mark')"), "False")

    def test_one_with_raw_threads_left_is_not_given_out_again(self):
        first = self.new(argv=["raw"])
        first.run("import sys, _thread, time; sys.mark = 1; lock = _thread.allocate_lock(); lock.acquire()\n"
                  "_thread.start_new_thread(lambda: (lock.release(), time.sleep(5)), ()); lock.acquire()")
        first.free()
        self.assertEqual(self.new(argv=["raw"]).eval("hasattr(__import__('sys'), 'mark')"), "False")

    def test_what_a_user_has_spoiled_is_mended(self):
        first = self.new(argv=["spoiled"])
        loan = Loan((ctypes.c_ubyte * 10)())
        first.run("import _ungil, gc; gc.disable()\n_ungil.serve(lambda r, view: (lambda l: l.append(l) or b'')([view]))")
        first.call(b"", loan)
        first.run("import sys, builtins; sys.mark = 1; del sys.modules['_ungil']; sys.modules['__main__'] = None\n"
                  "sys.meta_path.clear(); sys.setrecursionlimit(77); builtins.len = None")
        first.free()
        self.assertTrue(loan.over.is_set())
        second = self.new(argv=["spoiled"])
        self.assertEqual(second.eval("[__import__('sys').mark, len([])]"), "[1, 0]")
        second.run("import _ungil, wave")

    def test_counts(self):
        in_use, idle = count()
        interpreter = Interpreter(argv="counted")
        self.assertEqual(count(), (in_use + 1, idle))
        interpreter.free()
        self.assertEqual(count(), (in_use, idle + 1))

    def test_a_busy_one_is_not_freed(self):
        interpreter = self.new()
        reading, writing = os.pipe()
        source = "import os\nos.write(%d, b'x')\nwhile True: pass" % writing
        thread = threading.Thread(target=lambda: self.assert_fails(PYTHON, "Keyboard", interpreter.run, source))
        thread.start()
        os.read(reading, 1)
        self.assertEqual(library.ungil_interp_free(interpreter.handle), IN_USE)
        interpreter.interrupt()
        thread.join()
        interpreter.free()
        os.close(reading), os.close(writing)

    def test_interrupts_of_many_requests_that_fail(self):
        """None may come while its exception is told: that imports, and would leave a lock taken."""
        for _ in range(3):
            interpreter = self.new(fresh=1)
            done = threading.Event()

            def ask():
                while not done.wait(0.001):
                    interpreter.interrupt()

            def fail():
                for _ in range(8):
                    with self.assertRaises(Failed) as caught:
                        interpreter.run("x = [j for j in range(3000)]\n1/0")
                    self.assertNotIn("cannot be told", caught.exception.message)

            asking = threading.Thread(target=ask)
            asking.start()
            try:
                together([fail] * 6)
            finally:
                done.set()
                asking.join()
            self.assertEqual(interpreter.eval("2"), "2")

    def test_interrupts(self):
        interpreter = self.new()
        interpreter.interrupt()  # nothing runs
        self.assertEqual(interpreter.eval("1"), "1")
        for _ in range(5):
            done = threading.Event()

            def keep_asking():
                while not done.wait(0.01):
                    interpreter.interrupt()

            asking = threading.Thread(target=keep_asking)
            asking.start()
            try:
                self.assert_fails(PYTHON, "KeyboardInterrupt", interpreter.run, "while True: pass")
            finally:
                done.set()
                asking.join()
            self.assertEqual(interpreter.eval("2"), "2")

    def test_200_rounds_of_4_without_growth(self):
        def rounds(number):
            for _ in range(number):
                four = [Interpreter() for _ in range(4)]
                together([lambda it=it: it.run("import json\nx = [str(i) for i in range(10000)]") for it in four])
                for interpreter in four:
                    interpreter.free()

        rounds(1)
        first = memory()
        rounds(199)
        self.assertLess(memory(), first * 1.1)

    def test_10000_tasks_without_growth(self):
        interpreter = self.new()
        interpreter.run(SERVER)

        def tasks(number):
            for i in range(number):
                loan = Loan((ctypes.c_ubyte * 1000)())
                interpreter.call(b"sum", loan).free()
                interpreter.run("y = %d" % i)

        tasks(1000)
        first = memory()
        tasks(9000)
        self.assertLess(memory(), first * 1.1 + (1 << 20))

    def test_64_at_once(self):
        status, output, errors = run("""
            all_of_them = [Interpreter() for _ in range(64)]
            results = {}
            def work(i):
                all_of_them[i].run("x = sum(j * %d for j in range(20000))" % i)
                results[i] = int(all_of_them[i].eval("x"))
            together([lambda i=i: work(i) for i in range(64)])
            assert results == {i: i * 199990000 for i in range(64)}, results
        """)
        self.assertEqual((status, errors), (0, ""))


@unittest.skipUnless(HAS_ONE, REASON)
class Processes(Case):
    def test_fork_while_workers_are_busy(self):
        status, output, errors = run("""
            import warnings; warnings.simplefilter("ignore")
            i, busy = Interpreter(), Interpreter()
            stop = []
            thread = threading.Thread(target=lambda: [busy.run("sum(range(1000))") for _ in iter(lambda: bool(stop), True)])
            thread.start()
            for _ in range(20):
                child = os.fork()
                if child == 0:
                    text = ctypes.c_char_p()
                    reply = signatures.UngilReply()
                    forked = [
                        library.ungil_interp_exec(i.handle, b"1"),
                        library.ungil_interp_eval(busy.handle, b"1", ctypes.byref(text)),
                        library.ungil_interp_call(i.handle, None, 0, None, 0, ctypes.byref(reply)),
                        library.ungil_interp_interrupt(i.handle),
                        library.ungil_interp_free(i.handle),
                    ]
                    own = Interpreter()  # the child may have interpreters of its own
                    own.run("import math")
                    os._exit(0 if set(forked) == {signatures.UNGIL_E_FORKED} and own.eval("math.sqrt(4)") == "2.0" else 1)
                assert os.waitpid(child, 0)[1] == 0
            stop.append(1)
            thread.join()
            print(i.eval("6 * 7"))
        """)
        self.assertEqual((status, output), (0, "42\n"), errors)

    def test_fork_start_multiprocessing_in_the_host(self):
        status, output, errors = run("""
            import multiprocessing, warnings; warnings.simplefilter("ignore")
            i = Interpreter()
            i.run("x = 1")
            def child(queue): queue.put(library.ungil_interp_exec(i.handle, b"x"))
            context = multiprocessing.get_context("fork")
            queue = context.Queue()
            process = context.Process(target=child, args=(queue,))
            process.start()
            print(queue.get(), i.eval("x"))
            process.join()
        """)
        self.assertEqual((status, output), (0, "%d 1\n" % signatures.UNGIL_E_FORKED), errors)

    def ends_promptly(self, source):
        for _ in range(5):
            start = time.time()
            status, output, errors = run(source)
            self.assertEqual((status, output, errors), (7, "", ""))
            self.assertLess(time.time() - start, 30)

    def test_exit_with_idle_interpreters(self):
        self.ends_promptly("i = Interpreter(); Interpreter().free(); i.run('import threading'); sys.exit(7)")

    def test_exit_with_workers_busy_in_python(self):
        self.ends_promptly("""
            for i in [Interpreter() for _ in range(3)]:
                thread = threading.Thread(target=lambda i=i: i.run("while True: pass"))
                thread.daemon = True
                thread.start()
            sys.exit(7)
        """)

    def test_exit_with_workers_busy_in_c(self):
        self.ends_promptly("""
            for source in ("import time; time.sleep(1000)", "sum(range(10**12))"):
                thread = threading.Thread(target=Interpreter().run, args=(source,))
                thread.daemon = True
                thread.start()
            sys.exit(7)
        """)

    def test_exit_half_way_through_start_up(self):
        self.ends_promptly("""
            for _ in range(3):
                thread = threading.Thread(target=Interpreter)
                thread.daemon = True
                thread.start()
            import time; time.sleep(float(os.getpid() % 10) / 400)
            sys.exit(7)
        """)

    def test_exit_with_threads_left_inside(self):
        self.ends_promptly("""
            i = Interpreter()
            i.run("import threading\\ndef f():\\n    while True: pass\\nthreading.Thread(target=f).start()")
            sys.exit(7)
        """)

    def test_start_that_fails_inside_python(self):
        """A standard library without its codecs makes Python end its process: it is this call that ends."""
        status, output, errors = run("""
            import tempfile
            home = tempfile.mkdtemp()
            folder = os.path.join(home, "lib", "python%d.%d" % sys.version_info[:2])
            os.makedirs(folder)
            open(os.path.join(folder, "os.py"), "w").close()
            try: Interpreter(home=home, executable="", path=[folder])
            except Failed as failed: print(failed.status)
            print(Interpreter().eval("1 + 1"))
        """)
        self.assertEqual((status, output), (0, "%d\n2\n" % UNSUPPORTED), errors)

    def test_under_jemalloc(self):
        path = next(iter(sorted(__import__("glob").glob("/usr/lib/*/libjemalloc.so.2"))), None)
        if path is None:
            self.skipTest("SKIP: there is no libjemalloc.so.2 (apt install libjemalloc2)")
        status, output, errors = run("""
            all_of_them = [Interpreter() for _ in range(4)]
            together([lambda i=i: i.run("import json, ctypes; json.dumps([bytes(1000).hex() for _ in range(1000)])")
                      for i in all_of_them])
            print(all_of_them[0].eval("1 + 1"))
        """, environment={"LD_PRELOAD": path})
        self.assertEqual((status, output), (0, "2\n"), errors)


if __name__ == "__main__":
    unittest.main()
