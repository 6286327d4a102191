"""Installs into /usr/local with the compatibility names, uses that on every Python without settings, and uninstalls.

    make test-install [DOCUMENTS=directory]      (as root; articles' scripts run from the installation too)
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROJECT = os.path.dirname(HERE)

sys.path.insert(0, os.path.join(HERE, "python"))
import pythons  # noqa: E402

USE = """
import ctypes, ctypes.util
found = [ctypes.util.find_library(name) for name in ("test", "prime", "ungil")]
assert all(found), found
assert ctypes.cdll.LoadLibrary(found[0]).test(0, 1000000) == -836891211
assert ctypes.CDLL(found[1]).num_primes(0, None) == 0
pi = ctypes.CDLL("pi_c.so")
pi.compPi_ctypes.restype = ctypes.c_double
assert pi.compPi_ctypes(ctypes.c_double(0.0), 1) == 3.2
"""


def local_files():
    walk = os.walk("/usr/local")
    return {os.path.join(path, name) for path, folders, files in walk for name in folders + files}


def make(target):
    subprocess.check_call(["make", "--silent", "-C", PROJECT, target, "PREFIX=/usr/local"])


def main():
    if os.geteuid() != 0:
        print("SKIP: installing into /usr/local takes root")
        return
    before = local_files()
    if any("ungil" in path for path in before):
        sys.exit("ungil is installed in /usr/local already: uninstall it first")
    environment = {k: v for k, v in os.environ.items() if k not in ("LIBRARY_PATH", "LD_LIBRARY_PATH")}
    make("install-compat")
    try:
        found = pythons.find()
        for executable, description in found.items():
            subprocess.check_call([executable, "-c", USE], env=environment)
            print("%s: ok" % description)
        if len(sys.argv) > 1:
            subprocess.check_call([sys.executable, os.path.join(HERE, "documents.py"), sys.argv[1], "--installed"])
    finally:
        make("uninstall")
    left = sorted(local_files() - before)
    cached = [line for line in subprocess.check_output(["ldconfig", "-p"], text=True).splitlines() if "ungil" in line]
    if left or cached:
        sys.exit("left behind: %s %s" % (left, cached))
    print("%d passed, 0 failed" % len(found))


if __name__ == "__main__":
    main()
