"""Primality compared with GMP (gmpy2) on ten million numbers, at every CPU level of the machine."""
import ctypes
import os
import platform
import random
import subprocess
import sys
import unittest
from array import array

import gmpy2

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "tests", "python"))

from support import load  # noqa: E402

library = load()
LEVELS = ("scalar", "neon") if platform.machine() == "aarch64" else ("scalar", "avx2", "avx512")
SEED = 2026


def primality(numbers):
    shared = (ctypes.c_uint64 * len(numbers)).from_buffer(numbers)
    out = (ctypes.c_uint8 * len(numbers))()
    status = library.ungil_is_prime_u64(shared, len(numbers), out, 0, 0)
    assert status == 0, library.ungil_last_error()
    return bytes(out)


def primality_at(level, numbers):
    """The same from a process at this level: GMP, which takes most of the time, answers once for all of them."""
    command = [sys.executable, os.path.abspath(__file__), level]
    settings = dict(os.environ, UNGIL_CPU=level)
    return subprocess.run(command, input=numbers.tobytes(), stdout=subprocess.PIPE, check=True, env=settings).stdout


def answer(level):
    """What such a process does."""
    assert library.ungil_cpu_active().decode() == level
    sys.stdout.buffer.write(primality(array("Q", sys.stdin.buffer.read())))


class Primes(unittest.TestCase):
    def assert_same(self, numbers):
        expected = bytes(map(gmpy2.is_prime, numbers))  # Baillie-PSW, and Miller-Rabin with a random base
        for level in LEVELS[: LEVELS.index(library.ungil_cpu_detected().decode()) + 1]:
            found = primality_at(level, numbers)
            if found != expected:
                wrong = [n for n, a, b in zip(numbers, found, expected) if a != b]
                self.fail("%s: %d numbers, seed %d, for example %r" % (level, len(wrong), SEED, wrong[:5]))

    def test_random_odd_numbers(self):
        generator = random.Random(SEED)
        for _ in range(9):
            self.assert_same(array("Q", (generator.getrandbits(64) | 1 for _ in range(10**6))))

    def test_random_numbers_of_every_length(self):
        generator = random.Random(SEED)
        self.assert_same(array("Q", (generator.getrandbits(1 + i % 64) for i in range(10**6))))

    def test_numbers_with_two_large_factors(self):
        """Most pseudoprimes have this form: p * (k (p - 1) + 1)."""
        generator = random.Random(SEED)
        numbers = array("Q")
        while len(numbers) < 100000:
            p = int(gmpy2.next_prime(generator.getrandbits(generator.randrange(8, 31))))
            products = (p * (k * (p - 1) + 1) for k in (2, 3, 4, 5, 6, 7, 8, 10, 12, 16))
            numbers.extend(n for n in products if n < 2**64)
        self.assert_same(numbers)


if __name__ == "__main__":
    if sys.argv[1:] and sys.argv[1] in LEVELS:
        answer(sys.argv[1])
    else:
        unittest.main()
