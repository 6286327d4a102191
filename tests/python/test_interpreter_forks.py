# coding: utf-8
"""Handlers of fork that private libraries register: they belong to their interpreter."""

from __future__ import unicode_literals

import ctypes
import os
import subprocess
import unittest
import warnings

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, run, together

LIBRARY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
int prepared, in_parent, in_child;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static void prepare(void) { pthread_mutex_lock(&mutex); ++prepared; }
static void parent(void) { pthread_mutex_unlock(&mutex); ++in_parent; }
static void child(void) { pthread_mutex_unlock(&mutex); ++in_child; }
__attribute__((constructor)) static void begin(void) { pthread_atfork(prepare, parent, child); }
int called(void) { return 100 * prepared + 10 * in_parent + in_child; }
static int in_child_of(pid_t (*function)(void)) {
  int status = -1;
  pid_t process = function();
  if (process == 0) _exit(called());
  return waitpid(process, &status, 0) == process && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
int in_child_of_fork(void) { return in_child_of(fork); }
int in_child_of_found_fork(void) { return in_child_of((pid_t (*)(void))dlsym(RTLD_DEFAULT, "fork")); }
void lock(void) { pthread_mutex_lock(&mutex); }
void unlock(void) { pthread_mutex_unlock(&mutex); }
"""

# Its initialiser says when it begins and when it ends.
SLOW = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void begin(void) {
  int fifo = open(FIFO, O_WRONLY);
  if (write(fifo, "b", 1) != 1) _exit(9);
  usleep(300000);
  if (write(fifo, "e", 1) != 1) _exit(9);
}
"""

LOAD = """
import ctypes, os, subprocess
library = ctypes.CDLL(%r)
def in_child_of_subprocess():
    return subprocess.call(["true"], preexec_fn=lambda: os._exit(library.called()))
"""


@unittest.skipUnless(HAS_ONE, REASON)
class Forks(CompiledCase):
    def setUp(self):
        super(Forks, self).setUp()
        load = LOAD % str(self.compiled("handlers.so", LIBRARY))
        self.interpreters = [self.new() for _ in range(2)]
        for interpreter in self.interpreters:
            interpreter.run(load)

    def called(self):
        return [interpreter.eval("library.called()") for interpreter in self.interpreters]

    def test_a_fork_calls_the_handlers_of_its_interpreter(self):
        first, second = self.interpreters
        self.assertEqual(first.eval("in_child_of_subprocess()"), "101")
        self.assertEqual(self.called(), ["110", "0"])
        self.assertEqual(second.eval("library.in_child_of_fork()"), "101")
        self.assertEqual(second.eval("library.in_child_of_found_fork()"), "211")
        self.assertEqual(self.called(), ["110", "220"])

    def test_a_fork_of_the_host_calls_none(self):
        of_children = "ctypes.addressof(ctypes.c_int.in_dll(library, 'in_child'))"
        addresses = [int(interpreter.eval(of_children)) for interpreter in self.interpreters]
        numbers = [ctypes.c_int.from_address(address) for address in addresses]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # there are threads
            status = subprocess.call(["true"], preexec_fn=lambda: os._exit(sum(number.value for number in numbers)))
        self.assertEqual(status, 0)
        self.assertEqual(self.called(), ["0", "0"])

    def test_a_fork_waits_for_no_lock_of_another_interpreter(self):
        first, second = self.interpreters
        first.run("library.lock()")
        together([lambda: self.assertEqual(second.eval("in_child_of_subprocess()"), "101")])
        first.run("library.unlock()")
        self.assertEqual(first.eval("in_child_of_subprocess()"), "101")

    def test_a_fork_waits_until_a_library_is_loaded(self):
        fifo = self.path("fifo")
        os.mkfifo(fifo)
        library = self.compiled("libslow.so", SLOW, FIFO=str(fifo))
        status, output, errors = run(
            """
            import select
            interpreter = Interpreter(shared="libslow.so")
            fifo = os.open(%r, os.O_RDWR)
            load = threading.Thread(target=interpreter.run, args=("import ctypes; ctypes.CDLL(%r)",))
            load.start()
            assert os.read(fifo, 1) == b"b"
            child = os.fork()
            if child == 0:
                has_ended = bool(select.select([fifo], [], [], 0)[0])
                Interpreter()  # it loads libraries itself
                os._exit(1 - has_ended)
            print(os.waitpid(child, 0)[1])
            load.join()
            """
            % (str(fifo), str(library))
        )
        self.assertEqual((status, output), (0, "0\n"), errors)


if __name__ == "__main__":
    unittest.main()
