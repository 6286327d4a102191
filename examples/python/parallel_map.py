"""Applies erf, a function of the C library, to an array: on all cores, without copying the array.

    python3 examples/python/parallel_map.py [COUNT]
"""
import ctypes
import math
import sys
from array import array
from ctypes.util import find_library

from side_by_side import find, timed_call

library = ctypes.CDLL(find("libungil.so"))
erf = ctypes.CDLL(find_library("m")).erf

Doubles = ctypes.POINTER(ctypes.c_double)
library.ungil_map_f64.argtypes = [
    ctypes.c_void_p, Doubles, Doubles, ctypes.c_size_t, ctypes.c_int32, ctypes.c_int32,
]
library.ungil_last_error.restype = ctypes.c_char_p


def parallel_map(function, source, out, count, threads=0):
    """out[i] = function(source[i]). With threads=0 it uses all processors."""
    address = ctypes.cast(function, ctypes.c_void_p)
    if library.ungil_map_f64(address, source, out, count, threads, 0) != 0:
        raise RuntimeError(library.ungil_last_error().decode())


def of_array(numbers):
    """The memory of an array.array, as a ctypes array."""
    return (ctypes.c_double * len(numbers)).from_buffer(numbers)


def of_numpy(numbers):
    """The memory of a numpy array of float64."""
    return numbers.ctypes.data_as(Doubles)


def row(name, function):
    seconds, _ = timed_call(function)
    print("  {:<48}{:>10.3f} s".format(name, seconds))


def main(count=4000000):
    print("\nerf of %d numbers\n" % count)
    numbers = array("d", (i * 1e-6 - 2 for i in range(count)))
    out = array("d", [0.0]) * count
    source, target = of_array(numbers), of_array(out)
    row("C function, one thread", lambda: parallel_map(erf, source, target, count, threads=1))
    row("C function, all processors", lambda: parallel_map(erf, source, target, count))
    few = max(1, count // 10)
    row("Python loop, a tenth of them", lambda: [math.erf(x) for x in numbers[:few]])
    assert all(abs(out[i] - math.erf(numbers[i])) <= 1e-15 for i in range(0, count, 997))

    try:
        import numpy
    except ImportError:
        print("  (numpy is not installed; its arrays work the same way)")
        return
    values = numpy.linspace(-2, 2, count)
    results = numpy.empty_like(values)
    row("the same over numpy's memory", lambda: parallel_map(erf, of_numpy(values), of_numpy(results), count))
    assert abs(results[-1] - math.erf(2)) <= 1e-15


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
