"""Counts numbers with a divisor below their square root, twice: in sequence, then in two Python threads.

from_buffer passes an array.array to C without copying it. A list would have to be converted first, with
(c_int32 * n)(*numbers), and that takes longer than the counting.

    python3 examples/python/primes.py [C_COUNT [PYTHON_COUNT]]
"""
import ctypes
import sys
from array import array

from side_by_side import Table, find

library = ctypes.CDLL(find("libprime.so"))
library.num_primes.restype = ctypes.c_int32
library.num_primes.argtypes = [ctypes.c_int32, ctypes.POINTER(ctypes.c_int32)]


def python_num_primes(size, numbers):
    count = 0
    for n in numbers:
        for divisor in range(2, int(n**0.5)):
            if n % divisor == 0:
                count += 1
                break
    return count


def main(c_count=20000000, python_count=200000):
    table = Table("How many numbers n have a divisor d with 2 <= d < floor(sqrt(n)), counted twice")

    numbers = array("i", range(c_count))
    shared = (ctypes.c_int32 * c_count).from_buffer(numbers)
    table.row("C, below %d" % c_count, library.num_primes, [(c_count, shared)] * 2)

    numbers = range(python_count)
    table.row("pure Python, below %d" % python_count, python_num_primes, [(python_count, numbers)] * 2)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
