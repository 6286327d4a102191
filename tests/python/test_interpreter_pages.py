# coding: utf-8
"""Which pages the copies of libraries share with the original files."""

from __future__ import unicode_literals

import os
import platform
import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, run, shared_library

TABLES = """
#include <fcntl.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>
#define N 50000
#define TOTAL (64 * 65 / 2 + 7)
#define ROW(i) i, i + 1, i + 2, i + 3, i + 4, i + 5, i + 6, i + 7
#define ROWS(i) ROW(i), ROW(i + 8), ROW(i + 16), ROW(i + 24), ROW(i + 32), ROW(i + 40), ROW(i + 48), ROW(i + 56)
extern int Py_IsInitialized(void);
int uses_python(void) { return Py_IsInitialized(); }
const unsigned constants[N] = { ROWS(1), [N - 1] = 7 };
unsigned variables[N] = { ROWS(1), [N - 1] = 7 };
const unsigned *const pointers[] = { constants, variables, constants + N - 1, variables + N - 1 };
static unsigned sum(const unsigned *numbers) {
  unsigned total = 0;
  for (size_t i = 0; i < N; i++) total += numbers[i];
  return total;
}
unsigned of_constants(void) { return sum(constants); }
unsigned of_variables(void) { return sum(variables); }
unsigned of_pointers(void) { return *pointers[0] + *pointers[1] + *pointers[2] + *pointers[3]; }
void add(unsigned number) { for (size_t i = 0; i < N; i += 500) variables[i] += number; }
"""

# Its code has the address of a variable.
RELOCATED_CODE = TABLES + """
__asm__(".pushsection .text\\n.balign 8\\naddress: .quad constants\\n.popsection");
extern const unsigned *const address __attribute__((visibility("hidden")));
unsigned of_code(void) { return *address; }
"""

INITIALISED = """
extern int Py_IsInitialized(void);
int uses_python(void) { return Py_IsInitialized(); }
static int calls;
static const char *argument;
void first(void) { calls = 10 * calls + 1; }
__attribute__((constructor(200))) static void second(int argc, char **argv) { calls = 10 * calls + 2; argument = argv[argc - argc]; }
__attribute__((constructor(300))) static void third(void) { calls = 10 * calls + 3; }
int order(void) { return calls; }
const char *first_argument(void) { return argument; }
"""

# Libraries that are shared. The library that needs them is not loaded yet when their initialisers run.

# It empties that library's file.
EMPTIES = """
#include <unistd.h>
__attribute__((constructor)) static void empty(void) {
  if (truncate(ORIGINAL, 0) != 0) _exit(9);
}
"""

# It puts another file in its place.
REPLACES = """
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
__attribute__((constructor)) static void replace(void) {
  int other = open(ORIGINAL ".new", O_CREAT | O_WRONLY, 0600);
  if (other < 0 || write(other, "another", 7) != 7 || rename(ORIGINAL ".new", ORIGINAL) != 0) _exit(9);
}
"""

# It makes a child, which later calls a function at the same address as its parent.
FORKS = """
#include <sys/wait.h>
#include <unistd.h>
static int start[2];
static pid_t child;
__attribute__((constructor)) static void make_child(void) {
  unsigned (*function)(void);
  if (pipe(start) != 0) _exit(9);
  child = fork();
  if (child == 0) {
    if (read(start[0], &function, sizeof function) != sizeof function) _exit(8);
    _exit(function() % 100);
  }
}
int status_of_child(unsigned (*function)(void)) {
  int status;
  if (write(start[1], &function, sizeof function) != sizeof function || waitpid(child, &status, 0) != child) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}
"""

# It calls a function that is bound to that library's, as those of C++ templates are.
CALLS = """
static int answer;
unsigned of_constants(void) { return 1; }
__attribute__((constructor)) static void call(void) { answer = of_constants(); }
int answer_of_initialiser(void) { return answer; }
"""

SUM = sum(range(1, 65)) + 7


@unittest.skipUnless(HAS_ONE, REASON)
class Pages(CompiledCase):
    def outcome(self, source):
        status, output, errors = run(source)
        self.assertEqual(status, 0, errors)
        return output.splitlines()

    def test_the_code_of_all_interpreters_is_in_memory_once(self):
        code, answers, kept, largest = self.outcome(
            """
            interpreters = [Interpreter() for _ in range(3)]
            code = [path for path, access, _ in mappings() if "x" in access]
            print(sum(path == %r for path in code) >= 3, [path for path in code if path.startswith("/memfd:libpython")])
            print([interpreter.eval("6 * 7") for interpreter in interpreters])
            print(pages_of_copies() // 3)
            print(max(sizes["Size"] for path, access, sizes in mappings() if path.startswith("/memfd:libpython") and access == "r--p"))
            """
            % str(os.path.realpath(shared_library()))
        )
        self.assertEqual((code, answers), ("True []", "['42', '42', '42']"))
        # What is left are tables of symbols: a tenth of the file.
        self.assertLess(int(kept), 600 << 10)
        self.assertLess(int(largest), 600 << 10)

    def test_an_interpreter_takes_a_few_megabytes(self):
        size, = self.outcome(
            """
            interpreters = [Interpreter() for _ in range(2)]
            before = memory()
            interpreters += [Interpreter() for _ in range(4)]
            print((memory() - before) // 4)
            """
        )
        # Without shared pages it would be 10 MB.
        self.assertLess(int(size), 8 << 20)

    def test_a_library_shares_its_constants_and_has_its_data_once(self):
        path = self.compiled("tables.so", TABLES)
        before, after, values, shared = self.outcome(
            """
            interpreters = [Interpreter() for _ in range(3)]
            print(pages_of_copies())
            for number, i in enumerate(interpreters):
                i.run("import ctypes; library = ctypes.CDLL(%r); library.add(%%d)" %% number)
            print(pages_of_copies())
            print([i.eval("[library[name]() for name in ('of_constants', 'of_variables', 'of_pointers')]") for i in interpreters])
            print(sum(path.endswith("/tables.so") for path, access, _ in mappings() if access == "r-xp"))
            """
            % str(path)
        )
        expected = [[SUM, SUM + 100 * number, 16 + number] for number in range(3)]
        self.assertEqual((values, shared), (str([str(it) for it in expected]), "3"))
        # The constants, like the variables, take 200 KB.
        self.assertLess(int(after) - int(before), 3 * (100 << 10))

    @unittest.skipUnless(platform.machine() == "x86_64", "SKIP code with relocations: the linker refuses it here")
    def test_code_that_was_relocated_stays_private(self):
        path = self.compiled("relocated.so", RELOCATED_CODE, "-Wl,-z,notext")
        values, = self.outcome(
            """
            interpreters = [Interpreter() for _ in range(2)]
            for i in interpreters:
                i.run("import ctypes; library = ctypes.CDLL(%r)")
            print([i.eval("library.of_code(), library.of_constants()") for i in interpreters])
            """
            % str(path)
        )
        self.assertEqual(values, str([str((1, SUM))] * 2))

    def library_with(self, shared):
        """The path of a library that needs one with this source, which is shared."""
        path = self.path("module.so")
        other = self.compiled("libshared.so", shared, ORIGINAL=path)
        return self.compiled("module.so", TABLES, "-Wl,--no-as-needed", str(other), "-Wl,-rpath," + os.path.dirname(str(other)))

    def test_a_file_that_is_emptied_meanwhile_is_an_error(self):
        path = self.library_with(EMPTIES)
        error, = self.outcome(
            """
            i = Interpreter(shared="libshared.so")
            i.run("import ctypes")
            try:
                i.run("ctypes.CDLL(%r)")
            except Exception as error:
                print(str(error).splitlines()[0].partition("OSError: ")[2])
            """
            % str(path)
        )
        self.assertEqual((error, os.path.getsize(path)), ("%s: the file was truncated meanwhile" % path, 0))

    def test_a_file_that_is_replaced_meanwhile_is_used(self):
        path = self.library_with(REPLACES)
        values, = self.outcome(
            """
            i = Interpreter(shared="libshared.so")
            i.run("import ctypes; library = ctypes.CDLL(%r)")
            print(i.eval("library.of_constants(), library.of_variables(), library.of_pointers()"))
            """
            % str(path)
        )
        self.assertEqual((values, os.path.getsize(path)), (str((SUM, SUM, 16)), 7))

    def test_code_that_is_called_meanwhile_is_there(self):
        path = self.library_with(CALLS)
        answers, = self.outcome(
            """
            interpreters = [Interpreter(shared="libshared.so") for _ in range(2)]
            for i in interpreters:
                i.run("import ctypes; library = ctypes.CDLL(%r)")
            print([i.eval("library.answer_of_initialiser(), library.of_constants()") for i in interpreters])
            """
            % str(path)
        )
        self.assertEqual(answers, str([str((SUM, SUM))] * 2))

    def test_a_child_of_a_fork_meanwhile_has_what_it_needs(self):
        path = self.library_with(FORKS)
        status, = self.outcome(
            """
            i = Interpreter(shared="libshared.so")
            i.run("import ctypes; library = ctypes.CDLL(%r)")
            print(i.eval("library.status_of_child(library.of_constants)"))
            """
            % str(path)
        )
        self.assertEqual(status, str(SUM % 100))

    def test_initialisers_are_called_in_order_with_the_arguments_of_the_process(self):
        path = self.compiled("initialised.so", INITIALISED, "-Wl,-init,first")
        values, = self.outcome(
            """
            i = Interpreter()
            i.run("import ctypes; library = ctypes.CDLL(%r)")
            i.run("library.first_argument.restype = ctypes.c_char_p")
            with open("/proc/self/cmdline") as arguments:
                expected = str((123, arguments.read().split("\\0")[0]))
            print(i.eval("library.order(), library.first_argument().decode()") == expected)
            """
            % str(path)
        )
        self.assertEqual(values, "True")


if __name__ == "__main__":
    unittest.main()
