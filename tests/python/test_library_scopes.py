# coding: utf-8
"""How an interpreter's libraries are found and bound to one another: as the dynamic loader would do it in a process."""

from __future__ import unicode_literals

import ctypes
import os
import platform
import subprocess
import sys
import sysconfig
import unittest

from compiled import COMPILER
from interpreters import HAS_ONE, REASON, run
from test_library_privacy import COUNTER, LOAD, PrivacyCase

USES_PYTHON = "extern int Py_IsInitialized(void); int uses_python(void) { return Py_IsInitialized(); }\n"
CHILD = "extern int count(void); int child(void) { return count(); }\n"
ROOT = USES_PYTHON + "extern int child(void); int count_there(void) { return child(); }\n"

UNDERLINKED = USES_PYTHON + "extern int count(void); int count_there(void) { return count(); }\n"

# Its own function, or the one that is global.
OVERRIDDEN = USES_PYTHON + "int count(void) { return -1; } int count_there(void) { return count(); }\n"

UNIQUE = USES_PYTHON + """
__asm__(".pushsection .data\\n.globl shared_number\\n.type shared_number, @gnu_unique_object\\n"
        ".size shared_number, 4\\nshared_number: .long 0\\n.popsection");
extern int shared_number;
int count_there(void) { return ++shared_number; }
"""

CHOSEN = USES_PYTHON + """
static int number;
static int counted(void) { return ++number; }
static int (*choose(void))(void) { return counted; }
int chosen(void) __attribute__((ifunc("choose")));
static int (*volatile pointer)(void) = chosen;
int count_there(void) { return pointer(); }
"""

THREAD_LOCAL = USES_PYTHON + """
#include <pthread.h>
#ifdef DEPENDENCY
extern __thread int number;
#else
MODEL __thread int number = 10;
#endif
static void *in_thread(void *result) { *(int *)result = ++number; return NULL; }
/* What this thread counts, and what a new one does. */
int count_there(void) {
  pthread_t thread;
  int other = 0;
  if (pthread_create(&thread, NULL, in_thread, &other) != 0 || pthread_join(thread, NULL) != 0) return -1;
  return 100 * ++number + other;
}
"""

LARGE = USES_PYTHON + """
__thread char large[1 << 14] __attribute__((tls_model("initial-exec")));
int count_there(void) { return ++large[100]; }
"""

LOADS = USES_PYTHON + """
#include <dlfcn.h>
#include <stddef.h>
int count_there(void) {
  void *library = dlopen(NAME, RTLD_NOW);
  int (*count)(void) = library == NULL ? NULL : (int (*)(void))dlsym(library, "count");
  return count == NULL ? -1 : count();
}
"""

MODULE = """
#include <Python.h>
static int number;
int NAME_count(void) { return ++number; }
#ifdef OTHER
extern int OTHER(void);
static PyObject *call(PyObject *self, PyObject *none) { return PyLong_FromLong(OTHER()); }
#else
static PyObject *call(PyObject *self, PyObject *none) { return PyLong_FromLong(NAME_count()); }
#endif
static PyMethodDef methods[] = {{"call", call, METH_NOARGS, NULL}, {NULL, NULL, 0, NULL}};
static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "NAME", NULL, 0, methods};
PyMODINIT_FUNC PyInit_NAME(void) { return PyModuleDef_Init(&definition); }
"""

TRY = """if 1:
    import ctypes
    try: library = ctypes.CDLL(%r)
    except OSError as error: text = str(error)
"""


class ScopesCase(PrivacyCase):
    def linked(self, name, source, needed, *options):
        self.make_directory(os.path.dirname(name))
        return self.compiled(name, source, "-Wl,--no-as-needed", *(list(needed) + list(options)))

    def chain(self, name, *options):
        """A library that needs one in another directory, which needs one in a third, and has no search path."""
        counter = self.counter("third/" + name)
        child = self.linked("second/libchild.so", CHILD, [counter], "-Wl,-soname,libchild.so")
        return self.linked("first/root.so", ROOT, [child], "-Wl,-rpath-link," + self.path("third"), *options)

    def error(self, path):
        interpreter = self.new(fresh=1)
        interpreter.run(TRY % str(path))
        return interpreter.eval("text")


@unittest.skipUnless(HAS_ONE, REASON)
class Search(ScopesCase):
    def test_the_rpath_of_a_library_is_searched_for_what_its_needed_libraries_need(self):
        path = "-Wl,-rpath,$ORIGIN/../second:$ORIGIN/../third,--disable-new-dtags"
        self.assert_private(self.chain("libcounter.so", path))

    def test_the_runpath_of_a_library_is_searched_for_what_itself_needs_alone(self):
        # No process of these tests has loaded a library of this name.
        path = self.chain("libdistant.so", "-Wl,-rpath,$ORIGIN/../second:$ORIGIN/../third,--enable-new-dtags")
        with self.assertRaisesRegex(OSError, "libdistant.so: cannot open shared object file"):
            ctypes.CDLL(str(path))
        self.assertIn("libdistant.so: cannot open shared object file", self.error(path))

    def test_a_runtime_that_only_a_parents_rpath_finds_is_shared(self):
        counter = self.counter("third/libgomp.so.1")
        child = self.linked("second/libchild.so", CHILD, [counter], "-Wl,-soname,libchild.so")
        options = ["-Wl,-rpath-link," + self.path("third"), "-Wl,-rpath,$ORIGIN/../second:$ORIGIN/../third,--disable-new-dtags"]
        self.assert_shared(self.linked("first/root.so", ROOT, [child], *options))

    def test_tokens_of_search_paths(self):
        lib = {"x86_64": "lib/x86_64-linux-gnu", "aarch64": "lib/aarch64-linux-gnu"}[platform.machine()]
        if not os.path.isdir("/" + lib):
            lib = "lib64"
        counter = self.counter("a/%s/libcounter.so" % lib)
        for token in ("$ORIGIN/$LIB", "${ORIGIN}/${LIB}"):
            self.assert_private(self.linked("a/module.so", UNDERLINKED, [counter], "-Wl,-rpath," + token))
        counter = self.counter("b/%s/libcounter.so" % platform.machine())
        getauxval = ctypes.CDLL(None).getauxval
        getauxval.restype, getauxval.argtypes = ctypes.c_char_p, [ctypes.c_ulong]
        AT_PLATFORM = 15
        if getauxval(AT_PLATFORM).decode() != platform.machine():
            self.skipTest("SKIP: $PLATFORM is not the machine's name")
        self.assert_private(self.linked("b/module.so", UNDERLINKED, [counter], "-Wl,-rpath,$ORIGIN/$PLATFORM"))

    def test_a_library_that_is_loaded_already_is_found_by_its_soname(self):
        counter = self.counter("elsewhere/libelsewhere.so.1")
        path = self.linked("module.so", UNDERLINKED, [counter])
        self.assertIn("libelsewhere.so.1: cannot open", self.error(path))
        for interpreter in (self.new(fresh=1), self.new(fresh=1)):
            interpreter.run("import ctypes; counter = ctypes.CDLL(%r); counter.count()" % str(counter))
            interpreter.run(LOAD % str(path))
            self.assertEqual(interpreter.eval("library.count_there(), counter.count()"), "(2, 3)")
            # By dlopen, too.
            self.assertEqual(interpreter.eval("ctypes.CDLL('libelsewhere.so.1').count()"), "4")

    def test_dlopen_of_a_name_searches_where_its_caller_says(self):
        self.counter("plugins/libplugin.so")
        self.counter("plugins/libtbb.so.12")
        path = "-Wl,-rpath,$ORIGIN/plugins"
        self.assert_private(self.compiled("loads.so", LOADS, path, NAME="libplugin.so"))
        self.assert_shared(self.compiled("loads_tbb.so", LOADS, path, NAME="libtbb.so.12"))
        self.assertEqual(self.counts(self.compiled("lost.so", LOADS, NAME="libnowhere.so"), "count_there"), ["[-1, -1, -1]"] * 2)

    def test_the_first_library_of_a_name_serves_all(self):
        for number in (1, 2):
            self.compiled(self.make_directory("d%d" % number) + "/libsame.so",
                          "int which(void) { return %d; }\n" % number, "-Wl,-soname,libsame.so")
        children = [
            self.linked("d%d/libchild%d.so" % (number, number), "extern int which(void); int child%d(void) { return which(); }" % number,
                        [self.path("d%d/libsame.so" % number)], "-Wl,-rpath,$ORIGIN", "-Wl,-soname,libchild%d.so" % number)
            for number in (1, 2)
        ]
        root = USES_PYTHON + "extern int child1(void), child2(void); int both(void) { return 10 * child1() + child2(); }"
        path = self.linked("root.so", root, children, "-Wl,-rpath,$ORIGIN/d1:$ORIGIN/d2")
        expected = ctypes.CDLL(str(path)).both()
        interpreter = self.new()
        interpreter.run(LOAD % str(path))
        self.assertEqual(interpreter.eval("library.both()"), str(expected))

    def test_a_name_is_that_of_the_library_that_was_loaded_first(self):
        names = ["d%d/libsame.so" % number for number in range(1, 6)]
        for number, name in enumerate(names, 1):
            self.make_directory(os.path.dirname(name))
            self.compiled(name, "int count(void) { return %d; }\n" % number, "-Wl,-soname,libsame.so")
        path = self.linked("module.so", UNDERLINKED, [self.path(names[0])])
        for order in (names, names[::-1]):
            interpreter = self.new(fresh=1)
            for name in order:
                interpreter.run(LOAD % self.path(name))
            first = interpreter.eval("ctypes.CDLL('libsame.so').count()")
            interpreter.run(LOAD % str(path))
            expected = order[0][1]
            self.assertEqual((first, interpreter.eval("library.count_there()")), (expected, expected))

    def test_a_file_whose_attributes_change_is_the_same_library(self):
        path = self.counter("libcounter.so")
        interpreter = self.new(fresh=1)
        interpreter.run(LOAD % str(path))
        self.assertEqual(interpreter.eval("library.count()"), "1")
        os.link(path, self.path("liblink.so"))
        self.assertEqual(interpreter.eval("ctypes.CDLL(%r).count()" % str(path)), "2")
        self.assertEqual(interpreter.eval("ctypes.CDLL(%r).count()" % self.path("liblink.so")), "3")

    def test_a_needed_path_with_a_slash(self):
        counter = self.compiled("nosoname.so", COUNTER)  # is needed by the path that the linker was given
        self.assert_private(self.linked("module.so", UNDERLINKED, [counter]))

    def test_filters_and_auxiliary_libraries(self):
        counter = self.counter("libfiltered.so")
        for option in ("-f", "-F"):
            other = "int count(void) { return -1; }\n"
            name = "libfilter%s.so" % option
            filter_ = self.compiled(name, other, "-Wl,-soname," + name, "-Wl,%s,libfiltered.so" % option,
                                    "-Wl,-rpath,$ORIGIN")
            path = self.linked("module%s.so" % option, UNDERLINKED, [filter_], "-Wl,-rpath,$ORIGIN")
            self.assert_private(path)
        # An auxiliary library may be missing.
        os.remove(counter)
        interpreter = self.new(fresh=1)
        interpreter.run(LOAD % self.path("module-f.so"))
        self.assertEqual(interpreter.eval("library.count_there()"), "-1")


@unittest.skipUnless(HAS_ONE, REASON)
class GlobalSymbols(ScopesCase):
    def load(self, counter, *paths):
        """Loads a library with RTLD_GLOBAL, and then others."""
        interpreter = self.new(fresh=1)
        interpreter.run("import ctypes; counter = ctypes.CDLL(%r, mode=ctypes.RTLD_GLOBAL)" % str(counter))
        for path in paths:
            interpreter.run(LOAD % str(path))
        return interpreter

    def test_they_are_there_for_what_the_interpreter_loads_later_and_for_no_other(self):
        counter, path = self.counter("libcounter.so"), self.linked("module.so", UNDERLINKED, [])
        self.assertIn("undefined symbol: count", self.error(path))
        for _ in range(2):
            interpreter = self.load(counter, path)
            counts = interpreter.eval("library.count_there(), counter.count(), ctypes.CDLL(None).count()")
            self.assertEqual(counts, "(1, 2, 3)")
        # Neither the process nor another interpreter has them.
        self.assertIn("undefined symbol: count", self.error(path))
        self.assertFalse(hasattr(ctypes.CDLL(None), "count"))

    def test_so_are_those_of_the_libraries_that_it_needs(self):
        counter = self.counter("libcounter.so")
        child = self.linked("libchild.so", CHILD, [counter], "-Wl,-rpath,$ORIGIN")
        interpreter = self.load(child, self.linked("module.so", UNDERLINKED, []))
        self.assertEqual(interpreter.eval("library.count_there(), counter.child()"), "(1, 2)")

    def test_a_library_that_is_loaded_already_becomes_global(self):
        counter, path = self.counter("libcounter.so"), self.linked("module.so", UNDERLINKED, [])
        interpreter = self.new(fresh=1)
        interpreter.run("import ctypes; local = ctypes.CDLL(%r)" % str(counter))
        interpreter.run(TRY % str(path))
        self.assertIn("undefined symbol: count", interpreter.eval("text"))
        self.assertEqual(interpreter.eval("hasattr(ctypes.CDLL(None), 'count')"), "False")
        interpreter.run("ctypes.CDLL(%r, mode=ctypes.RTLD_GLOBAL)" % str(counter))
        interpreter.run(LOAD % str(path))
        self.assertEqual(interpreter.eval("library.count_there(), local.count()"), "(1, 2)")

    def test_they_come_before_a_librarys_own(self):
        counter, path = self.counter("libcounter.so"), self.linked("module.so", OVERRIDDEN, [])
        child = self.linked("libchild.so", CHILD, [counter], "-Wl,-rpath,$ORIGIN")
        for first in (counter, child):  # the second one needs the symbol's library
            code = "import ctypes\nctypes.CDLL(%r, mode=ctypes.RTLD_GLOBAL)\nprint(ctypes.CDLL(%r).count_there())"
            code %= (str(first), str(path))
            expected = subprocess.check_output([sys.executable, "-c", code]).decode().strip()
            self.assertEqual(self.load(first, path).eval("library.count_there()"), expected)

    def test_a_library_that_cannot_be_loaded_leaves_the_scope_as_it_was(self):
        counter, path = self.counter("libcounter.so"), self.linked("module.so", UNDERLINKED, [])
        bad = self.compiled("bad.so", UNDERLINKED + "extern int nowhere(void); int bad(void) { return nowhere(); }")
        interpreter = self.load(counter)
        interpreter.run(TRY % str(bad))
        self.assertIn("bad.so: undefined symbol: nowhere", interpreter.eval("text"))
        interpreter.run(LOAD % str(path))
        self.assertEqual(interpreter.eval("library.count_there()"), "1")

    def test_modules_that_are_imported_with_setdlopenflags(self):
        include = sysconfig.get_paths()["include"]
        if not os.path.exists(os.path.join(include, "Python.h")):
            self.skipTest("SKIP: there is no Python.h")
        for name, options in (("first", ()), ("second", ("-DOTHER=first_count",))):
            self.compiled(name + ".so", MODULE.replace("NAME", name), "-I" + include, *options)
        for _ in range(2):
            interpreter = self.new(fresh=1)
            interpreter.run("""if 1:
                import os, sys
                sys.path.insert(0, %r)
                flags = sys.getdlopenflags()
                sys.setdlopenflags(os.RTLD_NOW | os.RTLD_GLOBAL)
                import first
                sys.setdlopenflags(flags)
                import second
            """ % str(self.directory))
            self.assertEqual(interpreter.eval("first.call(), second.call(), first.call()"), "(1, 2, 3)")


@unittest.skipUnless(HAS_ONE, REASON)
class Symbols(ScopesCase):
    def test_unique_symbols_are_each_interpreters_own(self):
        path = self.compiled("unique.so", UNIQUE)
        self.assertEqual(ctypes.CDLL(str(path)).count_there(), 1)
        self.assert_private(path)

    def test_indirect_functions(self):
        self.assert_private(self.compiled("chosen.so", CHOSEN))


@unittest.skipUnless(HAS_ONE, REASON)
class ThreadLocals(ScopesCase):
    EXPECTED = "[1111, 1211, 1311]"

    def test_each_model(self):
        for model in ("global-dynamic", "local-dynamic", "initial-exec"):
            kind = "static" if model == "local-dynamic" else ""
            path = self.compiled(model + ".so", THREAD_LOCAL, "-DMODEL=" + kind, "-ftls-model=" + model)
            self.assertEqual(self.counts(path, "count_there"), [self.EXPECTED] * 2, model)

    def test_of_another_library(self):
        needed = self.compiled("libnumber.so", "__thread int number = 10;\n", "-Wl,-soname,libnumber.so")
        for model in ("global-dynamic", "initial-exec"):
            path = self.linked(model + ".so", THREAD_LOCAL, [needed], "-DDEPENDENCY", "-ftls-model=" + model, "-Wl,-rpath,$ORIGIN")
            self.assertEqual(self.counts(path, "count_there"), [self.EXPECTED] * 2, model)

    def test_where_there_is_no_space_left_the_error_says_what_to_do(self):
        path = self.compiled("large.so", LARGE)
        source = """
            for _ in range(2):
                i = Interpreter()
                i.run('''if 1:
                    import ctypes
                    try: text = ctypes.CDLL(%r).count_there()
                    except OSError as error: text = error
                ''')
                print(i.eval("text"))
        """ % str(path)
        status, output, errors = run(source)
        self.assertEqual(status, 0, errors)
        self.assertRegex(output, r"(?s)large.so: .*static TLS.*GLIBC_TUNABLES=glibc.rtld.optional_static_tls=\d+")
        tunable = {"GLIBC_TUNABLES": "glibc.rtld.optional_static_tls=65536"}
        self.assertEqual(run(source, environment=tunable), (0, "1\n1\n", ""))


if __name__ == "__main__":
    unittest.main()
