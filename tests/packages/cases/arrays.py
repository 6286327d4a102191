"""Arrays of numbers."""

from . import case


@case("numpy", quick=True)
def numpy():
    import numpy as np

    matrix = np.random.default_rng().random((60, 60))
    u, s, v = np.linalg.svd(matrix)
    assert np.allclose(u * s @ v, matrix)
    assert np.fft.ifft(np.fft.fft(np.arange(8.0))).real.round().tolist() == list(range(8))


@case("scipy", quick=True)
def scipy():
    import numpy as np
    from scipy import linalg, optimize, sparse, special

    assert abs(optimize.brentq(lambda x: x**3 - 8, 0, 5) - 2) < 1e-9
    assert np.allclose(linalg.eigh([[2.0, 1.0], [1.0, 2.0]])[0], [1, 3])
    assert (sparse.eye(3) @ np.arange(3)).tolist() == [0, 1, 2]
    assert abs(special.gamma(5) - 24) < 1e-9


@case("scipy")
def scipy_more():
    from scipy import fft, signal, spatial, stats

    assert abs(stats.norm.cdf(0) - 0.5) < 1e-12
    assert spatial.cKDTree([[0, 0], [3, 4]]).query([3, 3])[1] == 1
    assert len(fft.rfft(signal.windows.hann(16))) == 9


@case("scipy")
def scipy_exception():
    """A C++ exception that becomes a Python one."""
    import numpy as np
    from scipy.spatial import Delaunay, QhullError

    try:
        Delaunay(np.ones((4, 2)))
    except QhullError:
        return
    raise AssertionError("no error")


@case("numexpr", quick=True)
def numexpr():
    import numexpr
    import numpy as np

    a, b = np.arange(5000.0), np.ones(5000)
    assert numexpr.evaluate("sum(a - b)") == a.sum() - 5000


@case("bottleneck")
def bottleneck():
    import bottleneck
    import numpy as np

    assert bottleneck.nanmean(np.array([2.0, np.nan, 4.0])) == 3
    assert bottleneck.move_sum(np.arange(4.0), window=2)[1:].tolist() == [1, 3, 5]


@case("numba", quick=True)
def numba():
    import numba
    import numpy as np

    @numba.njit
    def collatz(n):
        steps = 0
        while n != 1:
            n = n // 2 if n % 2 == 0 else 3 * n + 1
            steps += 1
        return steps

    @numba.vectorize(["float64(float64)"])
    def successor(x):
        return x + 1

    @numba.njit
    def digits(n):
        with numba.objmode(count="int64"):
            count = len(str(n))
        return count

    assert collatz(27) == 111
    assert successor(np.arange(3.0)).tolist() == [1, 2, 3]
    assert digits(12345) == 5


@case("numba")
def numba_parallel():
    import numba
    import numpy as np

    @numba.njit(parallel=True)
    def squares(values):
        total = 0.0
        for i in numba.prange(values.size):
            total += values[i] * values[i]
        return total

    assert squares(np.full(2000, 2.0)) == 8000


@case("sympy")
def sympy():
    import sympy

    x = sympy.Symbol("x")
    assert sympy.factor(x**2 - 1) == (x - 1) * (x + 1)
    assert sympy.integrate(sympy.cos(x), (x, 0, sympy.pi / 2)) == 1


@case("PyWavelets")
def pywavelets():
    import numpy as np
    import pywt

    signal = np.arange(16.0)
    assert np.allclose(pywt.idwt(*pywt.dwt(signal, "db2"), "db2"), signal)


@case("blosc2")
def blosc2():
    import blosc2
    import numpy as np

    array = np.arange(10_000)
    assert (blosc2.unpack_array2(blosc2.pack_array2(array)) == array).all()


@case("numcodecs")
def numcodecs():
    import numcodecs
    import numpy as np

    codec, array = numcodecs.Blosc("zstd"), np.arange(1000)
    assert (np.frombuffer(codec.decode(codec.encode(array)), array.dtype) == array).all()


@case("zarr")
def zarr():
    import zarr

    array = zarr.zeros((100, 100), chunks=(10, 10), dtype="i4")
    array[20:30] = 1
    assert array[:].sum() == 1000


@case("tensorstore")
def tensorstore():
    import tensorstore

    array = tensorstore.array([[1, 2], [3, 4]])
    assert array[1].read().result().tolist() == [3, 4]


@case("simsimd", "numpy")
def simsimd():
    import numpy as np
    import simsimd

    a, b = np.full(16, 3, np.float32), np.ones(16, np.float32)
    assert abs(float(simsimd.sqeuclidean(a, b)) - 64) < 1e-5


@case("Cython")
def cython():
    from Cython.Compiler.Version import version
    from Cython.Tempita import Template

    assert version and Template("{{x}}").substitute(x=3) == "3"


@case("bitarray")
def bitarray():
    from bitarray import bitarray

    bits = bitarray("1101")
    assert bits.count() == 3 and (bits << 1).to01() == "1010"
