"""ungil.h for ctypes: its constants, its callback types, and what each function takes and returns.

Generated from src/capi/: change the Rust source and run `make header`.
"""
from ctypes import POINTER, _CFuncPtr
from ctypes import c_char_p, c_double, c_int32, c_int64, c_void_p
from numbers import Integral

UNGIL_OK = 0
UNGIL_E_NULL = -1
UNGIL_E_INVALID = -2
UNGIL_E_OVERFLOW = -3
UNGIL_E_INTERNAL = -4


class FunctionPointer(object):
    """In argtypes, a parameter that is a C function of the CFUNCTYPE `prototype`.

    It takes such a callback, a function of a loaded library, an address, and None for NULL. The prototype itself
    would take only the first of these, and c_void_p would take strings and arrays and call what is in them.
    """

    def __init__(self, prototype):
        self.prototype = prototype

    def from_param(self, value):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return self._address(int(value))
        if isinstance(value, _CFuncPtr):
            self._check(value)
        elif not (value is None or isinstance(value, c_void_p)):
            raise TypeError("expected a C function, an address or None, not " + type(value).__name__)
        return c_void_p.from_param(value)

    @staticmethod
    def _address(value):
        if value != (c_void_p(value).value or 0):  # ctypes would cut it off
            raise TypeError("%d is not an address" % value)
        return c_void_p.from_param(value)

    def _check(self, function):
        """A callback has a type; a library's function has one if somebody declared it."""
        if function.argtypes is None:
            return
        expected = self.prototype._restype_, self.prototype._argtypes_
        if (function.restype, tuple(function.argtypes)) != expected:
            raise TypeError("the function has other parameters, or returns something else, than is expected")


# From a function's name to (restype, its parameters in order).
SIGNATURES = {
    "ungil_version": (c_char_p, []),
    "ungil_abi_version": (c_int32, []),
    "ungil_cpu_detected": (c_char_p, []),
    "ungil_cpu_active": (c_char_p, []),
    "ungil_last_error": (c_char_p, []),
    "test": (c_int32, [("from", c_int32), ("to", c_int32)]),
    "num_primes": (c_int32, [("size", c_int32), ("numbers", POINTER(c_int32))]),
    "compPi_ctypes": (c_double, [("pi", c_double), ("niter", c_int32)]),
    "ungil_sum_multiples": (c_int32, [
        ("from", c_int64),
        ("to", c_int64),
        ("k", c_int64),
        ("out", POINTER(c_int64)),
    ]),
}


def declare(library):
    """Tells ctypes the types of all functions of the loaded library, and returns it.

    An AttributeError names a function that the library lacks: it is older than this file.
    """
    for name, (restype, parameters) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = restype
        function.argtypes = [kind for _, kind in parameters]
    return library
