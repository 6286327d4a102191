# coding: utf-8
"""Environment variables: each interpreter has its own."""

from __future__ import unicode_literals

import os
import subprocess
import time
import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, PYTHON, REASON, Case

READS = """
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* What uses Python is private. */
extern int Py_IsInitialized(void);
int uses_python(void) { return Py_IsInitialized(); }
static const char *of(char **array, const char *name) {
  for (; *array; array++)
    if (strncmp(*array, name, strlen(name)) == 0) return *array + strlen(name) + 1;
  return "none";
}
const char *by_function(const char *name) { return getenv(name) ? getenv(name) : "none"; }
const char *secure(const char *name) { return secure_getenv(name) ? secure_getenv(name) : "none"; }
const char *by_variable(const char *name) { return of(environ, name); }
int change(char *text) { return setenv("UNGIL_C", text, 1) || putenv("UNGIL_D=put") || unsetenv("UNGIL_A"); }
int run(const char *command) { return system(command); }
int clear(void) { return clearenv() || environ[0] != NULL; }
"""

SHELL = "subprocess.check_output('echo $UNGIL_A', shell=True)"


@unittest.skipUnless(HAS_ONE, REASON)
class Environment(Case):
    def test_a_variable_reaches_neither_the_process_nor_other_interpreters(self):
        first, second = self.new(), self.new()
        first.run("import os, subprocess; os.environ['UNGIL_A'] = 'first'; os.putenv('UNGIL_B', 'put')")
        self.assertEqual(second.eval("__import__('os').environ.get('UNGIL_A')"), "None")
        self.assertNotIn("UNGIL_A", os.environ)
        self.assertEqual(eval(SHELL), b"\n")
        self.assertEqual(first.eval(SHELL), str(b"first\n"))
        self.assertEqual(first.eval("subprocess.check_output('echo $UNGIL_B', shell=True)"), str(b"put\n"))

    def test_programs_that_an_interpreter_starts_see_its_variables(self):
        interpreter = self.new()
        interpreter.run("import os, subprocess; os.environ['UNGIL_A'] = '7'")
        self.assertEqual(interpreter.eval("os.system('exit $UNGIL_A') >> 8"), "7")
        self.assertEqual(interpreter.eval("os.popen('echo $UNGIL_A').read()"), "7\n")
        self.assertEqual(interpreter.eval("subprocess.call(['sh', '-c', 'exit $UNGIL_A'], preexec_fn=os.getpid)"), "7")
        source = "os.waitpid(os.posix_spawnp('sh', ['sh', '-c', 'exit $UNGIL_A'], os.environ), 0)[1] >> 8"
        self.assertEqual(interpreter.eval(source), "7")
        # A child may change its own.
        source = "subprocess.call(['sh', '-c', 'exit $UNGIL_A'], preexec_fn=lambda: os.putenv('UNGIL_A', '8'))"
        self.assertEqual(interpreter.eval(source), "8")
        self.assertEqual(interpreter.eval("os.system('exit $UNGIL_A') >> 8"), "7")
        self.assertEqual(interpreter.eval("os.system('kill -9 $$')"), "9")

    def test_a_reused_interpreter_has_the_processs(self):
        first = self.new()
        first.run("import os; os.environ['UNGIL_A'] = 'old'")
        first.free()
        os.environ["UNGIL_LATER"] = "1"
        self.addCleanup(os.environ.pop, "UNGIL_LATER")
        second = self.new()
        second.run("import os")
        self.assertEqual(second.eval("os.environ.get('UNGIL_A'), os.environ['UNGIL_LATER']"), "(None, '1')")
        self.assertEqual(second.eval("os.system('exit $UNGIL_LATER$UNGIL_A') >> 8"), "1")

    def test_the_time_zone_is_the_processs(self):
        before = time.localtime(0).tm_hour
        interpreter = self.new()
        interpreter.run("import os, time, warnings; warnings.simplefilter('error'); time.tzset()")
        source = "os.environ['TZ'] = 'XYZ-5:30'; time.tzset()"
        self.assert_fails(PYTHON, "use zoneinfo", interpreter.run, source)
        self.assertEqual(interpreter.eval("time.localtime(0).tm_hour"), str(before))
        time.tzset()
        self.assertEqual(time.localtime(0).tm_hour, before)


@unittest.skipUnless(HAS_ONE, REASON)
class EnvironmentOfLibraries(CompiledCase):
    def test_libraries_see_and_change_their_interpreters(self):
        path = self.compiled("reads.so", READS)
        first, second = self.new(), self.new()
        for interpreter, value in ((first, "1"), (second, "2")):
            interpreter.run("import ctypes, os, subprocess; library = ctypes.CDLL(%r)" % str(path))
            interpreter.run("for name in ('by_function', 'secure', 'by_variable'): getattr(library, name).restype = ctypes.c_char_p")
            interpreter.run("os.environ['UNGIL_A'] = %r; library.change(b'c%s')" % (str(value), value))
            interpreter.run("os.environ['UNGIL_E'] = %r" % str(value))
        ask = "[library.%s(name).decode() for name in (b'UNGIL_A', b'UNGIL_C', b'UNGIL_D', b'UNGIL_E')]"
        for function in ("by_function", "secure", "by_variable"):
            self.assertEqual(first.eval(ask % function), "['none', 'c1', 'put', '1']", function)
            self.assertEqual(second.eval(ask % function), "['none', 'c2', 'put', '2']", function)
        self.assertEqual(second.eval("library.run(b'exit $UNGIL_E') >> 8"), "2")
        self.assertEqual(second.eval("subprocess.call('exit $UNGIL_E', shell=True)"), "2")
        self.assertEqual(second.eval("library.run(None), library.clear()"), "(1, 0)")
        self.assertEqual(first.eval("library.by_variable(b'UNGIL_E')"), str(b"1"))
        self.assertIn("PATH", os.environ)
        self.assertEqual(subprocess.check_output("echo $UNGIL_E", shell=True), b"\n")

    def test_ctypes_finds_them(self):
        interpreter = self.new()
        interpreter.run("import ctypes, os; os.environ['UNGIL_A'] = 'inside'; c = ctypes.CDLL(None)")
        interpreter.run("c.getenv.restype = ctypes.c_char_p; array = ctypes.POINTER(ctypes.c_char_p).in_dll(c, 'environ')")
        self.assertEqual(interpreter.eval("c.getenv(b'UNGIL_A').decode()"), "inside")
        interpreter.run("import itertools; texts = itertools.takewhile(bool, (array[i] for i in itertools.count()))")
        self.assertEqual(interpreter.eval("b'UNGIL_A=inside' in list(texts)"), "True")


if __name__ == "__main__":
    unittest.main()
