"""Computes pi as a sum of many terms, twice: in sequence, then in two Python threads.

    python3 examples/python/pi.py [C_TERMS [PYTHON_TERMS]]
"""
import ctypes
import sys

from side_by_side import Table, find

library = ctypes.CDLL(find("pi_c.so"))
library.compPi_ctypes.restype = ctypes.c_double
library.compPi_ctypes.argtypes = [ctypes.c_double, ctypes.c_int]


def python_pi(start, terms):
    width = 1.0 / terms
    total = start
    for i in range(terms):
        x = width * (i - 0.5)
        total += 4.0 / (1.0 + x * x)
    return total * width


def main(c_terms=2000000000, python_terms=3000000):
    table = Table("Pi as a sum of 4 / (1 + x^2), computed twice")
    for name, function, terms in [
        ("C", library.compPi_ctypes, c_terms),
        ("pure Python", python_pi, python_terms),
    ]:
        table.row("%s, %d terms" % (name, terms), function, [(0.0, terms)] * 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
