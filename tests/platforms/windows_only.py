"""What a program gets on Windows: functions on all cores, and an error that says what interpreters need."""
import ctypes
import os
import unittest
from ctypes.util import find_library

import ungil
from ungil import compat


class OnWindows(unittest.TestCase):
    def test_functions(self):
        self.assertEqual(compat.test(0, 1000000000), 1350552661)
        self.assertEqual(ungil.count_primes(list(range(100))), 25)

    def test_the_names_that_scripts_load_are_one_library(self):
        path = find_library("test")
        self.assertEqual(os.path.basename(path), "test.dll")
        first, second = ctypes.CDLL(path), ctypes.CDLL(os.path.join(os.path.dirname(path), "prime.dll"))
        self.assertEqual(first.test(0, 1000000000), 1350552661)
        self.assertEqual(second.num_primes(10, (ctypes.c_int32 * 10)(*range(10, 20))), 5)
        address = [ctypes.cast(library.num_primes, ctypes.c_void_p).value for library in (first, second)]
        self.assertEqual(address[0], address[1])

    def test_interpreters_say_what_they_need(self):
        for start in (ungil.Interpreter, lambda: ungil.run(sum, [1, 2])):
            with self.assertRaisesRegex(ungil.UnsupportedError, "require Linux on x86-64 or aarch64, with glibc"):
                start()


if __name__ == "__main__":
    unittest.main()
