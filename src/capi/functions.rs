//! Any C function, on all cores.

use std::ffi::c_void;
use std::ops::Range;

use super::control::with_call;
use crate::capi::abi::array::{CallerArray, CallerOutArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::interp::exit::abandon::call_abandonable;
use crate::kernels::arith::CompensatedSum;
use crate::kernels::midpoints::Midpoints;
use crate::pool::{Call, Grain};

/// Does part of a loop: the indices from begin to end - 1. Returns 0 to go on, or any other number to stop.
pub type UngilLoopBody = Option<unsafe extern "C-unwind" fn(begin: i64, end: i64, ctx: *mut c_void) -> i32>;

/// Maps a double to a double: sin() and erf() do.
pub type UngilMapF64 = Option<unsafe extern "C-unwind" fn(x: f64) -> f64>;

/// Maps a 64-bit integer to one.
pub type UngilMapI64 = Option<unsafe extern "C-unwind" fn(x: i64) -> i64>;

/// A function of a real number, with what else it needs in ctx.
pub type UngilIntegrand = Option<unsafe extern "C-unwind" fn(x: f64, ctx: *mut c_void) -> f64>;

/// A pointer that only the caller's function looks at.
#[derive(Clone, Copy)]
struct Context(*mut c_void);

// SAFETY: this library never looks at what it points to. The function that it is handed to is called from several
// threads at once, and the header asks of the caller that function and ctx allow that.
unsafe impl Sync for Context {}

impl Context {
    fn get(self) -> *mut c_void {
        self.0
    }
}

/// Calls function(b, e, ctx) for ranges [b, e) that make up [begin, end), on several threads.
///
/// begin, end: the ends of the loop; begin == end is an empty loop.
/// grain: the length of a range that one call of the function gets, 1 or more; the last one may be shorter.
/// nthreads: see "Calls on many threads" above.
/// function: see "Functions of the caller's" above. If it returns another number than 0, ranges that were begun are
/// ended, and soon no other is begun. As ranges are begun in order, the number that comes back, that of the lowest
/// range that returned one, is the number that a plain loop would have stopped with.
/// ctx: handed on to the function.
/// control: see "Calls on many threads" above.
/// Returns UNGIL_OK; or the function's number (let it be positive, as negative ones are this library's errors); or an
/// error, with a message in ungil_last_error() in both cases.
/// Errors: UNGIL_E_NULL if function is NULL; UNGIL_E_INVALID if begin > end, or if grain is 0 or negative; those of
/// nthreads and control.
/// Thread-safety: any number of threads at once, and inside another call's function.
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
        let function = function.ok_or(Error::NoFunction)?;
        if begin > end {
            return Err(Error::Invalid { parameter: "end", expected: "begin or more" });
        }
        let grain = u64::try_from(grain).ok().filter(|&grain| grain > 0);
        let grain = grain.ok_or(Error::Invalid { parameter: "grain", expected: "positive" })?;
        let len = end.abs_diff(begin);
        let ctx = Context(ctx);
        with_call(nthreads, control, len, grain, |call| {
            call.for_each(len, Grain::Fixed(grain), |range| {
                let index = |offset| begin.wrapping_add_unsigned(offset);
                // SAFETY: not NULL, so a function of this type, which may be called from any thread by the contract in
                // the header; what it does with ctx is between it and the caller.
                match call_abandonable(|| unsafe {
                    function(index(range.start), index(range.end), ctx.get())
                }) {
                    0 => Ok(()),
                    code => Err(Error::Stopped(code)),
                }
            })
        })
    })
}

/// out[i] = function(in[i]) for i = 0 to n-1, on several threads.
///
/// function: see "Functions of the caller's" above; libm's erf(), for example.
/// in: n numbers, read only, at any alignment; nobody may write to them during the call. NULL if n is 0.
/// out: room for n numbers, at any alignment; nobody else may use it during the call. It may be in itself; it may not
/// overlap in otherwise.
/// n: how many numbers.
/// nthreads, control: see "Calls on many threads" above.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if function is NULL, or in or out while n is positive; UNGIL_E_INVALID if n is more than the
/// address space, or if in and out overlap; those of nthreads and control.
/// Thread-safety: any number of threads at once, and inside another call's function.
/// Cost: that of a plain loop, divided by the threads, and some microseconds if other threads take part.
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
        let function = function.ok_or(Error::NoFunction)?;
        // SAFETY: the arrays are as `map` asks by the header's contract. The function is not NULL, so one of this type,
        // and may be called from any thread by that contract too.
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
        let function = function.ok_or(Error::NoFunction)?;
        // SAFETY: the arrays are as `map` asks by the header's contract. The function is not NULL, so one of this type,
        // and may be called from any thread by that contract too.
        unsafe { map(|x| function(x), r#in, out, n, nthreads, control) }
    })
}

/// Numbers that a thread takes at a time at most: the next ones may be slow, and are then shared out no more.
const MAP_MOST: u64 = 1 << 14;

/// # Safety
/// The arrays are there and unused by others for the length of the call, as `CallerArray::new` and `CallerOutArray::new` ask.
unsafe fn map<T: Copy + Default + Send + Sync>(
    function: impl Fn(T) -> T + Sync,
    source: *const T,
    out: *mut T,
    n: usize,
    nthreads: i32,
    control: i32,
) -> Result<(), Error> {
    // SAFETY: this function's contract asks for the same.
    let (source, out) = unsafe { (CallerArray::new("in", source, n)?, CallerOutArray::new("out", out, n)?) };
    out.check_apart(&source, true)?;
    with_call(nthreads, control, source.len(), 1, |call| {
        call.for_each(source.len(), Grain::Adaptive { min: 1, max: MAP_MOST }, |range| {
            let mut watch = call.poller();
            // SAFETY: the pool gives each range to one thread, and check_apart has found the arrays apart or the same.
            call_abandonable(|| unsafe { out.map(range, &source, |x| watch.check().map(|()| function(x))) })
        })
    })
}

/// The integral of a function from a to b by the composite midpoint rule: (b - a)/n times the sum of the function at
/// a + (b - a) * (i + 0.5)/n for i = 0 to n-1.
///
/// function: see "Functions of the caller's" above.
/// ctx: handed on to the function.
/// a, b: the ends, finite, at a finite distance; b may be below a, which gives the negative.
/// n: the number of parts, 1 or more.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the integral, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if function or out is NULL; UNGIL_E_INVALID if a or b is not finite or too far from the other,
/// or if n is 0 or negative; those of nthreads and control.
/// Thread-safety: any number of threads at once, and inside another call's function.
/// Precision: the rule's own error is (b - a)^3 / (24 n^2) times the function's second derivative somewhere between a
/// and b. The sum is taken as if in twice the precision, and rounded once. The bits do not depend on the number of
/// threads, if those of the function do not. A sum that is too large for a double gives an infinity.
/// Cost: n calls of the function, divided by the threads, and some microseconds if other threads take part.
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
        let function = function.ok_or(Error::NoFunction)?;
        // SAFETY: the caller gives NULL or a place for a double.
        let out = unsafe { Out::new("out", out) }?;
        let points = Midpoints::new(a, b, u64::try_from(n).unwrap_or(0))?;
        let ctx = Context(ctx);
        // SAFETY: not NULL, so a function of this type, which may be called from any thread by the contract in the header;
        // what it does with ctx is between it and the caller.
        let value = |i| unsafe { function(points.at(i), ctx.get()) };
        let sum = with_call(nthreads, control, n as u64, 1, |call| sum_values(call, n as u64, value))?;
        out.write(points.integral(sum));
        Ok(())
    })
}

/// The sum of `value`, a function from outside, at 0 to n-1. Blocks may be long where n is large, and values slow: the
/// control is looked at and told inside them.
fn sum_values(call: Call<'_>, n: u64, value: impl Fn(u64) -> f64 + Sync) -> Result<CompensatedSum, Error> {
    const TOLD_AT_A_TIME: u64 = 256;
    let sum_block = |block: Range<u64>| {
        let mut sum = CompensatedSum::default();
        let mut watch = call.poller();
        let mut start = block.start;
        while start < block.end {
            let end = block.end.min(start.saturating_add(TOLD_AT_A_TIME));
            for i in start..end {
                watch.check()?;
                sum.push(value(i));
            }
            call.token.advance(end - start);
            start = end;
        }
        Ok(sum)
    };
    call.sum_in_order(n, 1, |block| call_abandonable(|| sum_block(block)))
}
