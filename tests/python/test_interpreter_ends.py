# coding: utf-8
"""What libraries and Python have called when the process exits: by an interpreter for its own, while that is possible."""

from __future__ import unicode_literals

import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, run

HEAD = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
extern int Py_IsInitialized(void), Py_AtExit(void (*)(void)), PyGILState_Ensure(void), PyRun_SimpleString(const char *);
extern void PyGILState_Release(int);
static void note(const char *text) { if (write(1, text, strlen(text)) < 0) abort(); }
static void call_python(void) {
  int state = PyGILState_Ensure();
  PyRun_SimpleString("import os, binascii; os.write(1, b'Python is called\\n')");
  PyGILState_Release(state);
}
static void late(void) { note("registered by an exit function\n"); }
static void by_atexit(void) {
  note(Py_IsInitialized() ? "Python is not over\n" : "Python is over\n");
  call_python();
  atexit(late);
}
static void by_on_exit(int status, void *argument) {
  note(status == 3 ? (const char *)argument : "another status\n");
}
static void by_python(void) { note("Py_AtExit\n"); }
"""

ROOT = HEAD + r"""
extern int leaf(void);
int begin(void) { return atexit(by_atexit) + on_exit(by_on_exit, "on_exit\n") + Py_AtExit(by_python) + leaf(); }
__attribute__((destructor(101))) static void end(void) { note("the root's destructor, which is called last\n"); }
__attribute__((destructor)) static void first(void) { note("the root's destructor\n"); }
"""

LEAF = HEAD + r"""
int leaf(void) { return 0; }
__attribute__((destructor)) static void end(void) { note("the leaf's destructor\n"); }
"""

WAITS = HEAD + r"""
static void end(void) { note("an exit function of a library that is in use\n"); call_python(); }
int wait(void) { atexit(end); note("waits\n"); for (;;) pause(); }
"""

DESTRUCTORS = """the root's destructor
the root's destructor, which is called last
the leaf's destructor
"""

OF_LIBRARIES = """Py_AtExit
on_exit
Python is over
Python is called
registered by an exit function
""" + DESTRUCTORS

BEGIN = """
import os, sys, threading
interpreter = Interpreter(fresh=1)
interpreter.run("import atexit, ctypes; library = ctypes.CDLL(%r)")
"""

EXIT_FUNCTION = """
interpreter.run('''
def end():
    import ctypes, os
    initialized = ctypes.pythonapi.Py_IsInitialized()
    os.write(1, b"Python's exit function, and Python is %d\\\\n" % initialized)
atexit.register(end)
''')
"""

LEFT_OPEN = """
interpreter.run('''
import sys, gzip
sys.plain, sys.zipped = open(%r, "w"), gzip.open(%r, "wt")
sys.plain.write("plain"), sys.zipped.write("zipped")
''')
"""


@unittest.skipUnless(HAS_ONE, REASON)
class Ends(CompiledCase):
    maxDiff = None

    def root(self):
        leaf = self.compiled("libleaf.so", LEAF, "-Wl,-soname,libleaf.so")
        return str(self.compiled("root.so", ROOT, "-Wl,--no-as-needed", leaf, "-Wl,-rpath,$ORIGIN"))

    def assert_prints(self, script, expected):
        status, output, errors = run(script)
        self.assertEqual((status, output), (3, expected), errors)

    def test_exit_functions_of_python_come_before_those_of_libraries_which_may_call_python(self):
        begin = BEGIN % self.root() + "interpreter.run('library.begin()')\n"
        of_python = "Python's exit function, and Python is 1\n"
        self.assert_prints(begin + EXIT_FUNCTION + "sys.exit(3)", of_python + OF_LIBRARIES)
        self.assert_prints(begin + "interpreter.free(); sys.exit(3)", OF_LIBRARIES)

    def test_those_of_each_interpreter_are_called(self):
        begin = BEGIN % self.root() + "interpreter.run('library.begin()')\n"
        status, output, errors = run(begin + begin + "sys.exit(3)")
        self.assertEqual(sorted(output.splitlines()), sorted(2 * OF_LIBRARIES.splitlines()), errors)
        self.assertEqual(status, 3)

    def test_files_that_were_left_open_are_written(self):
        plain, zipped = str(self.path("plain")), str(self.path("zipped.gz"))
        self.assert_prints(BEGIN % self.root() + LEFT_OPEN % (plain, zipped) + "sys.exit(3)", DESTRUCTORS)
        import gzip

        with open(plain) as file, gzip.open(zipped) as other:
            self.assertEqual((file.read(), other.read()), ("plain", b"zipped"))

    def test_exit_functions_may_wait_for_threads_of_their_interpreter(self):
        functions = """
interpreter.run('''
import os, threading, time
def compute():
    end = time.time() + 0.2
    while time.time() < end: pass
def wait():
    threads = [threading.Thread(target=compute) for _ in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    os.write(1, b"waited\\\\n")
def last():
    time.sleep(0.3)
    os.write(1, b"the last thread\\\\n")
atexit.register(wait)
threading.Thread(target=last, daemon=False).start()
''')
"""
        script = BEGIN % self.root() + functions + "sys.exit(3)"
        self.assert_prints(script, "the last thread\nwaited\n" + DESTRUCTORS)

    def test_those_of_an_interpreter_with_a_request_are_not_called(self):
        path = str(self.compiled("waits.so", WAITS))
        script = BEGIN % path + """
begun, begin = os.pipe()
def work():
    try:
        interpreter.run("import os; os.write(%d, b'x'); library.wait()" % begin)
    except Failed:
        pass
thread = threading.Thread(target=work)
thread.daemon = True
thread.start()
os.read(begun, 1)
sys.exit(3)
"""
        status, output, errors = run(script)
        self.assertIn((status, output), ((3, ""), (3, "waits\n")), errors)

    def test_the_child_of_a_fork_does_not_call_those_of_its_parent(self):
        script = BEGIN % self.root() + """
interpreter.run("library.begin()")
child = os.fork()
if not child:
    ctypes.CDLL(None).exit(5)
assert os.waitpid(child, 0)[1] >> 8 == 5
sys.exit(3)
"""
        self.assert_prints(script, OF_LIBRARIES)


if __name__ == "__main__":
    unittest.main()
