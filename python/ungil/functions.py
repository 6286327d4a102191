"""C functions of the caller's, called on all cores: in a loop, for each element of an array, in an integral.

function: a C function, in any of these forms:
    one of a library that ctypes loaded, or a Python function by ctypes.CFUNCTYPE (whose calls take turns at Python's
    lock); what numba.cfunc compiled; CFFI's pointer to a function; SciPy's LowLevelCallable, or a capsule as Cython
    makes it; an int, its address.
    It is called from several threads at once. It must return, without a C++ exception or longjmp().
context: what the function gets as void *: an array or another object with memory, whose address it is, and which
    stays where it is during the call; an object or a pointer of ctypes or CFFI; an int, which is an address; None for
    NULL, or for a LowLevelCallable's user_data. Functions must not write to memory that is read-only in Python.
threads, control, Ctrl-C, and errors: as in ungil.kernels. A call of the function is never interrupted: where it
    takes long, so does stopping.

Errors of all: TypeError for a function with another signature, as far as that is known, and for a Python function.
Where only an address is known, nothing can be checked: a wrong signature there ends the process, or gives wrong
numbers.
"""

from __future__ import annotations

import ctypes
from typing import TYPE_CHECKING, Any, Callable, SupportsFloat, SupportsIndex, TypeVar, Union, overload

from ._arrays.buffers import numbers_of
from ._arrays.c_functions import context_of, function_of
from ._arrays.c_signatures import Signature
from ._arrays.dtypes import FLOAT64, INT64
from ._arrays.results import result_for
from ._native.call_options import UNKNOWN, manner
from ._native.library import library
from ._native.scalars import integer, real
from .control import Control

if TYPE_CHECKING:
    from ._arrays.buffers import Integers, Reals

Out = TypeVar("Out")
Real = Union[SupportsFloat, SupportsIndex]

_BODY = Signature("int32_t", ("int64_t", "int64_t", "void *"))
_INTEGRAND = Signature("double", ("double", "void *"))
_MAPS = {
    Signature("double", ("double",)): FLOAT64,
    Signature("int64_t", ("int64_t",)): INT64,
}
_MAP: dict[str, Callable[..., int]] = {"float64": library.ungil_map_f64, "int64": library.ungil_map_i64}

_RANGES = 1024


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
    """Calls function(begin, end, context) for ranges that make up range(start, stop).

    function: int32_t (int64_t begin, int64_t end, void *context). It returns 0 to go on, or a positive number to stop.
    start, stop: int64; start <= stop.
    grain: the length of a range, 1 or more; the last may be shorter. By default there are 1024 ranges, if there are as
    many indices.
    Returns 0 if the whole loop is done; else the number that a plain loop would have stopped with: that of the lowest
    range that returned one. Ranges after it may have been done, too.
    Cost: 0.1 us a range.
    """
    how = manner(threads, control)
    first, end = integer("start", start), integer("stop", stop)
    if first > end:
        raise ValueError("stop: %d is below start, which is %d" % (end, first))
    length = max(1, -(-(end - first) // _RANGES)) if grain is None else integer("grain", grain)
    body = function_of(function, _BODY)
    data = context_of(context, body)

    call = library.ungil_parallel_for
    return how.run(
        lambda n, handle: call(first, end, length, n, body.address, data.address, handle),
        UNKNOWN if end > first else 0,
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
    """function(x) for each x of the numbers: libm's erf, for example.

    function: double (double), or int64_t (int64_t).
    numbers: float64 or int64, as the function has it; where nobody knows what the function has, as the array has it,
    and an iterable is taken as float64.
    out: room for as many results of the same type, which is returned then; it may be numbers itself.
    Returns an array with the shape of numbers: numpy's, or an array.array where there is no numpy.
    Cost: that of a plain loop in C.
    """
    how = manner(threads, control)
    called = function_of(function, *_MAPS)
    if called.context:
        raise TypeError("function: one that is mapped is called without a context, and it brings one along")
    types = tuple(element for signature, element in _MAPS.items() if called.signature.fits(signature))
    memory = numbers_of("numbers", numbers, types)
    result, room = result_for(memory, out, (memory.element,))
    apply, source, target, length = _MAP[memory.element.name], memory.pointer, room.pointer, memory.length
    how.run(
        lambda n, handle: apply(called.address, source, target, length, n, handle),
        UNKNOWN if length else 0,
        memory,
        room,
    )
    return result


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
    """The integral of function(x, context) from a to b by the composite midpoint rule, in n parts.

    function: double (double x, void *context).
    a, b: the ends, finite, at a finite distance; b may be below a, which gives the negative.
    n: 1 or more.
    Precision: the rule's own error is (b - a)^3 / (24 n^2) times the function's second derivative somewhere between a
    and b. The sum is taken as if in twice the precision, and rounded once.
    Cost: n calls of the function.
    """
    how = manner(threads, control)
    ends, parts = (real("a", a), real("b", b)), integer("n", n)
    integrand = function_of(function, _INTEGRAND)
    data = context_of(context, integrand)
    result = ctypes.c_double()
    reference = ctypes.byref(result)
    call = library.ungil_integrate
    how.run(
        lambda threads, handle: call(integrand.address, data.address, *ends, parts, threads, handle, reference),
        UNKNOWN,
        *data.memory,
    )
    return result.value
