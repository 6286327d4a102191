"""make install and make uninstall, into folders of the test's own."""
import ctypes
import os
import shutil
import subprocess
import tempfile
import unittest

PROJECT = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))


def make(target, **variables):
    settings = ["%s=%s" % item for item in variables.items()]
    return subprocess.check_output(["make", "-C", PROJECT, target] + settings, text=True, stderr=subprocess.STDOUT)


def everything_below(folder):
    return sorted(os.path.relpath(os.path.join(path, name), folder) for path, folders, files in os.walk(folder) for name in folders + files)


class Install(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.folder)

    def test_into_a_staging_folder(self):
        make("install", DESTDIR=self.folder, PREFIX="/usr", LIBDIR="/usr/lib64")
        library = ctypes.CDLL(os.path.join(self.folder, "usr/lib64/pi_c.so"))
        library.compPi_ctypes.restype = ctypes.c_double
        self.assertEqual(library.compPi_ctypes(ctypes.c_double(0.0), 1), 3.2)
        with open(os.path.join(self.folder, "usr/lib64/pkgconfig/ungil.pc")) as pc:
            self.assertIn("libdir=/usr/lib64\n", pc.read())
        make("uninstall", DESTDIR=self.folder, PREFIX="/usr", LIBDIR="/usr/lib64")
        self.assertEqual([path for path in everything_below(self.folder) if path != "usr"], [])

    def test_into_a_prefix(self):
        prefix = os.path.join(self.folder, "prefix")
        said = make("install", PREFIX=prefix)
        self.assertIn("hint:", said)
        source = "#include <ungil.h>\nint main(void) { return test(0, 10) == 18 ? 0 : 1; }\n"
        flags = subprocess.check_output(
            ["pkg-config", "--cflags", "--libs", "ungil"], env=self.environment(prefix), text=True
        ).split()
        program = os.path.join(self.folder, "program")
        subprocess.run(["cc", "-x", "c", "-", "-o", program] + flags, input=source, text=True, check=True)
        subprocess.check_call([program], env=dict(os.environ, LD_LIBRARY_PATH=prefix + "/lib"))
        make("uninstall", PREFIX=prefix)
        self.assertEqual(everything_below(self.folder), ["program"])

    @staticmethod
    def environment(prefix):
        fallback = os.path.join(PROJECT, "build", "venv", "fallback")
        path = fallback + os.pathsep + os.environ["PATH"]
        return dict(os.environ, PATH=path, PKG_CONFIG_PATH=os.path.join(prefix, "lib", "pkgconfig"))


if __name__ == "__main__":
    unittest.main()
