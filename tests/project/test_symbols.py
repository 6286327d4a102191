"""The library exports what the header declares, and nothing else."""
import ctypes
import os
import re
import subprocess
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
LIBRARY = os.path.join(PROJECT, "build", "lib", "libungil.so")


def declared():
    with open(os.path.join(PROJECT, "include", "ungil.h")) as header:
        code = re.sub(r"/\*.*?\*/|//[^\n]*|#[^\n]*", "", header.read(), flags=re.DOTALL)
    return set(re.findall(r"(\w+)\s*\([^()]*\)\s*;", code))


def exported():
    listing = subprocess.check_output(["nm", "--dynamic", "--defined-only", LIBRARY], text=True)
    return {line.split()[-1] for line in listing.splitlines()}


class Symbols(unittest.TestCase):
    def test_the_soname_carries_the_abi_version(self):
        dynamic = subprocess.check_output(["readelf", "--dynamic", "--wide", LIBRARY], text=True)
        soname = re.search(r"\(SONAME\).*\[(.*)\]", dynamic).group(1)
        self.assertEqual(soname, "libungil.so.%d" % ctypes.CDLL(LIBRARY).ungil_abi_version())

    def test_exports_are_the_headers_functions(self):
        self.assertIn("num_primes", declared())
        self.assertEqual(exported(), declared())


if __name__ == "__main__":
    unittest.main()
