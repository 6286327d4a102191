"""make install, install-compat and uninstall, into directories of the test's own."""
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))

CC = os.environ.get("CC", "cc")

# What install-compat adds: the names that existing ctypes scripts load.
COMPATIBILITY_NAMES = ["libpi_c.so", "libprime.so", "libprime_pthread.so", "libtest.so", "pi_c.so"]


def make(target, **variables):
    settings = ["%s=%s" % item for item in variables.items()]
    return subprocess.check_output(["make", "-C", PROJECT, target] + settings, text=True, stderr=subprocess.STDOUT)


def everything_below(directory):
    walk = os.walk(directory)
    found = (os.path.join(path, name) for path, directories, files in walk for name in directories + files)
    return sorted(os.path.relpath(path, directory) for path in found)


class Install(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.directory)

    def test_install_has_no_compatibility_names(self):
        make("install", PREFIX=self.directory)
        libraries = [name for name in everything_below(self.directory) if name.startswith("lib/lib")]
        version = os.path.basename(os.path.realpath(os.path.join(self.directory, "lib", "libungil.so")))
        self.assertEqual(libraries, ["lib/libungil.so", "lib/libungil.so.0", "lib/" + version])
        make("install-compat", PREFIX=self.directory)
        self.assertLessEqual(set(COMPATIBILITY_NAMES), set(os.listdir(os.path.join(self.directory, "lib"))))
        make("uninstall", PREFIX=self.directory)
        self.assertEqual(everything_below(self.directory), [])

    def test_into_a_staging_folder(self):
        make("install-compat", DESTDIR=self.directory, PREFIX="/usr", LIBDIR="/usr/lib64")
        self.assert_usable(os.path.join(self.directory, "usr", "lib64"))
        with open(os.path.join(self.directory, "usr/lib64/pkgconfig/ungil.pc")) as pc:
            self.assertIn("libdir=/usr/lib64\n", pc.read())
        make("uninstall", DESTDIR=self.directory, PREFIX="/usr", LIBDIR="/usr/lib64")
        self.assertEqual(everything_below(self.directory), ["usr"])

    def test_another_version_is_replaced(self):
        libraries = os.path.join(self.directory, "lib")
        make("install-compat", PREFIX=self.directory)
        old = os.path.join(libraries, "libungil.so.0.0.9")
        shutil.copy(os.path.join(libraries, "libungil.so"), old)
        make("install", PREFIX=self.directory)
        self.assertFalse(os.path.exists(old))
        self.assert_usable(libraries)
        make("uninstall", PREFIX=self.directory)
        self.assertEqual(everything_below(self.directory), [])

    def assert_usable(self, libraries):
        """A stub works, and loads the real library from the same directory."""
        script = (
            "import ctypes\n"
            "library = ctypes.CDLL(%r)\n"
            "assert library.test(0, 10) == 18\n"
            "print([line.split()[-1] for line in open('/proc/self/maps') if 'libungil' in line][0])\n"
        ) % os.path.join(libraries, "pi_c.so")
        environment = {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}
        loaded = subprocess.check_output([sys.executable, "-c", script], env=environment, text=True).strip()
        self.assertEqual(os.path.dirname(os.path.realpath(loaded)), os.path.realpath(libraries))

    def test_into_a_prefix(self):
        prefix = os.path.join(self.directory, "a prefix")
        said = make("install", PREFIX=prefix)
        self.assertIn("hint:", said)
        source = "#include <ungil.h>\nint main(void) { return test(0, 10) == 18 ? 0 : 1; }\n"
        command = ["pkg-config", "--cflags", "--libs", "ungil"]
        flags = shlex.split(subprocess.check_output(command, env=self.environment(prefix), text=True))
        program = os.path.join(self.directory, "program")
        subprocess.run([CC, "-x", "c", "-", "-o", program] + flags, input=source, text=True, check=True)
        subprocess.check_call([program], env=dict(os.environ, LD_LIBRARY_PATH=prefix + "/lib"))
        make("uninstall", PREFIX=prefix)
        self.assertEqual(everything_below(self.directory), ["a prefix", "program"])

    @staticmethod
    def environment(prefix):
        fallback = os.path.join(PROJECT, "build", "venv", "fallback")
        path = fallback + os.pathsep + os.environ["PATH"]
        return dict(os.environ, PATH=path, PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))


if __name__ == "__main__":
    unittest.main()
