"""Packages in interpreters: several in each, many interpreters, and the end of the process."""

import os
import sys
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

from interpreters import Interpreter, run, shared_library, together  # noqa: E402

# OpenBLAS 0.3.21 (numpy 1.24) hangs when several threads call it, in ordinary Python threads too.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

AT_ONCE = 4

NUMPY = """
    import numpy
    assert float((numpy.eye(50) * {i} @ numpy.ones(50)).sum()) == 50 * {i}
    a = numpy.random.rand(60, 60)
    u, s, v = numpy.linalg.svd(a)
    assert numpy.allclose(u * s @ v, a)
    assert "site-packages" in numpy.linalg.__file__
"""

# Cases that are used in the same interpreters, one after the other.
MIXED = ["cffi", "sqlite3", "pandas", "lxml", "h5py", "pyarrow", "grpc", "pillow", "ssl", "numpy"]
if sys.version_info >= (3, 15):
    MIXED.remove("h5py")  # it has no wheel for this Python

CASE = """
    import sys
    sys.path.insert(0, {folder!r})
    import cases
    cases.find()[{name!r}].function()
    sys.path.remove({folder!r})
"""


@unittest.skipIf(shared_library() is None, "SKIP: this Python has no shared libpython")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.interpreters = [Interpreter() for _ in range(AT_ONCE)]

    def test_the_venv_is_the_interpreters_too(self):
        interpreter = self.interpreters[0]
        interpreter.run("import sys")
        for name in ("prefix", "base_prefix", "executable", "path"):
            self.assertEqual(interpreter.eval("sys." + name), str(getattr(sys, name)))
        self.assertNotEqual(sys.prefix, sys.base_prefix)

    def test_one_package_after_the_other(self):
        for name in MIXED:
            source = textwrap.dedent(CASE).format(folder=HERE, name=name)
            with self.subTest(name):
                together([lambda it=it: it.run(source) for it in self.interpreters])


@unittest.skipIf(shared_library() is None, "SKIP: this Python has no shared libpython")
class Many(unittest.TestCase):
    def test_16_with_numpy(self):
        source = """
            all_of_them = [Interpreter() for _ in range(16)]
            source = %r
            together([lambda i=i: all_of_them[i].run(source.format(i=i)) for i in range(16)])
        """
        self.assertEqual(run(source % textwrap.dedent(NUMPY))[::2], (0, ""))

    def test_exit_with_workers_busy_in_numpy(self):
        """The process's libraries are finalised while threads use them."""
        for _ in range(3):
            self.assertEqual(
                run("""
                begun, begin = os.pipe()
                source = "import os, numpy as n\\na = n.random.rand(300, 300)\\n"
                source += "for i in range(10**9):\\n  a @ a\\n  if i == 9: os.write(%d, b'b')" % begin
                for _ in range(2):
                    threading.Thread(target=Interpreter().run, args=(source,), daemon=True).start()
                for _ in range(2):
                    os.read(begun, 1)
                sys.exit(7)
            """)[::2],
                (7, ""),
            )


if __name__ == "__main__":
    unittest.main()
