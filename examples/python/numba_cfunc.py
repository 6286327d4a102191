"""Integrates a function compiled by numba on all cores.

    pip install numba && python3 examples/python/numba_cfunc.py [PARTS]
"""
import ctypes
import math
import sys

from side_by_side import find, timed_call

library = ctypes.CDLL(find("libungil.so"))
library.ungil_last_error.restype = ctypes.c_char_p
library.ungil_integrate.argtypes = [
    ctypes.c_void_p, ctypes.c_void_p, ctypes.c_double, ctypes.c_double,
    ctypes.c_int64, ctypes.c_int32, ctypes.c_int32, ctypes.POINTER(ctypes.c_double),
]

Integrand = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)


def integrate(function, a, b, parts, threads=0):
    result = ctypes.c_double()
    if library.ungil_integrate(function, None, a, b, parts, threads, 0, ctypes.byref(result)) != 0:
        raise RuntimeError(library.ungil_last_error().decode())
    return result.value


def quarter_circle(x, context):
    return math.sqrt(1.0 - x * x)


def row(name, function):
    seconds, result = timed_call(function)
    print("  {:<40}{:>10.3f} s   {!r}".format(name, seconds, result))
    return result


def main(parts=50000000):
    try:
        from numba import cfunc, types
    except ImportError:
        sys.exit("numba_cfunc.py needs numba: pip install numba")
    compiled = cfunc(types.double(types.double, types.voidptr))(quarter_circle)
    print("\nPi, as four times the area under a quarter circle, in %d parts\n" % parts)
    one = row("numba, one thread", lambda: 4 * integrate(compiled.address, 0, 1, parts, threads=1))
    all_of_them = row("numba, all processors", lambda: 4 * integrate(compiled.address, 0, 1, parts))
    assert one == all_of_them and abs(one - math.pi) < 10 / parts
    # A Python function works too, but its calls wait for each other at the GIL.
    few = max(1, parts // 500)
    callback = Integrand(quarter_circle)
    address = ctypes.cast(callback, ctypes.c_void_p)
    row("Python function, %d parts" % few, lambda: 4 * integrate(address, 0, 1, few))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
