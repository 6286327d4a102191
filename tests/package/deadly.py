"""Programs whose interpreters die, with a library in C that ends them."""

import os
import shutil
import subprocess
import tempfile
import unittest

from support import installed_packages, run_script

# A library that the interpreter has a copy of: it is in a directory for packages.
SOURCE = r"""
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*Callback)(int);

void by_abort(void) { abort(); }
void by_exit(void) { exit(3); }
void by_exit_at_once(void) { _exit(4); }
void by_quick_exit(void) { quick_exit(5); }
void by_assertion(int number) { assert(number > 1); }
int call(Callback callback) { return callback(1); }

static void *abort_on_thread(void *argument) { abort(); }

void start_thread_that_aborts(void) {
    pthread_t thread;
    pthread_create(&thread, 0, abort_on_thread, 0);
    pthread_detach(thread);
}

/* What the thread calls when it ends. */
extern int PyGILState_Ensure(void) __attribute__((weak));
extern void PyGILState_Release(int) __attribute__((weak));
extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);

static void call_python(void *value) {
    PyGILState_Release(PyGILState_Ensure());
    write(1, value, 1);
}

void call_python_at_thread_end(void) {
    pthread_key_t key;
    pthread_key_create(&key, call_python);
    pthread_setspecific(key, "1");
    __cxa_thread_atexit_impl(call_python, "2", (void *)call_python);
}

/* On a thread whose stack is the program's own memory, which it uses for something else later. */
int call_on_own_stack(void *(*function)(void *)) {
    enum { SIZE = 8 << 20 };
    void *stack;
    pthread_t thread;
    pthread_attr_t attributes;
    if (posix_memalign(&stack, 4096, SIZE) != 0 || pthread_attr_init(&attributes) != 0) return 1;
    if (pthread_attr_setstack(&attributes, stack, SIZE) != 0) return 2;
    if (pthread_create(&thread, &attributes, function, 0) != 0 || pthread_join(thread, 0) != 0) return 3;
    memset(stack, 1, SIZE);
    return 0;
}

static void note_fault(int number) { write(2, "a fault\n", 8); }

/* By a handler that the system calls once: then a fault ends the process. */
void note_one_fault(void) {
    struct sigaction action = {.sa_handler = note_fault, .sa_flags = SA_RESETHAND};
    sigaction(SIGSEGV, &action, 0);
}
"""

BEGIN = """
import ctypes, os, sys, threading, time, traceback
import ungil

LIBRARY = sys.argv[1]

def c(name, loader=ctypes.CDLL):
    return getattr(loader(LIBRARY), name)

def why(call, *args):
    "What call raises: an InterpreterDiedError."
    try:
        result = call(*args)
    except ungil.InterpreterDiedError as error:
        return str(error).partition("the interpreter died: ")[2]
    return "no error but %r" % (result,)

def square(n):
    return n * n
"""


def build_library(directory):
    if not shutil.which("cc"):
        raise unittest.SkipTest("SKIP: no C compiler")
    target = os.path.join(installed_packages(directory), "deadly.so")
    command = ["cc", "-shared", "-fPIC", "-pthread", "-w", "-x", "c", "-", "-o", target]
    subprocess.run(command, input=SOURCE, text=True, check=True)
    return target


class DeadlyPrograms(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory()
        cls.addClassCleanup(directory.cleanup)
        cls.library = build_library(directory.name)

    def run_program(self, script, status=0):
        """What it prints. Its stderr must have no more than Python's own text about fatal errors."""
        found, output, errors = run_script(BEGIN + script, self.library)
        self.assertEqual(found, status, output + errors)
        self.errors = errors
        return output

    def assert_prints(self, script, expected):
        self.assertEqual(self.run_program(script), expected, self.errors)
