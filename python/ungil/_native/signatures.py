"""ungil.h for ctypes: constants, callback types, structures, and the parameters and result of each function.

Generated from src/capi/: change the Rust source and run `make header`.
"""
# Long: it has an entry for each function.
from ctypes import CFUNCTYPE, POINTER, Structure, _CFuncPtr
from ctypes import c_char_p, c_double, c_int32, c_int64, c_size_t, c_uint64, c_uint8, c_void_p
from numbers import Integral

UNGIL_OK = 0
UNGIL_E_NULL = -1
UNGIL_E_INVALID = -2
UNGIL_E_OVERFLOW = -3
UNGIL_E_INTERNAL = -4
UNGIL_E_HANDLE = -5
UNGIL_E_IN_USE = -6
UNGIL_E_CANCELLED = -7
UNGIL_E_TIMED_OUT = -8
UNGIL_E_EXHAUSTED = -9
UNGIL_E_FORKED = -10
UNGIL_E_PYTHON = -11
UNGIL_E_UNSUPPORTED = -12
UNGIL_E_EXITING = -13
UNGIL_E_DIED = -14
UNGIL_E_CLOSED = -15
UNGIL_E_INTERRUPTED = -16
UNGIL_E_BROKEN = -17
UNGIL_BARRIER_HOLD = 1
UNGIL_BARRIER_BREAK = 2
UNGIL_CALL_QUEUED = 0
UNGIL_CALL_RUNNING = 1
UNGIL_CALL_DONE = 2
UNGIL_CALL_CANCELLED = 3


class FunctionPointer(object):
    """A parameter type for argtypes: a C function of the CFUNCTYPE `prototype`.

    It accepts such a callback, a function of a loaded library, an address, and None for NULL. The prototype itself
    would accept only callbacks, and c_void_p would also accept strings and arrays, and call their contents.
    """

    def __init__(self, prototype):
        self.prototype = prototype

    def from_param(self, value):
        if isinstance(value, Integral) and not isinstance(value, bool):
            return self._address(int(value))
        if isinstance(value, _CFuncPtr):
            self._check(value)
        elif not (value is None or isinstance(value, c_void_p)):
            raise TypeError("expected a C function, an address or None, not " + type(value).__name__)
        return c_void_p.from_param(value)

    @staticmethod
    def _address(value):
        if value != (c_void_p(value).value or 0):  # ctypes would truncate it
            raise TypeError("%d is not an address" % value)
        return c_void_p.from_param(value)

    def _check(self, function):
        """Compare the types. A callback has one; a library's function has one only if it was declared."""
        if function.argtypes is None:
            return
        expected = (self.prototype._restype_,) + self.prototype._argtypes_
        given = (function.restype,) + tuple(function.argtypes)
        if [_code(kind) for kind in given] != [_code(kind) for kind in expected]:
            raise TypeError("the function has other parameter types or another result type than expected")


def _code(kind):
    """A letter for each way in which C passes a type; it is the same for all pointers."""
    code = getattr(kind, "_type_", None)
    return code if isinstance(code, str) and code not in "OPZz" else "P"


UngilLoopBody = CFUNCTYPE(c_int32, c_int64, c_int64, c_void_p)
UngilMapF64 = CFUNCTYPE(c_double, c_double)
UngilMapI64 = CFUNCTYPE(c_int64, c_int64)
UngilIntegrand = CFUNCTYPE(c_double, c_double, c_void_p)
UngilRelease = CFUNCTYPE(None, c_void_p)


class UngilBuffer(Structure):
    _fields_ = [
        ("address", c_void_p),
        ("length", c_size_t),
        ("readonly", c_int32),
        ("release", UngilRelease),
        ("owner", c_void_p),
    ]


class UngilReply(Structure):
    _fields_ = [
        ("response", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("handle", c_int32),
    ]


class UngilMessage(Structure):
    _fields_ = [
        ("data", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("tag", c_int64),
        ("handle", c_int32),
    ]


class UngilArrival(Structure):
    _fields_ = [
        ("party", c_uint64),
        ("number", c_int32),
    ]


class UngilInboxCounts(Structure):
    _fields_ = [
        ("queued", c_size_t),
        ("running", c_size_t),
        ("interrupted", c_size_t),
        ("waiting", c_size_t),
    ]


# Maps a function's name to its restype and its parameters, in order.
SIGNATURES = {
    "ungil_version": (c_char_p, []),
    "ungil_abi_version": (c_int32, []),
    "ungil_cpu_detected": (c_char_p, []),
    "ungil_cpu_active": (c_char_p, []),
    "ungil_last_error": (c_char_p, []),
    "test": (c_int32, [("from", c_int32), ("to", c_int32)]),
    "num_primes": (c_int32, [("size", c_int32), ("numbers", POINTER(c_int32))]),
    "compPi_ctypes": (c_double, [("pi", c_double), ("niter", c_int32)]),
    "ungil_control_new": (c_int32, [("control", POINTER(c_int32))]),
    "ungil_control_free": (c_int32, [("control", c_int32)]),
    "ungil_control_cancel": (c_int32, [("control", c_int32)]),
    "ungil_control_set_deadline_ms": (c_int32, [("control", c_int32), ("milliseconds", c_int64)]),
    "ungil_control_progress": (c_int32, [
        ("control", c_int32),
        ("done", POINTER(c_uint64)),
        ("total", POINTER(c_uint64)),
    ]),
    "ungil_num_threads": (c_int32, []),
    "ungil_set_num_threads": (c_int32, [("nthreads", c_int32)]),
    "ungil_num_threads_setting": (c_int32, []),
    "ungil_test": (c_int32, [
        ("from", c_int32),
        ("to", c_int32),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("out", POINTER(c_int32)),
    ]),
    "ungil_sum_multiples": (c_int32, [
        ("from", c_int64),
        ("to", c_int64),
        ("k", c_int64),
        ("out", POINTER(c_int64)),
    ]),
    "ungil_num_primes_i32": (c_int32, [
        ("numbers", POINTER(c_int32)),
        ("length", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("count", POINTER(c_uint64)),
    ]),
    "ungil_pi": (c_int32, [
        ("n", c_int64),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("out", POINTER(c_double)),
    ]),
    "ungil_sum_f64": (c_int32, [
        ("numbers", POINTER(c_double)),
        ("length", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("sum", POINTER(c_double)),
    ]),
    "ungil_is_prime_u64": (c_int32, [
        ("numbers", POINTER(c_uint64)),
        ("length", c_size_t),
        ("out", POINTER(c_uint8)),
        ("nthreads", c_int32),
        ("control", c_int32),
    ]),
    "ungil_is_prime_i64": (c_int32, [
        ("numbers", POINTER(c_int64)),
        ("length", c_size_t),
        ("out", POINTER(c_uint8)),
        ("nthreads", c_int32),
        ("control", c_int32),
    ]),
    "ungil_count_primes_u64": (c_int32, [
        ("numbers", POINTER(c_uint64)),
        ("length", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("count", POINTER(c_uint64)),
    ]),
    "ungil_count_primes_i64": (c_int32, [
        ("numbers", POINTER(c_int64)),
        ("length", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("count", POINTER(c_uint64)),
    ]),
    "ungil_count_primes_i32": (c_int32, [
        ("numbers", POINTER(c_int32)),
        ("length", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("count", POINTER(c_uint64)),
    ]),
    "ungil_parallel_for": (c_int32, [
        ("begin", c_int64),
        ("end", c_int64),
        ("grain", c_int64),
        ("nthreads", c_int32),
        ("function", FunctionPointer(UngilLoopBody)),
        ("ctx", c_void_p),
        ("control", c_int32),
    ]),
    "ungil_map_f64": (c_int32, [
        ("function", FunctionPointer(UngilMapF64)),
        ("in", POINTER(c_double)),
        ("out", POINTER(c_double)),
        ("n", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
    ]),
    "ungil_map_i64": (c_int32, [
        ("function", FunctionPointer(UngilMapI64)),
        ("in", POINTER(c_int64)),
        ("out", POINTER(c_int64)),
        ("n", c_size_t),
        ("nthreads", c_int32),
        ("control", c_int32),
    ]),
    "ungil_integrate": (c_int32, [
        ("function", FunctionPointer(UngilIntegrand)),
        ("ctx", c_void_p),
        ("a", c_double),
        ("b", c_double),
        ("n", c_int64),
        ("nthreads", c_int32),
        ("control", c_int32),
        ("out", POINTER(c_double)),
    ]),
    "ungil_interp_new": (c_int32, [("options", c_char_p), ("interp", POINTER(c_int32))]),
    "ungil_interp_free": (c_int32, [("interp", c_int32)]),
    "ungil_interp_count": (c_int32, [("in_use", POINTER(c_int32)), ("idle", POINTER(c_int32))]),
    "ungil_interp_is_alive": (c_int32, [("interp", c_int32), ("alive", POINTER(c_int32))]),
    "ungil_interp_exec": (c_int32, [("interp", c_int32), ("source", c_char_p)]),
    "ungil_interp_eval": (c_int32, [
        ("interp", c_int32),
        ("expression", c_char_p),
        ("text", POINTER(c_char_p)),
    ]),
    "ungil_interp_libraries": (c_int32, [("interp", c_int32), ("text", POINTER(c_char_p))]),
    "ungil_interp_interrupt": (c_int32, [("interp", c_int32)]),
    "ungil_interp_call": (c_int32, [
        ("interp", c_int32),
        ("request", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("reply", POINTER(UngilReply)),
    ]),
    "ungil_reply_free": (c_int32, [("handle", c_int32)]),
    "ungil_release_flag": (None, [("owner", c_void_p)]),
    "ungil_interp_end_release": (c_int32, [("release", FunctionPointer(UngilRelease))]),
    "ungil_exchange_share": (c_int32, [
        ("object", c_int32),
        ("holder", c_int32),
        ("handle", POINTER(c_int32)),
    ]),
    "ungil_exchange_id": (c_int32, [("object", c_int32), ("id", POINTER(c_uint64))]),
    "ungil_exchange_free": (c_int32, [("object", c_int32)]),
    "ungil_queue_new": (c_int32, [("capacity", c_size_t), ("queue", POINTER(c_int32))]),
    "ungil_queue_put": (c_int32, [
        ("queue", c_int32),
        ("tag", c_int64),
        ("data", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("timeout_ms", c_int64),
        ("control", c_int32),
    ]),
    "ungil_queue_get": (c_int32, [
        ("queue", c_int32),
        ("space", c_void_p),
        ("capacity", c_size_t),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("message", POINTER(UngilMessage)),
    ]),
    "ungil_queue_try_put": (c_int32, [
        ("queue", c_int32),
        ("tag", c_int32),
        ("data", c_void_p),
        ("length", c_int32),
    ]),
    "ungil_queue_try_get": (c_int32, [
        ("queue", c_int32),
        ("space", c_void_p),
        ("capacity", c_int32),
        ("message", POINTER(UngilMessage)),
    ]),
    "ungil_queue_put_back": (c_int32, [("queue", c_int32), ("message", POINTER(UngilMessage))]),
    "ungil_message_free": (c_int32, [("message", c_int32)]),
    "ungil_queue_close": (c_int32, [("queue", c_int32), ("discard", c_int32)]),
    "ungil_queue_length": (c_int32, [("queue", c_int32), ("length", POINTER(c_size_t))]),
    "ungil_queue_task_done": (c_int32, [("queue", c_int32)]),
    "ungil_queue_join": (c_int32, [("queue", c_int32), ("timeout_ms", c_int64), ("control", c_int32)]),
    "ungil_counter_new": (c_int32, [("value", c_int64), ("counter", POINTER(c_int32))]),
    "ungil_counter_value": (c_int32, [("counter", c_int32), ("value", POINTER(c_int64))]),
    "ungil_counter_add": (c_int32, [("counter", c_int32), ("change", c_int64), ("value", POINTER(c_int64))]),
    "ungil_counter_exchange": (c_int32, [
        ("counter", c_int32),
        ("value", c_int64),
        ("former", POINTER(c_int64)),
    ]),
    "ungil_counter_compare_exchange": (c_int32, [
        ("counter", c_int32),
        ("expected", c_int64),
        ("value", c_int64),
        ("former", POINTER(c_int64)),
    ]),
    "ungil_counter_wait": (c_int32, [
        ("counter", c_int32),
        ("lowest", c_int64),
        ("highest", c_int64),
        ("change", c_int64),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("former", POINTER(c_int64)),
    ]),
    "ungil_barrier_new": (c_int32, [("parties", c_int32), ("barrier", POINTER(c_int32))]),
    "ungil_barrier_wait": (c_int32, [
        ("barrier", c_int32),
        ("flags", c_int32),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("number", POINTER(c_int32)),
    ]),
    "ungil_barrier_stay": (c_int32, [
        ("barrier", c_int32),
        ("flags", c_int32),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("arrival", POINTER(UngilArrival)),
    ]),
    "ungil_barrier_leave": (c_int32, [("barrier", c_int32), ("arrival", POINTER(UngilArrival))]),
    "ungil_barrier_release": (c_int32, [("barrier", c_int32)]),
    "ungil_barrier_abort": (c_int32, [("barrier", c_int32)]),
    "ungil_barrier_reset": (c_int32, [("barrier", c_int32)]),
    "ungil_barrier_status": (c_int32, [
        ("barrier", c_int32),
        ("waiting", POINTER(c_int32)),
        ("broken", POINTER(c_int32)),
    ]),
    "ungil_inbox_new": (c_int32, [("inbox", POINTER(c_int32))]),
    "ungil_inbox_weak": (c_int32, [("inbox", c_int32), ("weak", POINTER(c_int32))]),
    "ungil_inbox_free": (c_int32, [("inbox", c_int32)]),
    "ungil_inbox_submit": (c_int32, [
        ("inbox", c_int32),
        ("function", c_int64),
        ("request", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("call", POINTER(c_int64)),
    ]),
    "ungil_inbox_close": (c_int32, [("inbox", c_int32)]),
    "ungil_inbox_fail": (c_int32, [("inbox", c_int32), ("interp", c_int32)]),
    "ungil_inbox_counts": (c_int32, [("inbox", c_int32), ("counts", POINTER(UngilInboxCounts))]),
    "ungil_inbox_await_call": (c_int32, [("inbox", c_int32), ("timeout_ms", c_int64), ("control", c_int32)]),
    "ungil_inbox_serve": (c_int32, [
        ("inbox", c_int32),
        ("interp", c_int32),
        ("collect", c_void_p),
        ("length", c_size_t),
        ("lost", FunctionPointer(UngilRelease)),
    ]),
    "ungil_inbox_resume": (c_int32, [
        ("inbox", c_int32),
        ("call", c_int64),
        ("request", c_void_p),
        ("length", c_size_t),
    ]),
    "ungil_inbox_cancel_queued": (c_int32, [("inbox", c_int32)]),
    "ungil_inbox_stop": (c_int32, [("inbox", c_int32)]),
    "ungil_inbox_give_up": (c_int32, [("inbox", c_int32), ("running", c_int32)]),
    "ungil_inbox_completed": (c_int32, [
        ("inbox", c_int32),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("calls", POINTER(c_int64)),
        ("capacity", c_size_t),
        ("count", POINTER(c_size_t)),
    ]),
    "ungil_call_state": (c_int32, [("call", c_int64), ("state", POINTER(c_int32))]),
    "ungil_call_wait": (c_int32, [
        ("call", c_int64),
        ("timeout_ms", c_int64),
        ("control", c_int32),
        ("reply", POINTER(UngilReply)),
    ]),
    "ungil_call_current": (c_int32, [("call", POINTER(c_int64))]),
    "ungil_call_cancel": (c_int32, [("call", c_int64)]),
    "ungil_call_watch": (c_int32, [("call", c_int64), ("state", POINTER(c_int32))]),
    "ungil_call_free": (c_int32, [("call", c_int64)]),
    "ungil_function_new": (c_int32, [
        ("key", c_uint64),
        ("bytes", c_void_p),
        ("length", c_size_t),
        ("buffers", POINTER(UngilBuffer)),
        ("count", c_size_t),
        ("function", POINTER(c_int64)),
    ]),
    "ungil_function_free": (c_int32, [("function", c_int64)]),
}


def declare(library):
    """Declare the types of all functions of the loaded library, and return it.

    Raises AttributeError, with the function's name, if the library lacks a function: then it is older than this file.
    """
    for name, (restype, parameters) in SIGNATURES.items():
        function = getattr(library, name)
        function.restype = restype
        function.argtypes = [kind for _, kind in parameters]
    return library
