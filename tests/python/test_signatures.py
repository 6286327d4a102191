"""The generated signatures in use: the types of arguments, and what stands for a C function among them."""
import ctypes
import unittest

from support import load, signatures

libc = ctypes.CDLL(None)

# The C library has functions with such a parameter: they compare two strings.
COMPARE = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.c_char_p)
COMPARER = signatures.FunctionPointer(COMPARE)
OTHER = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)
LETTERS = b"d\0a\0c\0b\0"


def c_function(name, restype, argtypes):
    """A C function declared here alone: libc.name would be declared for everybody."""
    function = libc[name]
    function.restype, function.argtypes = restype, argtypes
    return function


def sort(compare):
    letters = ctypes.create_string_buffer(LETTERS, len(LETTERS))
    types = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, COMPARER]
    c_function("qsort", None, types)(letters, 4, 2, compare)
    return letters.raw


def search_nothing(compare):
    """In no elements, so nothing is compared."""
    types = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, COMPARER]
    return c_function("bsearch", ctypes.c_void_p, types)(LETTERS, LETTERS, 0, 2, compare)


class FunctionPointer(unittest.TestCase):
    def test_takes_callbacks_functions_and_addresses(self):
        address = ctypes.cast(libc.strcmp, ctypes.c_void_p)
        declared = c_function("strcmp", ctypes.c_int, [ctypes.c_char_p] * 2)
        callback = COMPARE(lambda a, b: (a > b) - (a < b))
        for compare in (callback, libc["strcmp"], declared, address.value, address):
            self.assertEqual(sort(compare), b"a\0b\0c\0d\0", compare)

    def test_takes_none_for_null(self):
        for null in (None, 0, ctypes.c_void_p()):
            self.assertIsNone(search_nothing(null))

    def test_refuses_everything_else(self):
        number = ctypes.c_int(3)
        wrong = [b"code", u"code", bytearray(b"code"), ctypes.c_char_p(b"code"), (ctypes.c_int * 2)()]
        wrong += [number, ctypes.byref(number), ctypes.pointer(number), 1.5, True, -1, 2**64, 2**64 + 5]
        wrong += [len, lambda a, b: 0, COMPARE, [], ()]
        for value in wrong:
            self.assertRaises(ctypes.ArgumentError, search_nothing, value)

    def test_refuses_functions_of_another_type(self):
        declared = [c_function("strcmp", ctypes.c_int, types) for types in ([], [ctypes.c_char_p])]
        returns_nothing = c_function("strcmp", None, [ctypes.c_char_p] * 2)
        for function in declared + [returns_nothing, OTHER(lambda x: x)]:
            self.assertRaises(ctypes.ArgumentError, search_nothing, function)


class Declare(unittest.TestCase):
    def test_every_function_is_declared(self):
        library = load()
        for name, (restype, parameters) in signatures.SIGNATURES.items():
            function = getattr(library, name)
            self.assertIs(function.restype, restype, name)
            self.assertEqual(list(function.argtypes), [kind for _, kind in parameters], name)

    def test_wrong_arguments_are_told(self):
        library = load()
        for arguments in ((1.5, 2), (None, 2), ("1", 2)):
            self.assertRaises(ctypes.ArgumentError, library.test, *arguments)
        self.assertRaises(ctypes.ArgumentError, library.num_primes, 1, (ctypes.c_int64 * 1)())
        self.assertRaises(TypeError, library.test, 1)

    def test_a_library_without_a_function_is_told(self):
        self.assertRaises(AttributeError, signatures.declare, libc)


if __name__ == "__main__":
    unittest.main()
