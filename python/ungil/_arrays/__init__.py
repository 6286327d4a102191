"""Arrays and C functions of any library as addresses, without importing the libraries that made them.

- `buffers`: an argument's memory as a `BufferRef`, to be read or to be written; iterables are copied.
- `conversions`: copies of arrays with another type than a C function takes.
- `results`: new arrays for results.
- `dtypes`: element types and the buffer protocol's formats.
- `addresses`: the address of a memoryview.
- `c_functions`, `c_signatures`: C functions from ctypes, numba, CFFI, Cython and SciPy, with their signatures.

The public modules and `interpreters` use these modules; of the package they need `_native.scalars` alone.
"""
