"""Packages with extension modules, used in several interpreters at the same time."""

import os
import sys
import textwrap
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "python"))

from interpreters import Interpreter, run, shared_library, together  # noqa: E402

# OpenBLAS 0.3.21 (numpy 1.24) hangs when several threads call it, in ordinary Python threads too.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

AT_ONCE = 8

NUMPY = """
    import numpy
    assert float((numpy.eye(50) * {i} @ numpy.ones(50)).sum()) == 50 * {i}
    a = numpy.random.rand(60, 60)
    u, s, v = numpy.linalg.svd(a)
    assert numpy.allclose(u * s @ v, a)
    assert "site-packages" in numpy.linalg.__file__
"""

USES = {
    "numpy": NUMPY,
    "pandas": """
        import pandas
        frame = pandas.DataFrame({{"a": [1, 2, 1], "b": [1.0, 2.0, {i}]}})
        assert frame.groupby("a").b.sum().tolist() == [1.0 + {i}, 2.0]
    """,
    "scipy": """
        import scipy.linalg, scipy.optimize, scipy.sparse, scipy.special
        assert abs(scipy.optimize.brentq(lambda x: x * x - 2, 0, 2) - 2**0.5) < 1e-9
        assert abs(scipy.linalg.eigh([[2.0, 1.0], [1.0, 2.0]])[0] - [1, 3]).max() < 1e-12
        assert abs(scipy.special.gamma(5) - 24) < 1e-12
    """,
    "lxml": """
        from lxml import etree
        assert etree.fromstring("<a><b>{i}</b></a>").xpath("//b")[0].text == "{i}"
    """,
    "cryptography": """
        from cryptography.fernet import Fernet
        fernet = Fernet(Fernet.generate_key())
        assert fernet.decrypt(fernet.encrypt(b"{i}")) == b"{i}"
    """,
    "pydantic": """
        import pydantic
        class Model(pydantic.BaseModel):
            x: int
        assert Model(x="{i}").x == {i}
        try: Model(x="no number")
        except pydantic.ValidationError: pass
        else: raise AssertionError
    """,
    "pillow": """
        import io
        from PIL import Image
        file = io.BytesIO()
        Image.new("RGB", (64, 64), (1, 2, {i})).save(file, "PNG")
        assert Image.open(io.BytesIO(file.getvalue())).getpixel((5, 5)) == (1, 2, {i})
    """,
    "sqlite3": """
        import sqlite3
        connection = sqlite3.connect(":memory:")
        connection.create_function("twice", 1, lambda x: 2 * x)
        connection.execute("create table t(x)")
        connection.executemany("insert into t values(?)", [(j,) for j in range(1000)])
        assert connection.execute("select sum(twice(x)) from t").fetchone()[0] == 999000
    """,
    "ssl": """
        import hashlib, ssl
        ssl.create_default_context()
        assert hashlib.sha256(b"a").hexdigest().startswith("ca978112")
    """,
    "orjson": """
        import orjson
        assert orjson.loads(orjson.dumps({{"a": [1, {i}]}})) == {{"a": [1, {i}]}}
    """,
    "pyarrow": """
        import pyarrow, pyarrow.compute
        assert pyarrow.array([1, 2, {i}]).sum().as_py() == 3 + {i}
        assert pyarrow.table({{"a": [1, {i}]}}).to_pandas().a.sum() == 1 + {i}
    """,
    "cffi_looks_symbols_up_in_the_process": """
        import cffi
        ffi = cffi.FFI()
        ffi.cdef("int Py_IsInitialized(void); int getpid(void); void *PyEval_GetBuiltins(void);")
        library = ffi.dlopen(None)
        assert library.Py_IsInitialized() == 1 and library.getpid() > 0
        import ctypes
        ctypes.pythonapi.PyEval_GetBuiltins.restype = ctypes.c_void_p
        function = int(ffi.cast("intptr_t", ffi.addressof(library, "Py_IsInitialized")))
        assert function == ctypes.cast(ctypes.pythonapi.Py_IsInitialized, ctypes.c_void_p).value
    """,
    "numba": """
        import numba, numpy
        @numba.njit
        def count(n):
            total = 0
            for j in range(n): total += j
            return total
        @numba.njit
        def twice(values): return [2 * x for x in values]
        @numba.njit
        def python_objects(x):
            with numba.objmode(y="int64"): y = len(str(x))
            return y
        assert count(1000) == 499500 and twice((1, {i})) == [2, 2 * {i}] and python_objects(100) == 3
        @numba.vectorize(["float64(float64)"])
        def plus(x): return x + {i}
        assert plus(numpy.arange(3.0)).tolist() == [{i}, 1 + {i}, 2 + {i}]
    """,
}


@unittest.skipIf(shared_library() is None, "SKIP: this Python has no shared libpython")
class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.interpreters = [Interpreter() for _ in range(AT_ONCE)]

    def use(self, name):
        def work(i):
            self.interpreters[i].run(textwrap.dedent(USES[name]).format(i=i))

        together([lambda i=i: work(i) for i in range(AT_ONCE)])

    def test_the_venv_is_the_interpreters_too(self):
        interpreter = self.interpreters[0]
        interpreter.run("import sys")
        for name in ("prefix", "base_prefix", "executable", "path"):
            self.assertEqual(interpreter.eval("sys." + name), str(getattr(sys, name)))
        self.assertNotEqual(sys.prefix, sys.base_prefix)


for package in USES:
    setattr(Packages, "test_" + package, lambda self, package=package: self.use(package))


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
