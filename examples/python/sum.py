"""Sums the multiples of 3 below a bound, twice: in sequence, then in two Python threads.

ctypes releases the GIL while C code runs, so two calls in two threads take the time of one. Pure Python functions in
threads wait for each other.

    python3 examples/python/sum.py [C_BOUND [PYTHON_BOUND]]
"""
import ctypes
import sys

from side_by_side import Table, find

library = ctypes.CDLL(find("libtest.so"))
library.test.argtypes = [ctypes.c_int, ctypes.c_int]


def python_test(start, end):
    total = 0
    for i in range(start, end):
        if i % 3 == 0:
            total += i
    return (total + 2**31) % 2**32 - 2**31  # wraps like an int32_t


def main(c_bound=2**31 - 1, python_bound=5000000):
    table = Table("The sum of the multiples of 3, modulo 2^32, computed twice")
    for name, function, bound in [("C", library.test, c_bound), ("pure Python", python_test, python_bound)]:
        table.row("%s, below %d" % (name, bound), function, [(0, bound)] * 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
