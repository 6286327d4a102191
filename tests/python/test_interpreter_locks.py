# coding: utf-8
"""Locks of files: interpreters exclude one another, the host, and other processes."""

from __future__ import unicode_literals

import os
import subprocess
import sys
import textwrap
import threading
import time
import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, Failed, run, signatures, together

# With `path` set. Whether the file can be locked: a second time in one interpreter, and once by others.
LOCK = """
import fcntl
def try_lock(file, kind=fcntl.LOCK_EX, start=0, length=0):
    try:
        fcntl.lockf(file, kind | fcntl.LOCK_NB * (kind != fcntl.LOCK_UN), length, start)
    except OSError:
        return False
    return True
"""

HEAD = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
/* What uses Python is private. */
extern int Py_IsInitialized(void);
int uses_python(void) { return Py_IsInitialized(); }
"""

LOCKS_IN_C = HEAD + """
#include <stdio.h>
/* SQLite, for one, calls through pointers. */
static int (*const control)(int, int, ...) = fcntl;
int lock(int descriptor, int command, int kind) {
  struct flock lock = {0};
  lock.l_type = kind;
  return control(descriptor, command, &lock) == 0 ? lock.l_type : -1;
}
/* Writes under a lock: it goes on when it can read a byte, whatever wakes it. */
int write_under_lock(int descriptor, int begun, int go_on) {
  char byte = 0;
  if (lock(descriptor, F_SETLK, F_WRLCK) < 0 || write(begun, &byte, 1) != 1) return -1;
  while (read(go_on, &byte, 1) != 1);
  return 0;
}
int close_stream(const char *path) { return fclose(fopen(path, "r")); }
"""

SHARED_BETWEEN_PROCESSES = HEAD + """
int robust(pthread_mutexattr_t *attributes) { return pthread_mutexattr_setrobust(attributes, PTHREAD_MUTEX_ROBUST); }
int process(void) { return getpid(); }
"""

OTHER = HEAD + "int process(void) { return getpid(); }"


def status_of(function, *arguments):
    try:
        function(*arguments)
    except Failed as error:
        return error.status


@unittest.skipUnless(HAS_ONE, REASON)
class LockCase(CompiledCase):
    def setUp(self):
        super(LockCase, self).setUp()
        self.file = self.path("file")
        with open(self.file, "wb") as file:
            file.write(b"0" * 100)

    def new(self, **options):
        interpreter = super(LockCase, self).new(fresh=1, **options)
        interpreter.run("import os, sys\npath = %r\n" % str(self.file) + LOCK)
        return interpreter

    def in_a_process(self, expression):
        program = "path = %r\n" % str(self.file) + LOCK + "\nprint(%s)" % expression
        return subprocess.check_output([sys.executable, "-c", program]).decode().strip()


class RecordLocks(LockCase):
    def test_all_are_excluded_but_the_interpreter_itself(self):
        first, second = self.new(), self.new()
        first.run("one, two = open(path, 'r+'), open(path, 'r+')")
        second.run("one = open(path, 'r+')")
        namespace = {"path": self.path}
        exec(LOCK, namespace)
        self.assertEqual(first.eval("try_lock(one), try_lock(two)"), "(True, True)")
        self.assertEqual(second.eval("try_lock(one)"), "False")
        self.assertEqual(self.in_a_process("try_lock(open(path, 'r+'))"), "False")
        with open(self.file, "r+") as file:
            self.assertFalse(namespace["try_lock"](file))
        # What others do with the file releases nothing, nor does a child.
        second.run("open(path).close()")
        first.run("import subprocess; subprocess.check_call(['true'], close_fds=True, preexec_fn=two.close)")
        first.run("os.system('true'); os.popen('true').close()")
        self.assertEqual(self.in_a_process("try_lock(open(path, 'r+'))"), "False")
        # As in a process, a close of any descriptor does.
        first.run("one.close()")
        self.assertEqual(second.eval("try_lock(one)"), "True")
        self.assertEqual(first.eval("try_lock(two)"), "False")

    def test_ways_to_close(self):
        first, second = self.new(), self.new()
        second.run("file = open(path, 'r+')")
        first.run("file, other = open(path, 'r+'), open('/dev/null')")
        for close in (
            "os.close(os.open(path, os.O_RDONLY))",
            "os.dup2(other.fileno(), os.open(path, os.O_RDONLY))",
            "os.dup2(other.fileno(), os.open(path, os.O_RDONLY), inheritable=False)",
            "(lambda number: os.closerange(number, number + 1))(os.open(path, os.O_RDONLY))",
            "file.close()",
        ):
            self.assertEqual(first.eval("try_lock(file)"), "True")
            self.assertEqual(second.eval("try_lock(file)"), "False")
            first.run(close)
            self.assertEqual(second.eval("try_lock(file), try_lock(file, fcntl.LOCK_UN)"), "(True, True)", close)

    def test_the_hosts_locks_stay(self):
        interpreter = self.new()
        namespace = {}
        exec(LOCK, namespace)
        with open(self.file, "r+") as file:
            self.assertTrue(namespace["try_lock"](file, start=10, length=5))
            self.assertEqual(interpreter.eval("try_lock(open(path, 'r+'))"), "False")
            self.assertEqual(interpreter.eval("len(open(path).read())"), "100")
            # However often: without an end to the descriptors.
            source = "for _ in range(20000):\n  with open(path, 'r+') as file: assert len(file.read(10)) == 10"
            interpreter.run(source)
            self.assertEqual(self.in_a_process("try_lock(open(path, 'r+'))"), "False")
        self.assertEqual(self.in_a_process("try_lock(open(path, 'r+'))"), "True")

    def test_who_waits_for_a_lock_gets_it(self):
        interpreters = [self.new() for _ in range(3)]
        count = """
            for _ in range(100):
                with open(path, 'r+') as file:
                    fcntl.lockf(file, fcntl.LOCK_EX)
                    number = int(file.read())
                    file.seek(0)
                    file.write('%0100d' % (number + 1))
                    file.flush()
        """
        together([lambda it=it: it.run(textwrap.dedent(count)) for it in interpreters])
        with open(self.file) as file:
            self.assertEqual(int(file.read()), 300)

    def test_a_lock_outlives_what_other_code_of_its_interpreter_closes(self):
        first, second = self.new(), self.new()
        # It closes what it has not opened.
        first.run("file = open(path, 'r+')\nbefore = set(os.listdir('/proc/self/fd'))\ntry_lock(file)")
        first.run("for name in set(os.listdir('/proc/self/fd')) - before:\n  try: os.close(int(name))\n  except OSError: pass")
        second.run("file = open(path, 'r+')")
        self.assertEqual(second.eval("try_lock(file)"), "False")

    def test_a_dead_interpreter_holds_none(self):
        first, second = self.new(), self.new()
        first.run("import ctypes; file = open(path, 'r+'); try_lock(file)")
        second.run("file = open(path, 'r+')")
        self.assertEqual(second.eval("try_lock(file)"), "False")
        self.assert_fails(signatures.UNGIL_E_DIED, "abort", first.run, "ctypes.CDLL(None).abort()")
        self.assertEqual(second.eval("try_lock(file)"), "True")

    def test_the_modules_of_a_database(self):
        path = self.path("database")
        count = """
            import sqlite3
            for _ in range(30):
                connection = sqlite3.connect(%r, timeout=100, isolation_level=None)
                connection.execute('begin immediate')
                number, = connection.execute('select n from t').fetchone()
                connection.execute('update t set n = ?', (number + 1,))
                connection.execute('commit')
                connection.close()
        """
        import sqlite3

        connection = sqlite3.connect(path)
        connection.executescript("create table t(n); insert into t values (0)")
        source = textwrap.dedent(count % str(path))

        def count_here():  # no lambda: exec is a statement in Python 2, which reads this file too
            exec(source, {})

        together([lambda it=self.new(): it.run(source) for _ in range(2)] + [count_here])
        self.assertEqual(connection.execute("select n from t").fetchone(), (90,))
        connection.close()


class LocksOfLibraries(LockCase):
    def test_private_libraries_and_ctypes(self):
        path = self.compiled("locks.so", LOCKS_IN_C)
        first, second = self.new(), self.new()
        for interpreter in (first, second):
            interpreter.run("import ctypes; library, c = ctypes.CDLL(%r), ctypes.CDLL(None)" % str(path))
            interpreter.run("file, flock = open(path, 'r+'), (ctypes.c_short * 16)(fcntl.F_WRLCK)")
        lock = "library.lock(file.fileno(), fcntl.%s, fcntl.%s)"
        set_lock, get_lock = lock % ("F_SETLK", "F_WRLCK"), lock % ("F_GETLK", "F_RDLCK")
        self.assertEqual(first.eval("%s == fcntl.F_WRLCK" % set_lock), "True")
        self.assertEqual(second.eval("%s, %s == fcntl.F_WRLCK" % (set_lock, get_lock)), "(-1, True)")
        self.assertEqual(second.eval("c.fcntl(file.fileno(), fcntl.F_SETLK, flock)"), "-1")
        first.run("assert library.close_stream(path.encode()) == 0")
        self.assertEqual(second.eval("c.fcntl(file.fileno(), fcntl.F_SETLK, flock)"), "0")
        self.assertEqual(first.eval(set_lock), "-1")
        self.assertEqual(second.eval("c.close(os.dup(file.fileno()))"), "0")
        self.assertEqual(first.eval("%s == fcntl.F_WRLCK" % set_lock), "True")
        self.assertEqual(first.eval("c.fcntl(file.fileno(), fcntl.F_SETLK, 1), c.lockf(-1, 2, 0)"), "(-1, -1)")

    def test_the_locks_of_a_dead_interpreter_stay_while_a_thread_writes_in_c(self):
        path = self.compiled("locks.so", LOCKS_IN_C)
        other = self.new()
        other.run("file = open(path, 'r+')")
        write = "library.write_under_lock(file.fileno(), begun, go_on)"
        for source in (write, "threading.Thread(target=lambda: %s).start()" % write):
            interpreter = self.new()
            (begun, begins), (go_on, goes_on) = os.pipe(), os.pipe()
            interpreter.run("import ctypes, threading; library = ctypes.CDLL(%r)" % str(path))
            interpreter.run("file, begun, go_on = open(path, 'r+'), %d, %d" % (begins, go_on))
            ends = []
            thread = threading.Thread(target=lambda: ends.append(status_of(interpreter.run, source)))
            thread.start()
            self.assertEqual(len(os.read(begun, 1)), 1)
            self.assert_fails(signatures.UNGIL_E_DIED, "abort", interpreter.run, "ctypes.CDLL(None).abort()")
            self.assertEqual(other.eval("try_lock(file)"), "False", source)
            os.write(goes_on, b"1")
            thread.join()
            if source == write:
                self.assertEqual(ends, [signatures.UNGIL_E_DIED])
                self.assertEqual(other.eval("try_lock(file)"), "True")
            self.assert_can_lock(other)
            for descriptor in (begun, begins, go_on, goes_on):
                os.close(descriptor)

    def test_a_thread_of_a_dead_interpreter_that_sleeps_holds_no_lock(self):
        interpreter, other = self.new(), self.new()
        other.run("file = open(path, 'r+')")
        interpreter.run("import ctypes, threading; file = open(path, 'r+'); has_locked = threading.Event()")
        interpreter.run("def sleep():\n  try_lock(file); has_locked.set(); threading.Event().wait()")
        interpreter.run("threading.Thread(target=sleep, daemon=True).start(); has_locked.wait()")
        self.assert_fails(signatures.UNGIL_E_DIED, "abort", interpreter.run, "ctypes.CDLL(None).abort()")
        self.assert_can_lock(other)

    def assert_can_lock(self, interpreter):
        """Soon: nobody waits for a thread that is in no request."""
        end = time.time() + 100
        while interpreter.eval("try_lock(file)") != "True":
            self.assertLess(time.time(), end)
        interpreter.run("try_lock(file, fcntl.LOCK_UN)")

    def test_the_process_id_of_who_shares_memory_between_processes(self):
        shared, other = self.compiled("shared.so", SHARED_BETWEEN_PROCESSES), self.compiled("other.so", OTHER)
        numbers = set([os.getpid()])
        for interpreter in (self.new(), self.new()):
            interpreter.run("import ctypes; shared, other = ctypes.CDLL(%r), ctypes.CDLL(%r)" % (str(shared), str(other)))
            self.assertEqual(interpreter.eval("other.process() == os.getpid()"), "True")
            interpreter.run("os.kill(shared.process(), 0)")
            numbers.add(int(interpreter.eval("shared.process()")))
        self.assertEqual(len(numbers), 3)
        self.assertIn(os.getpid(), numbers)


class LocksAndProcesses(LockCase):
    def test_a_fork_that_closes_all_files_has_interpreters_that_close_theirs(self):
        program = """
            import os
            parent = Interpreter(fresh=1)
            lock = "import fcntl; files = [open({0!r}, 'r+') for _ in range(2)]; fcntl.lockf(files[0], fcntl.LOCK_EX)"
            parent.run(lock)
            child = os.fork()
            if child == 0:
                os.closerange(3, 256)
                close = "import os\\nfor number in [os.open('/', 0) for _ in range(20)]: os.close(number)"
                status = 1
                try:
                    Interpreter(fresh=1).run(close)
                    status = 7
                finally:
                    os._exit(status)
            print(os.WEXITSTATUS(os.waitpid(child, 0)[1]))
        """
        status, output, errors = run(program.format(str(self.file)))
        self.assertEqual((status, output), (0, "7\n"), errors)

    def test_the_exit_does_not_wait_for_a_lock(self):
        program = """
            import fcntl, threading, time
            file = open({0!r}, "r+")
            fcntl.lockf(file, fcntl.LOCK_EX)
            interpreter = Interpreter()
            interpreter.run("import fcntl; file = open({0!r}, 'r+')")
            thread = threading.Thread(target=lambda: interpreter.run("fcntl.lockf(file, fcntl.LOCK_EX)"))
            thread.daemon = True
            thread.start()
            time.sleep(0.2)
        """
        status, output, errors = run(program.format(str(self.file)))
        self.assertEqual((status, output), (0, ""), errors)


if __name__ == "__main__":
    unittest.main()
