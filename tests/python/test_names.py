"""Every name that scripts load, found the ways that scripts find it, and one library behind them all."""
import ctypes
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from ctypes.util import find_library

from support import LIBRARIES, load

NAMES = ["libungil.so", "libungil.so.0", "libtest.so", "libprime.so", "libprime_pthread.so", "pi_c.so", "libpi_c.so"]


def address(library, function="test"):
    return ctypes.cast(getattr(library, function), ctypes.c_void_p).value


class Names(unittest.TestCase):
    def test_all_names_share_one_instance(self):
        addresses = set(address(load(name)) for name in NAMES)
        self.assertEqual(len(addresses), 1, addresses)

    def test_by_bare_name_on_the_search_path(self):
        for name in NAMES:
            self.assertEqual(address(ctypes.CDLL(name)), address(load()))

    def test_find_library(self):
        for name in ("test", "prime", "prime_pthread", "ungil"):
            found = find_library(name)
            self.assertIsNotNone(found, name)
            self.assertEqual(address(ctypes.cdll.LoadLibrary(found)), address(load()))

    def test_a_copy_in_the_scripts_own_folder(self):
        """CDLL("./libprime.so") of a copied stub still is the one library."""
        folder = tempfile.mkdtemp()
        try:
            shutil.copy(os.path.join(LIBRARIES, "libprime.so"), folder)
            script = (
                "from ctypes import CDLL, cast, c_void_p\n"
                "copy, real = CDLL('./libprime.so'), CDLL('libungil.so.0')\n"
                "assert cast(copy.num_primes, c_void_p).value == cast(real.num_primes, c_void_p).value\n"
            )
            subprocess.check_call([sys.executable, "-c", script], cwd=folder)
        finally:
            shutil.rmtree(folder)

    def test_versions(self):
        library = load()
        self.assertRegex(library.ungil_version().decode(), r"^\d+\.\d+\.\d+$")
        self.assertGreaterEqual(library.ungil_abi_version(), 0)

    if not hasattr(unittest.TestCase, "assertRegex"):  # Python 2
        assertRegex = unittest.TestCase.assertRegexpMatches


if __name__ == "__main__":
    unittest.main()
