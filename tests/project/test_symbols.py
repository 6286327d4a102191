"""The library exports what the header declares, and nothing else."""
import ctypes
import os
import re
import subprocess
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
OLDEST_GLIBC = 2, 17
# Older C libraries have them in a part that is linked statically.
STATIC = {"stat64", "fstat64", "lstat64", "fstatat", "fstatat64"}
LIBRARY = os.path.join(PROJECT, "build", "lib", "libungil.so")


def declared():
    with open(os.path.join(PROJECT, "include", "ungil.h")) as header:
        code = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", header.read(), flags=re.DOTALL)
    return set(re.findall(r"(\w+)\s*\([^()]*\)\s*;", code))


def exported():
    listing = subprocess.check_output(["nm", "--dynamic", "--defined-only", LIBRARY], text=True)
    return {line.split()[-1] for line in listing.splitlines()}


def symbols_of(path, *options):
    """The versions of the C library's symbols in a file: for each name, lists of numbers."""
    listing = subprocess.check_output(["nm", "--dynamic", "--with-symbol-versions", *options, path], text=True)
    found = {}
    for kind, name, version in re.findall(r" (\w) (\w+)@+GLIBC_([0-9.]+)$", listing, re.MULTILINE):
        if kind not in "wv":  # the library does without these
            found.setdefault(name, []).append(tuple(map(int, version.split("."))))
    return found


def c_library():
    with open("/proc/self/maps") as maps:
        return re.search(r"/\S*/libc[.-]\S+", maps.read()).group()


class Symbols(unittest.TestCase):
    def test_the_soname_carries_the_abi_version(self):
        dynamic = subprocess.check_output(["readelf", "--dynamic", "--wide", LIBRARY], text=True)
        soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic).group(1)
        self.assertEqual(soname, "libungil.so.%d" % ctypes.CDLL(LIBRARY).ungil_abi_version())

    def test_exports_are_the_headers_functions(self):
        self.assertIn("num_primes", declared())
        self.assertEqual(exported(), declared())

    def test_the_oldest_c_library_has_what_is_needed(self):
        needed, offered = symbols_of(LIBRARY, "--undefined-only"), symbols_of(c_library(), "--defined-only")
        self.assertIn("dlopen", needed)
        newer = {name for name, versions in needed.items() if min(versions + offered.get(name, [])) > OLDEST_GLIBC}
        self.assertEqual(newer - STATIC, set())


if __name__ == "__main__":
    unittest.main()
