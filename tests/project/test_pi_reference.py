"""compPi_ctypes against its closed form in 60 digits, up to the largest n.

With z = i*n: the sum of 4/(1 + ((k - 1/2)/n)^2) for k = 0 .. n-1 is 4n times the imaginary part of
digamma(n - 1/2 - z) - digamma(-1/2 - z), since 1/(y^2 + n^2) = Im(1/(y - z))/n and the digamma function's
differences are sums of reciprocals (DLMF 5.5.2).
"""
import ctypes
import os
import unittest

import mpmath

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
library = ctypes.CDLL(os.path.join(PROJECT, "build", "lib", "libungil.so"))
library.compPi_ctypes.argtypes = [ctypes.c_double, ctypes.c_int32]
library.compPi_ctypes.restype = ctypes.c_double


def closed_form(start, n):
    with mpmath.workdps(60):
        half, z = mpmath.mpf(1) / 2, mpmath.mpc(0, n)
        total = 4 * n * (mpmath.digamma(n - half - z) - mpmath.digamma(-half - z)).imag
        return (mpmath.mpf(start) + total) / n


def relative_error(start, n):
    exact = closed_form(start, n)
    return abs(mpmath.mpf(library.compPi_ctypes(start, n)) - exact) / abs(exact)


class PiReference(unittest.TestCase):
    def test_the_closed_form_is_the_sum(self):
        for n in (1, 2, 3, 10):
            with mpmath.workdps(60):
                terms = [4 / (1 + ((k - mpmath.mpf(1) / 2) / n) ** 2) for k in range(n)]
                self.assertLess(abs(mpmath.fsum(terms) / n - closed_form(0, n)), mpmath.mpf(10) ** -50)

    def test_without_a_start(self):
        for n in (1, 2, 3, 10, 1000, 10**5, 10**7, 123456789):
            self.assertLessEqual(relative_error(0.0, n), 1e-14, n)

    def test_with_a_start(self):
        for start, n in [(1.0, 1), (0.25, 3), (3.14, 10), (1e6, 1000), (2.5e7, 10**7)]:
            self.assertLessEqual(relative_error(start, n), 1e-14, (start, n))

    def test_the_largest(self):
        self.assertLessEqual(relative_error(0.0, 2**31 - 1), 1e-14)


if __name__ == "__main__":
    unittest.main()
