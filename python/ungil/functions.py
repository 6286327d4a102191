"""The caller's own C functions on all cores: in a loop, over an array, or in an integral.

The C function can be

- a function of a library that ctypes loaded,
- a function that numba.cfunc compiled,
- a CFFI function pointer,
- SciPy's LowLevelCallable, or a capsule as Cython makes it,
- an int, its address,
- a Python function wrapped with ctypes.CFUNCTYPE, whose calls hold the GIL and so take turns (in a free-threaded Python
  they run at the same time).

Several threads call it at the same time. It must return: it must not throw a C++ exception or call longjmp(). A call
of it is never interrupted, so cancelling takes as long as the calls that are running.

Its signature is checked as far as it is known: that of a function of a library, if the program has set its `argtypes`
and `restype`. Of an address nothing is known. Then the function is taken for one that the call expects; `map` expects
``double function(double)``. Calling a function with the wrong signature is undefined behaviour, and its results mean
nothing.

Ctrl-C interrupts a long call in the main thread, as in `ungil.kernels`.
"""

from __future__ import annotations

import ctypes
import warnings
from typing import Any, Callable, SupportsFloat, SupportsIndex, TypeVar, Union, overload

from ._arrays.c_functions import Function, as_context, as_function
from ._arrays.c_signatures import UNKNOWN, Signature
from ._arrays.conversions import Converted, as_converted_input
from ._arrays.dtypes import FLOAT64, INT64
from ._arrays.results import result_for
from ._native.call_options import UNBOUNDED, CallOptions
from ._native.library import library
from ._native.scalars import as_float, as_signed
from ._typing import Integers, Reals
from .control import Control

__all__ = ["integrate", "map", "parallel_for"]

Out = TypeVar("Out")
Real = Union[SupportsFloat, SupportsIndex]

_BODY = Signature("int32_t", ("int64_t", "int64_t", "void *"))
_INTEGRAND = Signature("double", ("double", "void *"))
_MAPS = {
    Signature("double", ("double",)): FLOAT64,
    Signature("int64_t", ("int64_t",)): INT64,
}
_MAP: dict[str, Callable[..., int]] = {"float64": library.ungil_map_f64, "int64": library.ungil_map_i64}

_DEFAULT_CHUNKS = 1024  # so many that all threads end at about the same time, and so few that the calls cost nothing


def parallel_for(
    function: Any,
    start: SupportsIndex,
    stop: SupportsIndex,
    *,
    grain: int | None = None,
    context: Any = None,
    threads: int | None = None,
    control: Control | None = None,
) -> int:
    """Call a C function for consecutive parts of ``range(start, stop)``, on several threads.

    Parameters
    ----------
    function : C function
        ``int32_t function(int64_t begin, int64_t end, void *context)``, which does the indices from `begin` to
        ``end - 1`` and returns 0 to go on, or a positive number to stop the loop. A negative number is an error. See
        `ungil.functions` for the forms it may have.
    start, stop : int
        The range, ``start <= stop``. Both are int64.
    grain : int, optional
        The number of indices per call, at least 1; the last call may have fewer. By default the range is divided into
        1024 parts, or as many as it has indices.
    context : object, optional
        The function's `context` argument: an array or another object with memory, whose address is passed and which
        stays alive during the call; a ctypes or CFFI object or pointer; or an int, an address. By default NULL, or
        the user_data of a LowLevelCallable. The function must not write to memory that is read-only in Python.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    int
        0 if the loop is complete. Otherwise the positive number that stopped it: as in a serial loop, that of the
        lowest part that returned one. Later parts may have been done too.

    Raises
    ------
    TypeError
        If `function` is not a C function or has another signature, or an argument has the wrong type.
    ValueError
        If ``start > stop``, `grain` or `threads` is not positive, `context` is not contiguous, or `control` is closed.
    OverflowError
        If an integer is out of range for int64.
    Error
        If `function` returned a negative number.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    See Also
    --------
    map : calls a C function for each element of an array.

    Notes
    -----
    Cost: 0.1 us per call of `function`.

    Examples
    --------
    >>> import ctypes
    >>> import ungil
    >>> Body = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)
    >>> squares = [0] * 5
    >>> @Body
    ... def square(begin, end, context):
    ...     for i in range(begin, end):
    ...         squares[i] = i * i
    ...     return 0
    >>> ungil.parallel_for(square, 0, 5)
    0
    >>> squares
    [0, 1, 4, 9, 16]
    """
    options = CallOptions.from_arguments(threads, control)
    first, end = as_signed("start", start), as_signed("stop", stop)
    if first > end:
        raise ValueError("stop: %d is less than start, which is %d" % (end, first))
    length = max(1, -(-(end - first) // _DEFAULT_CHUNKS)) if grain is None else as_signed("grain", grain)
    body = as_function(function, _BODY)
    data = as_context(context, body)

    call = library.ungil_parallel_for
    return options.run(
        lambda n, handle: call(first, end, length, n, body.address, data.address, handle),
        UNBOUNDED if end > first else 0,
        *data.memory,
    )


@overload
def map(
    function: Any,
    numbers: Reals | Integers,
    *,
    out: Out,
    threads: int | None = None,
    control: Control | None = None,
) -> Out: ...
@overload
def map(
    function: Any,
    numbers: Reals | Integers,
    *,
    out: None = None,
    threads: int | None = None,
    control: Control | None = None,
) -> Any: ...
def map(
    function: Any,
    numbers: Any,
    *,
    out: Any = None,
    threads: int | None = None,
    control: Control | None = None,
) -> Any:
    """Call a C function for each element of an array, on several threads.

    Parameters
    ----------
    function : C function
        ``double function(double)`` or ``int64_t function(int64_t)``. See `ungil.functions` for the forms it may have.
    numbers : array_like
        An array of any shape or an iterable of numbers. A float64 array, or an int64 array for a function of int64_t,
        is read in place. Others are copied to that type: for float64 integers, bool, float16 and float32, for int64
        integers and bool. Their elements must be numbers: dates, complex numbers and objects are errors.
    out : array, optional
        A writable array for the results, float64 or int64 like the function's result, with as many elements as
        `numbers`. It may be `numbers` itself, but must not overlap it in another way.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    array
        `out`, or a new array with the function's result type and the shape of `numbers`: a numpy.ndarray if numpy is
        installed, otherwise an array.array.

    Raises
    ------
    TypeError
        If `function` is not a C function or has another signature, or an array or argument has the wrong type; or if
        only the address of `function` is known, and `numbers` is an array of integers.
    ValueError
        If an array is not contiguous, `numbers` has masked elements, `out` is read-only, overlaps `numbers` or has
        another shape, `threads` is not positive, or `control` is closed.
    OverflowError
        If a number is out of range for the function's type.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    Warns
    -----
    RuntimeWarning
        If `numbers` are integers, and the signature of `function` is unknown, so that they become float64.

    See Also
    --------
    parallel_for : calls a C function for parts of a range.

    Notes
    -----
    Where the signature of `function` is unknown, it is taken for ``double function(double)``. So for a function of
    integers, and to get a clear error for one of several arguments, declare it as below; from an address, make a
    function with ``ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)``.

    The results are those of calls through ctypes, except that a ctypes function's `errcheck` is not called.

    Cost: that of a loop in C over the calls, divided by the number of threads; a copy of `numbers`, where they have
    another type.

    Examples
    --------
    >>> import ctypes
    >>> import ungil
    >>> libm = ctypes.CDLL("libm.so.6")
    >>> libm.sqrt.argtypes, libm.sqrt.restype = [ctypes.c_double], ctypes.c_double
    >>> ungil.map(libm.sqrt, [1, 4, 9]).tolist()
    [1.0, 2.0, 3.0]
    """
    options = CallOptions.from_arguments(threads, control)
    called = as_function(function, *_MAPS)
    if called.context:
        raise TypeError("function: expected a C function without a context, and this one has one")
    # The first one, double function(double), if the signature is unknown.
    element = next(element for signature, element in _MAPS.items() if called.signature.fits(signature))
    converted = as_converted_input("numbers", numbers, element)
    memory = converted.memory
    if called.signature == UNKNOWN and converted.were_integers:
        _tell_assumption(called, converted)
    result, output = result_for(memory, out, (memory.element,))
    apply, source, target, length = _MAP[memory.element.name], memory.pointer, output.pointer, memory.length
    options.run(
        lambda n, handle: apply(called.address, source, target, length, n, handle),
        UNBOUNDED if length else 0,
        memory,
        output,
    )
    return result


_HOW_TO_DECLARE = (
    "Declare it: function.argtypes, function.restype = [ctypes.c_double], ctypes.c_double, or with c_int64 for an"
    " int64_t function(int64_t); of an address, make a function with ctypes.CFUNCTYPE(result, parameter)(address)"
)


def _tell_assumption(called: Function, converted: Converted) -> None:
    """Tell that integers become float64 for a function whose signature is unknown: it may be one of integers."""
    given = converted.given_type
    try:
        if not hasattr(called.owner, "argtypes") and given != "int":
            message = "numbers: expected float64, not %s: of the function only its address is known. %s"
            raise TypeError(message % (given, _HOW_TO_DECLARE))
        message = (
            "function: its types are not known. It is taken for a double function(double), and %s becomes float64. %s"
        )
        warnings.warn(message % (given, _HOW_TO_DECLARE), RuntimeWarning, stacklevel=3)
    except BaseException:  # warnings may be errors
        converted.memory.release()
        raise


def integrate(
    function: Any,
    a: Real,
    b: Real,
    n: SupportsIndex,
    *,
    context: Any = None,
    threads: int | None = None,
    control: Control | None = None,
) -> float:
    """Integrate a C function from `a` to `b` with the composite midpoint rule, on several threads.

    Parameters
    ----------
    function : C function
        ``double function(double x, void *context)``. See `ungil.functions` for the forms it may have.
    a, b : float
        The limits. They and their distance are finite. If `b` is less than `a`, the integral changes its sign.
    n : int
        The number of subintervals, at least 1; int64.
    context : object, optional
        The function's `context` argument: see `parallel_for`.
    threads : int, optional
        The number of threads, at least 1. By default `ungil.num_threads`.
    control : Control, optional
        Reports the call's progress and can cancel it.

    Returns
    -------
    float
        The integral.

    Raises
    ------
    TypeError
        If `function` is not a C function or has another signature, or an argument has the wrong type.
    ValueError
        If a limit or their distance is not finite, `n` or `threads` is not positive, `context` is not contiguous, or
        `control` is closed.
    OverflowError
        If a limit is out of range for float64, or `n` for int64.
    CancelledError, TimeoutError
        If `control` was cancelled, or its deadline passed.

    Notes
    -----
    The error of the rule is ``(b - a)**3 / (24 * n**2)`` times the second derivative at some point between `a` and `b`
    [1]_. The values are summed in twice the precision and rounded once, so rounding adds next to nothing.

    Cost: `n` calls of the function.

    References
    ----------
    .. [1] P. J. Davis and P. Rabinowitz, "Methods of Numerical Integration", 2nd ed., Academic Press, 1984, chapter 2.

    Examples
    --------
    >>> import ctypes
    >>> import ungil
    >>> Integrand = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_void_p)
    >>> square = Integrand(lambda x, context: x * x)
    >>> round(ungil.integrate(square, 0, 3, 10000), 6)
    9.0
    """
    options = CallOptions.from_arguments(threads, control)
    limits, parts = (as_float("a", a), as_float("b", b)), as_signed("n", n)
    integrand = as_function(function, _INTEGRAND)
    data = as_context(context, integrand)
    result = ctypes.c_double()
    reference = ctypes.byref(result)
    call = library.ungil_integrate
    options.run(
        lambda threads, handle: call(integrand.address, data.address, *limits, parts, threads, handle, reference),
        UNBOUNDED,
        *data.memory,
    )
    return result.value
