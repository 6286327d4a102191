"""Primality compared with GMP (gmpy2) on ten million numbers."""
import ctypes
import os
import random
import sys
import unittest
from array import array

import gmpy2

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
sys.path.append(os.path.join(PROJECT, "tests", "python"))

from support import load  # noqa: E402

library = load()
SEED = 2026


def primality(numbers):
    shared = (ctypes.c_uint64 * len(numbers)).from_buffer(numbers)
    out = (ctypes.c_uint8 * len(numbers))()
    status = library.ungil_is_prime_u64(shared, len(numbers), out, 0, 0)
    assert status == 0, library.ungil_last_error()
    return bytes(out)


class Primes(unittest.TestCase):
    def assert_same(self, numbers):
        is_prime = gmpy2.is_prime  # Baillie-PSW, and Miller-Rabin with a random base
        expected = bytes(map(is_prime, numbers))
        found = primality(numbers)
        if found != expected:
            wrong = [n for n, a, b in zip(numbers, found, expected) if a != b]
            self.fail("%d numbers, seed %d, for example %r" % (len(wrong), SEED, wrong[:5]))

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
    unittest.main()
