"""What a program gets on a system without interpreters: functions on all cores, and an error that says what those need."""
import ctypes
import os
import sys
import tempfile
import unittest
from ctypes.util import find_library

import ungil
from ungil import compat
from ungil._native import library


class WithoutInterpreters(unittest.TestCase):
    def test_functions(self):
        self.assertEqual(compat.test(0, 1000000000), 1350552661)
        self.assertEqual(ungil.count_primes(list(range(100))), 25)

    def test_interpreters_say_what_they_need(self):
        for start in (ungil.Interpreter, lambda: ungil.run(sum, [1, 2])):
            with self.assertRaisesRegex(ungil.UnsupportedError, "require Linux on x86-64 or aarch64, with glibc"):
                start()


class NamesThatScriptsLoad(unittest.TestCase):
    def assert_one_library(self, path, other):
        first, second = ctypes.CDLL(path), ctypes.CDLL(other)
        self.assertEqual(first.test(0, 1000000000), 1350552661)
        self.assertEqual(second.num_primes(10, (ctypes.c_int32 * 10)(*range(10, 20))), 5)
        address = [ctypes.cast(each.num_primes, ctypes.c_void_p).value for each in (first, second)]
        self.assertEqual(address[0], address[1])

    @unittest.skipUnless("UNGIL_TEST_FORWARDERS" in os.environ, "Windows, with what `make forwarders` makes on PATH")
    def test_windows(self):
        path = find_library("test")
        self.assertEqual(os.path.basename(path), "test.dll")
        self.assert_one_library(path, os.path.join(os.path.dirname(path), "prime.dll"))

    @unittest.skipUnless(sys.platform == "darwin", "macOS")
    def test_macos(self):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["DYLD_LIBRARY_PATH"] = folder
            self.addCleanup(os.environ.pop, "DYLD_LIBRARY_PATH")
            for name in ("libtest.dylib", "libprime.so"):
                os.symlink(library.path, os.path.join(folder, name))
            path = find_library("test")
            self.assertEqual(path, os.path.join(folder, "libtest.dylib"))
            self.assert_one_library(path, os.path.join(folder, "libprime.so"))


if __name__ == "__main__":
    unittest.main()
