# coding: utf-8
"""Which libraries an interpreter has for itself, and which it shares: by default, and by its options."""

from __future__ import unicode_literals

import ctypes
import os
import sys
import unittest

from compiled import CompiledCase
from interpreters import HAS_ONE, REASON, check, library, run

# Each call counts: the counts show which interpreters use the same copy.
COUNTER = "int count(void) { static int number; return ++number; }\n"
USES_COUNTER = "extern int count(void); int count_there(void) { return count(); }\n"
USES_PYTHON = "extern int Py_IsInitialized(void); int uses_python(void) { return Py_IsInitialized(); }\n"

# What the process exports itself can be found under its own name only.
LOAD = "import ctypes; library = ctypes.CDLL(%r)"


@unittest.skipUnless(HAS_ONE, REASON)
class PrivacyCase(CompiledCase):
    def make_directory(self, name):
        path = self.path(name)
        if not os.path.isdir(path):
            os.makedirs(path)
        return path

    def counter(self, name, *options):
        """A library that needs nothing."""
        self.make_directory(os.path.dirname(name))
        return self.compiled(name, COUNTER, "-Wl,-soname," + os.path.basename(name), *options)

    def user(self, name, needed, *options, **kinds):
        """A library that needs the other one, and finds it beside itself unless options say where."""
        self.make_directory(os.path.dirname(name))
        rpath = () if kinds.get("has_path") else ("-Wl,-rpath,$ORIGIN",)
        source = USES_COUNTER + (USES_PYTHON if kinds.get("uses_python", True) else "")
        return self.compiled(name, source, "-Wl,--no-as-needed", needed, *(rpath + options))

    def counts(self, path, function, **options):
        """What three calls return in each of two interpreters."""
        interpreters = [self.new(fresh=1, **options) for _ in range(2)]
        for interpreter in interpreters:
            interpreter.run(LOAD % str(path))
        return [interpreter.eval("[library.%s() for _ in range(3)]" % function) for interpreter in interpreters]

    def assert_private(self, path, function="count_there", **options):
        self.assertEqual(self.counts(path, function, **options), ["[1, 2, 3]"] * 2)

    def assert_shared(self, path, function="count_there", **options):
        first, second = [eval(counts) for counts in self.counts(path, function, **options)]
        self.assertEqual(second, [number + 3 for number in first])

    def report(self, interpreter):
        """{file name: (private or shared, reason)}"""
        text = ctypes.c_char_p()
        check(library.ungil_interp_libraries(interpreter.handle, ctypes.byref(text)))
        lines = [line.split("\t") for line in text.value.decode("utf-8").splitlines()]
        return {os.path.basename(path): (kind, reason) for kind, path, reason in lines}


class Defaults(PrivacyCase):
    def test_a_library_that_a_module_needs_is_private_although_it_does_not_use_python(self):
        self.assert_private(self.user("module.so", self.counter("libcounter.so")))

    def test_a_library_that_is_loaded_by_its_path_is_private(self):
        self.assert_private(self.counter("site-packages/package/libcounter.so"), "count")
        self.assert_private(self.counter("project/libcounter.so"), "count")

    def test_runtimes_are_shared(self):
        for name in ("libgomp-a34b3233.so.1.0.0", "libscipy_openblas64_-ff65.so", "libcublasLt.so.13"):
            self.assert_shared(self.user("site-packages/x/module.so", self.counter("site-packages/x/" + name)))

    def test_a_runtime_that_needs_a_private_library_is_private(self):
        needed = self.counter("site-packages/x/libneeded.so")
        runtime = self.user("site-packages/x/libtbb.so.12", needed, uses_python=False)
        self.assert_private(runtime)

    def test_a_runtime_that_uses_python_is_private(self):
        self.assert_private(self.compiled("libomp.so", COUNTER + USES_PYTHON), "count")

    def test_the_systems_libraries_are_shared_until_they_are_named(self):
        directory = self.make_directory("system")
        self.counter("system/libsystem.so.1")
        self.user("module.so", self.path("system/libsystem.so.1"), has_path=True)
        source = """
            import ctypes
            def counts(path, function, **options):
                interpreters = [Interpreter(fresh=1, **options) for _ in range(2)]
                for i in interpreters: i.run("import ctypes; library = ctypes.CDLL(%%r)" %% path)
                return [i.eval("[library.%%s() for _ in range(2)]" %% function) for i in interpreters]
            for path, function in (("libsystem.so.1", "count"), (%r, "count_there")):
                print(counts(path, function))
                print(counts(path, function, private="libsystem*"))
                print(counts(path, function, private="*/libsystem.so.1", shared="libsystem*"))
        """ % str(self.path("module.so"))
        paths = directory + ":" + os.environ.get("LD_LIBRARY_PATH", "")
        status, output, errors = run(source, environment={"LD_LIBRARY_PATH": paths})
        private = "['[1, 2]', '[1, 2]']\n" * 2
        expected = "['[1, 2]', '[3, 4]']\n" + private + "['[5, 6]', '[7, 8]']\n" + private
        self.assertEqual((status, output), (0, expected), errors)

    def test_a_copy_is_the_interpreters_although_the_process_has_the_library(self):
        path = self.user("module.so", self.counter("libcounter.so"))
        own = ctypes.CDLL(str(self.path("libcounter.so")))
        self.assertEqual([own.count() for _ in range(5)], [1, 2, 3, 4, 5])
        self.assert_private(path)
        # So is a library that is found only because the process has loaded it.
        self.assert_private("libcounter.so", "count")
        self.assertEqual(own.count(), 6)

    def test_what_the_interpreter_has_not_loaded_is_not_there(self):
        path = self.counter("libcounter.so")
        own = ctypes.CDLL(str(path))
        self.assertEqual(own.count(), 1)
        flags = os.RTLD_NOW | os.RTLD_NOLOAD
        interpreter = self.new()
        interpreter.run("import _ctypes, ctypes")
        interpreter.run("""if 1:
            loads = ctypes.CDLL(None).dlopen
            loads.restype, loads.argtypes = ctypes.c_void_p, [ctypes.c_char_p, ctypes.c_int]
        """)
        self.assertEqual(interpreter.eval("loads(%r, %d)" % (path.encode(), flags)), "None")
        interpreter.run(LOAD % str(path))
        self.assertEqual(interpreter.eval("loads(%r, %d) == library._handle" % (path.encode(), flags)), "True")


class Options(PrivacyCase):
    def test_the_users_word_beats_the_default(self):
        runtime = self.user("site-packages/x/module.so", self.counter("site-packages/x/libgomp.so.1"))
        other = self.user("y/module.so", self.counter("y/libcounter.so.1"))
        for pattern in ("libgomp.so.1", "libgomp*", self.path("site-packages/x/*.so.1"), "lib[a-m]omp.so.?"):
            self.assert_private(runtime, private=pattern)
        for pattern in ("libcounter.so.1", "lib*.so.*", self.path("y/libcounter.so.1")):
            self.assert_shared(other, shared=["other", pattern])
        self.assert_private(other, shared="libcounter.so", private="other")

    def test_private_beats_shared(self):
        path = self.user("module.so", self.counter("libcounter.so"))
        self.assert_private(path, private="libcounter*", shared="libcounter*")

    def test_what_uses_python_or_needs_a_private_library_cannot_be_shared(self):
        needed = self.counter("libcounter.so")
        middle = self.compiled("libmiddle.so", "extern int count(void); int middle(void) { return count(); }\n",
                               "-Wl,-soname,libmiddle.so,--no-as-needed", needed, "-Wl,-rpath,$ORIGIN")
        path = self.user("module.so", middle, needed)
        self.assert_private(path, shared=["module.so", "libmiddle.so"])
        interpreter = self.new(shared=["module.so", "libmiddle.so"])
        interpreter.run(LOAD % str(path))
        report = self.report(interpreter)
        self.assertEqual(
            report["module.so"], ("private", "it uses Python; the option shared=module.so is not followed"))
        self.assertEqual(report["libmiddle.so"][0], "private")
        self.assertIn("libcounter.so, which is private; the option shared=libmiddle.so is not", report["libmiddle.so"][1])

    def test_the_c_library_is_shared_whatever_is_asked_for(self):
        interpreter = self.new(private="*")
        interpreter.run("import ctypes; libc = ctypes.CDLL('libc.so.6'); libm = ctypes.CDLL('libm.so.6')")
        self.assertEqual(interpreter.eval("libc.abs(-5)"), "5")
        self.assertEqual(interpreter.eval("libc._handle"), str(ctypes.CDLL("libc.so.6")._handle))

    def test_the_environment_adds_to_the_options(self):
        runtime = self.user("site-packages/x/module.so", self.counter("site-packages/x/libgomp.so.1"))
        other = self.user("y/module.so", self.counter("y/libcounter.so.1"))
        source = """
            for path in (%r, %r):
                for options in ({}, {"private": "libcounter*"}):
                    for i in [Interpreter(fresh=1, **options) for _ in range(2)]:
                        i.run("import ctypes; library = ctypes.CDLL(%%r)" %% path)
                        print(i.eval("library.count_there()"))
        """ % (str(runtime), str(other))
        variables = {"UNGIL_PRIVATE": "nothing*:libgomp.so.*", "UNGIL_SHARED": "libcounter*:"}
        status, output, errors = run(source, environment=variables)
        self.assertEqual((status, output.split()), (0, ["1"] * 4 + ["1", "2", "1", "1"]), errors)

    def test_an_empty_pattern_is_an_error(self):
        for name in ("private", "shared"):
            with self.assertRaisesRegex(Exception, "%s=.* must be the name or the path of a library" % name):
                self.new(**{name: ""})

    def test_interpreters_are_reused_for_the_same_options_alone(self):
        path = self.counter("libcounter.so")
        interpreter = self.new(shared=str(path))
        interpreter.run(LOAD % str(path))
        count = int(interpreter.eval("library.count()"))
        interpreter.free()
        other = self.new()
        other.run(LOAD % str(path))
        self.assertEqual(other.eval("library.count()"), "1")
        again = self.new(shared=str(path))
        again.run(LOAD % str(path))
        self.assertEqual(again.eval("library.count()"), str(count + 1))


class Report(PrivacyCase):
    def test_each_library_is_told_with_the_reason(self):
        counter = self.counter("site-packages/x/libcounter.so")
        path = self.user("site-packages/x/module.so", counter, self.counter("site-packages/x/libtbb.so"))
        interpreter = self.new(fresh=1)
        self.assertNotIn("module.so", self.report(interpreter))
        interpreter.run(LOAD % str(path))
        report = self.report(interpreter)
        self.assertEqual(report["module.so"], ("private", "it uses Python"))
        self.assertEqual(report["libcounter.so"], ("private", "it lies in a package"))
        self.assertEqual(report["libtbb.so"], ("shared", "shared runtime: TBB: one thread pool for the process"))
        self.assertNotIn("module.so", self.report(self.new(fresh=1)))

    def test_wrong_handles_are_errors(self):
        text = ctypes.c_char_p()
        self.assertLess(library.ungil_interp_libraries(-1, ctypes.byref(text)), 0)
        self.assertLess(library.ungil_interp_libraries(self.new().handle, None), 0)


if sys.version_info[0] == 2:  # where these tests are skipped, but read
    PrivacyCase.assertRaisesRegex = PrivacyCase.assertRaisesRegexp

if __name__ == "__main__":
    unittest.main()
