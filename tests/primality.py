"""A primality test that is independent of the library, for the tests of the library and the package."""


def is_prime(n):
    """Strong tests to the first twelve primes: a proof below 3.18e23 (Sorenson and Webster, Math. Comp. 86, 2017)."""
    bases = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
    if n < 2 or any(n % p == 0 for p in bases):
        return n in bases
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    return all(pow(b, odd, n) == 1 or any(pow(b, odd << r, n) == n - 1 for r in range(twos)) for b in bases)
