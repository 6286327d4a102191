# coding: utf-8
"""Libraries in C that are private to an interpreter: what they ask the loader for."""

from __future__ import unicode_literals

import os
import subprocess
import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, run, shared_library
from shared_objects import SharedObject

HEAD = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>
/* What uses Python is private. */
extern int Py_IsInitialized(void);
int uses_python(void) { return Py_IsInitialized(); }
"""

DEPENDENCY = """
int dependency(void) { return 42; }
int both(void) { return 2; }
"""

LOOKS_UP = HEAD + """
extern int dependency(void);
int both(void) { return 1; }
typedef int (*Function)(void);
static int value(void *function) { return function ? ((Function)function)() : -1; }
int plain(void) { return dependency(); }
int by_default(void) { return value(dlsym(RTLD_DEFAULT, "dependency")); }
int by_next(void) { return value(dlsym(RTLD_NEXT, "dependency")); }
int by_null(void) { return value(dlsym(NULL, "dependency")); }
int by_program(void) { return value(dlsym(dlopen(NULL, RTLD_NOW), "dependency")); }
int by_handle(void) { return value(dlsym(dlopen(PATH, RTLD_NOW), "both")); }
int by_version(void) { return value(dlvsym(RTLD_DEFAULT, "dependency", "libdependency.so")); }
int by_next_version(void) { return value(dlvsym(RTLD_NEXT, "both", "libdependency.so")); }
int by_wrong_version(void) { return value(dlvsym(RTLD_DEFAULT, "dependency", "other")); }
int both_by_default(void) { return value(dlsym(RTLD_DEFAULT, "both")); }
int both_by_next(void) { return value(dlsym(RTLD_NEXT, "both")); }
int of_python(void) { return dlsym(RTLD_DEFAULT, "Py_IsInitialized") == (void *)Py_IsInitialized; }
int of_python_by_version(void) { return dlvsym(RTLD_DEFAULT, "Py_IsInitialized", "other") != NULL; }
int missing(void) { return dlsym(RTLD_NEXT, "no_such") == NULL && strstr(dlerror(), "no_such") != NULL; }
int missing_of_python(void) { return dlsym(NULL, "Py_NoSuch") == NULL && strstr(dlerror(), "Py_NoSuch") != NULL; }
"""

ENDS = HEAD + """
static pthread_key_t key;
int results[9];
static void end(void *argument) {
  Dl_info info;
  const char *text;
  (void)argument;
  results[0] = dlsym(RTLD_DEFAULT, "Py_IsInitialized") == (void *)Py_IsInitialized;
  results[1] = dlsym(RTLD_DEFAULT, "Py_NoSuch") == NULL;
  text = dlerror();
  results[2] = text != NULL && strlen(text) > 0 && dlerror() == NULL;
  results[3] = dlopen("/no/such/library.so", RTLD_NOW) == NULL;
  text = dlerror();
  results[4] = text != NULL && strstr(text, "/no/such") != NULL;
  results[5] = dlopen(DAMAGED, RTLD_NOW) == NULL && (text = dlerror()) != NULL && strlen(text) > 0;
  results[6] = dladdr((void *)end, &info) != 0 && strstr(info.dli_fname, "ends.so") != NULL;
  results[7] = dlopen(PATH, RTLD_NOW) != NULL && dlerror() == NULL;
  __atomic_store_n(&results[8], 1, __ATOMIC_SEQ_CST);
}
int begin(void) { return pthread_key_create(&key, end); }
int mark(void) { return pthread_setspecific(key, &key); }
"""

SLOW = HEAD + """
#include <fcntl.h>
void *itself, *another;
__attribute__((constructor)) static void begin(void) {
  int log = open(LOG, O_WRONLY | O_APPEND | O_CREAT, 0600);
  if (write(log, "x", 1) == 1) close(log);
  usleep(300000);
  itself = dlopen(SELF, RTLD_NOW);
  another = dlopen(OTHER, RTLD_NOW);
}
"""

# Its symbols have names like Python's.
NAMED_LIKE_PYTHON = HEAD + """
int PyOwn_Answer(void) { return 42; }
int _PyOwn_Number = 43;
"""

NEEDS_NAMES_LIKE_PYTHON = HEAD + """
extern int PyOwn_Answer(void), _PyOwn_Number, PyOwn_Missing(void) __attribute__((weak));
int answer(void) { return PyOwn_Answer() == 42 && _PyOwn_Number == 43 && PyOwn_Missing == NULL; }
"""

NEEDS_WHAT_THE_COPY_LACKS = HEAD + """
extern int PyOS_InterruptOccurred(void) __attribute__((weak));
int is_missing(void) { return PyOS_InterruptOccurred == NULL; }
"""

VERSIONED = HEAD + """
int old_answer(void) { return 1; }
int new_answer(void) { return 2; }
__asm__(".symver old_answer, answer@VERSION_1");
__asm__(".symver new_answer, answer@@VERSION_2");
"""

NEEDS_VERSION = HEAD + """
extern int answer(void), old(void);
__asm__(".symver old, answer@VERSION_1");
int answers(void) { return 10 * answer() + old(); }
"""

EXPORTS_NOTHING = """
#include <stdlib.h>
extern int Py_IsInitialized(void);
__attribute__((constructor)) static void begin(void) { setenv("UNGIL_BEGUN", Py_IsInitialized() ? "yes" : "no", 1); }
"""

# Neither library says that it needs the one that has the other's symbol.
SIBLINGS = [
    HEAD + "extern int second(void); int first(void) { return 10 * second(); }",
    HEAD + "extern int in_root(void); int second(void) { return in_root(); }",
]
ROOT = HEAD + "extern int first(void); int in_root(void) { return 4; } int both(void) { return first() + 2; }"

CIRCLE = [
    HEAD + "extern int second(void); int count(void) { static int n; return ++n; } int first(void) { count(); return second(); }",
    HEAD + "extern int count(void); int second(void) { return count(); }",
]

LOADS = HEAD + "void *load(const char *path) { return dlopen(path, RTLD_NOW); }\n"


@unittest.skipUnless(HAS_ONE, REASON)
class Libraries(CompiledCase):
    def test_symbols_are_looked_up_as_their_caller_would_in_the_process_itself(self):
        soname = "-Wl,-soname,libdependency.so,--default-symver"
        dependency = self.compiled("libdependency.so", DEPENDENCY, soname)
        link = ["-L" + self.directory, "-Wl,--no-as-needed", "-ldependency", "-Wl,-rpath,$ORIGIN"]
        path = self.compiled("looks_up.so", LOOKS_UP, *link, PATH=dependency)
        names = [line.split("(")[0][4:] for line in LOOKS_UP.splitlines() if line.startswith("int ")]
        source = "import ctypes\nlibrary = ctypes.CDLL(%r)\nfound = {name: library[name]() for name in %r}" % (
            str(path),
            [str(name) for name in names],
        )
        self.maxDiff, own = None, {}
        exec(source, own)
        interpreter = self.new()
        interpreter.run(source)
        self.assertEqual(interpreter.eval("sorted(found.items())"), str(sorted(own["found"].items())))
        self.assertEqual((own["found"]["by_default"], own["found"]["both_by_next"]), (42, 2))

    def needing(self, name, source, needed, *options):
        """A library that needs another one in its own directory."""
        return self.compiled(name, source, "-Wl,--no-as-needed", needed, "-Wl,-rpath,$ORIGIN", *options)

    def versioned(self):
        """A library that needs versions of symbols of another private one."""
        with open(self.path("versions"), "w") as file:
            file.write("VERSION_1 { };\nVERSION_2 { } VERSION_1;\n")
        script = "-Wl,--version-script," + self.path("versions")
        needed = self.compiled("libversioned.so", VERSIONED, "-Wl,-soname,libversioned.so", script)
        return self.needing("needs_version.so", NEEDS_VERSION, needed)

    def test_a_name_like_pythons_does_not_make_a_symbol_pythons(self):
        needed = self.compiled("libnamed.so", NAMED_LIKE_PYTHON, "-Wl,-soname,libnamed.so")
        path = self.needing("needs_names.so", NEEDS_NAMES_LIKE_PYTHON, needed)
        for interpreter in (self.new(), self.new()):
            interpreter.run("import ctypes; library = ctypes.CDLL(%r)" % str(path))
            self.assertEqual(interpreter.eval("library.answer(), library.uses_python()"), "(1, 1)")

    def test_what_only_the_hosts_python_exports_is_missing(self):
        path = self.compiled("needs_missing.so", NEEDS_WHAT_THE_COPY_LACKS)
        python = SharedObject(shared_library())
        python.rename("PyOS_InterruptOccurred")
        other = python.write(self.path(os.path.basename(shared_library())))
        for libpython, expected in ((other, "1"), (shared_library(), "0")):
            interpreter = self.new(libpython=libpython)
            interpreter.run("import ctypes; library = ctypes.CDLL(%r)" % str(path))
            self.assertEqual(interpreter.eval("library.is_missing()"), expected)

    def test_a_library_that_exports_nothing_is_bound_to_its_interpreter(self):
        path = self.compiled("exports_nothing.so", EXPORTS_NOTHING, "-Wl,--hash-style=gnu")
        interpreter = self.new()
        interpreter.run("import ctypes, subprocess; library = ctypes.CDLL(%r)" % str(path))
        begun = "subprocess.check_output('echo $UNGIL_BEGUN', shell=True)"
        self.assertEqual(interpreter.eval(begun), str(b"yes\n"))
        self.assertEqual(subprocess.check_output("echo $UNGIL_BEGUN", shell=True), b"\n")

    def test_private_libraries_may_need_versions_of_symbols_of_one_another(self):
        status, output, errors = run(
            """
            for _ in range(2):
                i = Interpreter()
                i.run("import ctypes; library = ctypes.CDLL(%r)")
                print(i.eval("library.answers(), library.uses_python()"))
            """
            % str(self.versioned())
        )
        self.assertEqual((status, output), (0, "(21, 1)\n(21, 1)\n"), errors)

    def test_libraries_that_are_loaded_together_are_bound_to_one_another(self):
        siblings = [
            self.compiled("lib%d.so" % i, source, "-Wl,-soname,lib%d.so" % i) for i, source in enumerate(SIBLINGS)
        ]
        path = self.needing("root.so", ROOT, siblings[0], siblings[1])
        for interpreter in (self.new(), self.new()):
            interpreter.run("import ctypes; library = ctypes.CDLL(%r)" % str(path))
            self.assertEqual(interpreter.eval("library.both()"), "42")
            # Each is the interpreter's own, and loaded once.
            interpreter.run("first = ctypes.CDLL(%r)" % str(siblings[0]))
            same = "[ctypes.cast(it.first, ctypes.c_void_p).value for it in (first, library)]"
            self.assertEqual(interpreter.eval("len(set(%s)), first.first()" % same), "(1, 40)")

    def test_libraries_may_need_one_another_in_a_circle(self):
        for needed in ([], [self.path("libsecond.so")]):
            first = self.compiled("libfirst.so", CIRCLE[0], "-Wl,-soname,libfirst.so", "-Wl,-rpath,$ORIGIN", *needed)
            second = self.needing("libsecond.so", CIRCLE[1], first, "-Wl,-soname,libsecond.so")
        for path, call, expected in ((first, "first", "2"), (second, "second", "1")):
            interpreter = self.new()
            interpreter.run("import ctypes; library = ctypes.CDLL(%r)" % str(path))
            self.assertEqual(interpreter.eval("library.%s()" % call), expected)

    def test_versions_that_are_nowhere_are_an_error(self):
        path = self.versioned()
        library = SharedObject(path)
        library.forget_needed(b"libversioned.so")
        library.write(path)
        status, output, errors = run(
            """
            i = Interpreter()
            i.run('''if 1:
                import ctypes
                try: ctypes.CDLL(%r)
                except OSError as error: text = str(error)
            ''')
            print(i.eval("text"))
            """
            % str(path)
        )
        self.assertEqual(status, 0, errors)
        self.assertIn("needs_version.so: it uses symbol versions of libversioned.so", output)

    def test_threads_that_end_may_ask_the_loader(self):
        with open(self.path("damaged.so"), "w") as file:
            file.write("damaged")
        other = self.compiled("other.so", HEAD)
        path = self.compiled("ends.so", ENDS, DAMAGED=self.path("damaged.so"), PATH=other)
        status, output, errors = run(
            """
            import time
            i = Interpreter()
            i.run("import ctypes; library = ctypes.CDLL(%r); assert library.begin() == 0")
            together([lambda: i.run("assert library.mark() == 0")])
            # The thread may live a little longer than Python's knowledge of it.
            end = time.time() + 30
            while i.eval("(ctypes.c_int * 9).in_dll(library, 'results')[8]") == "0" and time.time() < end:
                time.sleep(0.01)
            print(i.eval("list((ctypes.c_int * 9).in_dll(library, 'results'))"))
            """
            % str(path)
        )
        self.assertEqual((status, output), (0, "[1, 1, 1, 1, 1, 1, 1, 1, 1]\n"), errors)

    def test_a_library_that_two_threads_load_is_loaded_once(self):
        paths = dict(LOG=self.path("log"), SELF=self.path("slow.so"), OTHER=self.compiled("other.so", HEAD))
        slow, loads = self.compiled("slow.so", SLOW, **paths), self.compiled("loads.so", LOADS)
        status, output, errors = run(
            """
            i = Interpreter()
            i.run('''if 1:
                import ctypes, threading
                loads = ctypes.CDLL(%r)
                loads.load.restype = ctypes.c_void_p
                handles = []
                def load():
                    start.wait()
                    handles.append(loads.load(%r))
                start = threading.Barrier(4)
                threads = [threading.Thread(target=load) for _ in range(4)]
                for thread in threads: thread.start()
                for thread in threads: thread.join()
                library = ctypes.CDLL(%r)
                pointers = [ctypes.c_void_p.in_dll(library, name).value for name in ("itself", "another")]
            ''')
            print(i.eval("len(set(handles + [library._handle, pointers[0]])), all(pointers)"))
            """
            % (str(loads), str(slow).encode(), str(slow))
        )
        self.assertEqual((status, output), (0, "(1, True)\n"), errors)
        with open(self.path("log")) as log:
            self.assertEqual(log.read(), "x")


if __name__ == "__main__":
    unittest.main()
