"""Where the library under test is, and its three functions as ctypes scripts declare them."""
import ctypes
import os

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARIES = os.path.join(PROJECT, "build", "lib")


def load(name="libungil.so"):
    return declare(ctypes.CDLL(os.path.join(LIBRARIES, name)))


def declare(library):
    library.test.argtypes = [ctypes.c_int, ctypes.c_int]
    library.num_primes.argtypes = [ctypes.c_int32, ctypes.POINTER(ctypes.c_int32)]
    library.num_primes.restype = ctypes.c_int32
    library.compPi_ctypes.argtypes = [ctypes.c_double, ctypes.c_int32]
    library.compPi_ctypes.restype = ctypes.c_double
    library.ungil_last_error.restype = ctypes.c_char_p
    library.ungil_sum_multiples.argtypes = [ctypes.c_int64] * 3 + [ctypes.POINTER(ctypes.c_int64)]
    library.ungil_cpu_detected.restype = ctypes.c_char_p
    library.ungil_cpu_active.restype = ctypes.c_char_p
    library.ungil_version.restype = ctypes.c_char_p
    return library


def int_array(numbers):
    numbers = list(numbers)
    return (ctypes.c_int32 * len(numbers))(*numbers)
