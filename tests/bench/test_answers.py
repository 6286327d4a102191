"""The answers that contenders are checked with, by definition; and the contenders in Python themselves."""

import math
import unittest

import numpy

from bench_py import answers, loops

N = 20000


def has_divisor(n):
    return any(n % d == 0 for d in range(2, math.isqrt(n)))


class Answers(unittest.TestCase):
    def test_sum_of_multiples(self):
        for n in (1, 2, 3, 4, 1000, 200000):
            expected = sum(range(0, n, 3))
            self.assertEqual(answers.sum_of_multiples(n) % 2**32, expected % 2**32)
            self.assertTrue(-(2**31) <= answers.sum_of_multiples(n) < 2**31)

    def test_rectangles(self):
        for n in (1000, 4321, 100000):
            h = 1 / n
            terms = (4 / (1 + (h * (i - 0.5)) ** 2) for i in range(n))
            self.assertAlmostEqual(answers.rectangles(n), h * math.fsum(terms), delta=1e-12)

    def test_sieve(self):
        self.assertEqual(
            answers.sieve(N).tolist(), [n > 1 and all(n % d for d in range(2, math.isqrt(n) + 1)) for n in range(N)]
        )

    def test_primality(self):
        numbers = numpy.arange(N)
        self.assertEqual(answers.primality(numbers, None).tolist(), answers.sieve(N).tolist())

    def test_have_divisor(self):
        found = answers.have_divisor(numpy.arange(N), answers.sieve(N))
        self.assertEqual(found.tolist(), [has_divisor(n) for n in range(N)])


class Loops(unittest.TestCase):
    def test_all_agree(self):
        numba = loops.by_numba()
        numbers = numpy.arange(3000, dtype=numpy.int32)
        expected = sum(map(has_divisor, range(3000)))
        for count in (loops.num_primes, loops.numpy_num_primes, numba.num_primes, numba.num_primes_prange):
            self.assertEqual(count(numbers), expected, count)
        for total in (loops.test, loops.numpy_test, numba.test, numba.test_prange):
            self.assertEqual(loops.wrapped(total(0, 300000)), answers.sum_of_multiples(300000), total)
        for pi in (loops.pi, loops.numpy_pi, numba.pi, numba.pi_fast, numba.pi_prange):
            self.assertAlmostEqual(pi(300000), answers.rectangles(300000), delta=1e-10)


if __name__ == "__main__":
    unittest.main()
