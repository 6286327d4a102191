"""The number of threads: in the environment, and set by a call."""
import ctypes
import os
import subprocess
import sys
import threading
import unittest

from support import HERE, load, signatures

library = load()

OK = signatures.UNGIL_OK

SET_AND_GET = """
import ctypes, os, sys
os.environ["UNGIL_NUM_THREADS"] = "3"
library = ctypes.CDLL(sys.argv[1])
def show(*status):
    print(" ".join(map(str, status + (library.ungil_num_threads(), library.ungil_num_threads_setting()))))
show()
os.environ["UNGIL_NUM_THREADS"] = "4"
show()
for number in (2, 256, 257, 2**31 - 1, -1, -(2**31), 1, 0):
    show(library.ungil_set_num_threads(number))
"""


class Threads(unittest.TestCase):
    def test_the_number_of_threads(self):
        command = [sys.executable, "-c", "import support; print(support.load().ungil_num_threads())"]
        for own, openmp, expected in (("3", "5", 3), ("", "5,2", 5), ("1000", "", 256), ("", "", None)):
            environment = dict(os.environ, UNGIL_NUM_THREADS=own, OMP_NUM_THREADS=openmp)
            output = subprocess.check_output(command, env=environment, cwd=HERE)
            self.assertTrue(int(output) == expected or (expected is None and int(output) > 0), output)

    def test_what_is_set_comes_before_the_environment(self):
        """As scripts do that declare nothing."""
        command = [sys.executable, "-c", SET_AND_GET, library._name]
        environment = dict(os.environ, UNGIL_NUM_THREADS="2")
        expected = [[3, 0], [3, 0], [0, 2, 2], [0, 256, 256], [0, 256, 256], [0, 256, 256]]
        expected += [[signatures.UNGIL_E_INVALID, 256, 256]] * 2 + [[0, 1, 1], [0, 3, 0]]
        lines = subprocess.check_output(command, env=environment).decode().splitlines()
        self.assertEqual([list(map(int, line.split())) for line in lines], expected)

    def test_a_negative_number_of_threads_is_an_error(self):
        self.assertEqual(library.ungil_set_num_threads(-1), signatures.UNGIL_E_INVALID)
        self.assertIn(b"ungil_set_num_threads: nthreads must be positive", library.ungil_last_error())
        self.assertEqual(library.ungil_num_threads_setting(), 0)
        self.assertRaises(ctypes.ArgumentError, library.ungil_set_num_threads, None)
        self.assertRaises(ctypes.ArgumentError, library.ungil_set_num_threads, 1.5)

    def test_the_number_of_threads_may_change_during_calls(self):
        self.addCleanup(library.ungil_set_num_threads, 0)
        done, counts, count = threading.Event(), set(), ctypes.c_uint64()
        numbers = (ctypes.c_int32 * 200000)(*range(200000))

        def change():
            number = 0
            while not done.is_set():
                number = (number + 1) % 5
                library.ungil_set_num_threads(number)

        changer = threading.Thread(target=change)
        changer.start()
        try:
            for _ in range(100):
                counts.add(library.num_primes(len(numbers), numbers))
                status = library.ungil_num_primes_i32(numbers, len(numbers), 0, 0, ctypes.byref(count))
                counts.add((status, count.value))
        finally:
            done.set()
            changer.join()
        self.assertEqual(counts, set([181903, (OK, 181903)]))


if __name__ == "__main__":
    unittest.main()
