"""CPU levels: detected, and lowered by the environment."""
import os
import platform
import subprocess
import sys
import unittest

from support import LIBRARIES, load

LEVELS = ["scalar", "neon"] if platform.machine() == "aarch64" else ["scalar", "avx2", "avx512"]

ANSWERS = """
import ctypes, sys
library = ctypes.CDLL(sys.argv[1])
library.ungil_cpu_active.restype = ctypes.c_char_p
library.compPi_ctypes.restype = ctypes.c_double
numbers = (ctypes.c_int32 * 20000)(*range(16768216, 16788216))
print(library.ungil_cpu_active().decode())
print(library.test(-12345, 54321), library.num_primes(20000, numbers))
print(float.hex(library.compPi_ctypes(ctypes.c_double(0.0), 123457)))
"""


def run(wish):
    """The active level and the answers of a process with that UNGIL_CPU."""
    environment = dict(os.environ, UNGIL_CPU=wish)
    command = [sys.executable, "-c", ANSWERS, os.path.join(LIBRARIES, "libungil.so")]
    lines = subprocess.check_output(command, env=environment).decode().splitlines()
    return lines[0], lines[1:]


class Cpu(unittest.TestCase):
    def test_the_environment_only_lowers(self):
        detected = load().ungil_cpu_detected().decode()
        self.assertIn(detected, LEVELS)
        for wish in LEVELS:
            self.assertEqual(run(wish)[0], min(wish, detected, key=LEVELS.index))
        for wish in ("", "fast", "AVX2"):
            self.assertEqual(run(wish)[0], detected)

    def test_every_level_gives_the_same_answers(self):
        self.assertEqual(len(set(tuple(run(level)[1]) for level in LEVELS)), 1)


if __name__ == "__main__":
    unittest.main()
