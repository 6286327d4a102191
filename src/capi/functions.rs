//! Functions of the caller, on all cores.

use std::ffi::c_void;

use super::control::CallArguments;
use crate::capi::abi::array::{CallerArray, CallerOutArray, MappedArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::interp::exit::abandon::call_abandonable;
use crate::ops::functions::{self, ForeignCalls};

/// Runs part of a loop: the indices from begin to end - 1. Returns 0 to continue, or any other number to stop the loop.
pub type UngilLoopBody = Option<unsafe extern "C-unwind" fn(begin: i64, end: i64, ctx: *mut c_void) -> i32>;

/// Maps a double to a double, as sin() and erf() do.
pub type UngilMapF64 = Option<unsafe extern "C-unwind" fn(x: f64) -> f64>;

/// Maps a 64-bit integer to a 64-bit integer.
pub type UngilMapI64 = Option<unsafe extern "C-unwind" fn(x: i64) -> i64>;

/// A real function to integrate; ctx carries what else it needs.
pub type UngilIntegrand = Option<unsafe extern "C-unwind" fn(x: f64, ctx: *mut c_void) -> f64>;

/// A pointer that only the caller's function uses.
#[derive(Clone, Copy)]
struct Context(*mut c_void);

// SAFETY: this library passes the pointer to the caller's function and does not use what it points to. Several threads
// do so at once, which the header requires the function and ctx to allow.
unsafe impl Sync for Context {}

impl Context {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// Calls of the caller's functions. They may call Python, which no thread enters any more once the process is exiting: so
/// a thread must be able to abandon them.
struct Abandonable;

impl ForeignCalls for Abandonable {
    fn run<R>(&self, calls: impl FnOnce() -> R) -> R {
        call_abandonable(calls)
    }
}

/// Calls function(b, e, ctx) for ranges [b, e) that make up [begin, end), on several threads.
///
/// begin, end: the ends of the loop; it is empty if begin == end.
/// grain: the length of the range that one call of the function receives, 1 or more; the last range may be shorter.
/// nthreads: see "Calls on many threads" above.
/// function: see "Functions of the caller" above. If it returns a number other than 0, the loop stops: no more ranges
/// begin once the other threads notice, and those that have begun are finished. The number of the lowest such range is
/// returned. As ranges begin in order, a sequential loop would have stopped with the same number.
/// ctx: passed to the function.
/// control: see "Calls on many threads" above.
/// Returns UNGIL_OK; or the function's number, which should be positive, as negative numbers are this library's errors;
/// or an error. There is a message in ungil_last_error() in the latter two cases.
/// Errors: UNGIL_E_NULL if function is NULL; UNGIL_E_INVALID if begin > end, or if grain is 0 or negative; those of
/// nthreads and control.
/// Thread-safety: any number of threads at once, also inside a function that another call runs.
/// Cost: 0.1 us per range, and some microseconds if other threads take part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_parallel_for(
    begin: i64,
    end: i64,
    grain: i64,
    nthreads: i32,
    function: UngilLoopBody,
    ctx: *mut c_void,
    control: i32,
) -> i32 {
    guarded_status("ungil_parallel_for", || {
        let function = function.ok_or(CallError::Null { parameter: "function" })?;
        let ctx = Context(ctx);
        // SAFETY: the function is not NULL, and by the header's contract any thread may call it with ctx.
        let body = |begin, end| unsafe { function(begin, end, ctx.get()) };
        let call = CallArguments::new(nthreads, control)?;
        Ok(functions::parallel_for((begin, end), grain, &Abandonable, body, call.options())?)
    })
}

/// `out[i] = function(in[i])` for i = 0 to n-1, on several threads.
///
/// function: see "Functions of the caller" above; for example, libm's erf().
/// in: n numbers, read only, at any alignment; no other thread may write to them during the call. May be NULL if n is 0.
/// out: receives n numbers, at any alignment; no other thread may use it during the call. It may be the same array as in,
/// but must not overlap it otherwise. May be NULL if n is 0.
/// n: the number of elements.
/// nthreads, control: see "Calls on many threads" above.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if function is NULL, or if in or out is NULL while n is positive; UNGIL_E_INVALID if an array is
/// larger than the address space, or if in and out overlap but are not the same; those of nthreads and control.
/// Thread-safety: any number of threads at once, also inside a function that another call runs.
/// Cost: that of a plain loop, divided by the number of threads, and some microseconds if other threads take part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_map_f64(
    function: UngilMapF64,
    r#in: *const f64,
    out: *mut f64,
    n: usize,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_map_f64", || {
        let function = function.ok_or(CallError::Null { parameter: "function" })?;
        // SAFETY: the header's contract for the arrays is that of `map`. The function is not NULL, and by the header's
        // contract any thread may call it.
        unsafe { map(|x| function(x), r#in, out, n, nthreads, control) }
    })
}

/// ungil_map_f64() for 64-bit integers.
///
/// function, in, out, n, nthreads, control: as for ungil_map_f64().
/// Returns, Errors, Thread-safety, Cost: as for ungil_map_f64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_map_i64(
    function: UngilMapI64,
    r#in: *const i64,
    out: *mut i64,
    n: usize,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_map_i64", || {
        let function = function.ok_or(CallError::Null { parameter: "function" })?;
        // SAFETY: the header's contract for the arrays is that of `map`. The function is not NULL, and by the header's
        // contract any thread may call it.
        unsafe { map(|x| function(x), r#in, out, n, nthreads, control) }
    })
}

/// # Safety
/// The arrays are as [`CallerArray::new`] and [`CallerOutArray::new`] require, except that they may be the same.
unsafe fn map<T: Copy + Send + Sync>(
    function: impl Fn(T) -> T + Sync,
    source: *const T,
    out: *mut T,
    n: usize,
    nthreads: i32,
    control: i32,
) -> Result<(), CallError> {
    // SAFETY: this function's contract is that of both.
    let (source, out) = unsafe { (CallerArray::new("in", source, n)?, CallerOutArray::new("out", out, n)?) };
    let arrays = MappedArray::new(source, out)?;
    let call = CallArguments::new(nthreads, control)?;
    Ok(functions::map(&arrays, &Abandonable, function, call.options())?)
}

/// The integral of a function from a to b by the composite midpoint rule: (b - a)/n times the sum of the function at
/// a + (b - a) * (i + 0.5)/n for i = 0 to n-1.
///
/// function: see "Functions of the caller" above.
/// ctx: passed to the function.
/// a, b: the ends, finite and at a finite distance. If b is below a, the result is the negative of the integral from b
/// to a.
/// n: the number of parts, 1 or more.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the integral, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if function or out is NULL; UNGIL_E_INVALID if a, b or their distance is not finite, or if n is
/// 0 or negative; those of nthreads and control.
/// Thread-safety: any number of threads at once, also inside a function that another call runs.
/// Precision: the error of the rule is (b - a)^3 / (24 n^2) times the function's second derivative at some point between
/// a and b. The sum is computed in about twice the precision and rounded once. If the function's values are the same,
/// the bits of the result do not depend on the number of threads. A sum too large for a double gives an infinity.
/// Cost: n calls of the function, divided by the number of threads, and some microseconds if other threads take part.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_integrate(
    function: UngilIntegrand,
    ctx: *mut c_void,
    a: f64,
    b: f64,
    n: i64,
    nthreads: i32,
    control: i32,
    out: *mut f64,
) -> i32 {
    guarded_status("ungil_integrate", || {
        let function = function.ok_or(CallError::Null { parameter: "function" })?;
        // SAFETY: the caller passes NULL or a writable double.
        let out = unsafe { Out::new("out", out) }?;
        let ctx = Context(ctx);
        // SAFETY: the function is not NULL, and by the header's contract any thread may call it with ctx.
        let value = |x| unsafe { function(x, ctx.get()) };
        let call = CallArguments::new(nthreads, control)?;
        out.write(functions::integrate((a, b), n, &Abandonable, value, call.options())?);
        Ok(())
    })
}
