//! Functions of the caller, over ranges and arrays. `map` is generic over the type of the numbers.

use std::ops::Range;

use super::arrays::Mapped;
use super::options::CallOptions;
use crate::error::Error;
use crate::kernels::arith::CompensatedSum;
use crate::kernels::midpoints::Midpoints;
use crate::pool::{Call, Grain};

/// How code that is not this library's is called: it may end its thread, unwind, or never return.
pub trait ForeignCalls: Sync {
    /// Runs `calls`, which calls such code, possibly many times. As it may not return, it owns nothing that must be
    /// dropped.
    fn run<R>(&self, calls: impl FnOnce() -> R) -> R;
}

/// Calls `body` with the ends of ranges of `grain` indices, the last one perhaps shorter, that make up `[begin, end)`.
///
/// Errors: [`Error::Invalid`] if `begin > end`, or if `grain` is 0 or negative; [`Error::StoppedByFunction`] with the
/// number that `body` returned, unless it returned 0 for all ranges.
pub fn parallel_for(
    (begin, end): (i64, i64),
    grain: i64,
    foreign: &impl ForeignCalls,
    body: impl Fn(i64, i64) -> i32 + Sync,
    options: CallOptions<'_>,
) -> Result<(), Error> {
    if begin > end {
        return Err(Error::Invalid { parameter: "end", expected: "begin or more" });
    }
    let grain = u64::try_from(grain).ok().filter(|&grain| grain > 0);
    let grain = grain.ok_or(Error::Invalid { parameter: "grain", expected: "positive" })?;
    let len = end.abs_diff(begin);
    let index = |offset| begin.wrapping_add_unsigned(offset);
    options.run(len, grain, |call| {
        call.for_each(len, Grain::Fixed(grain), |chunk| {
            match foreign.run(|| body(index(chunk.start), index(chunk.end))) {
                0 => Ok(()),
                code => Err(Error::StoppedByFunction(code)),
            }
        })
    })
}

/// The longest chunk of [`map`]. It is bounded because the elements of a chunk may take longer than those before it.
const MAX_MAPPED: u64 = 1 << 14;

/// Maps the elements by `function`. If the call is stopped, some results may have been written.
pub fn map<T: Send + Sync>(
    arrays: &impl Mapped<T>,
    foreign: &impl ForeignCalls,
    function: impl Fn(T) -> T + Sync,
    options: CallOptions<'_>,
) -> Result<(), Error> {
    options.run(arrays.len(), 1, |call| {
        call.for_each(arrays.len(), Grain::Adaptive { min_items: 1, max_items: MAX_MAPPED }, |chunk| {
            let mut poller = call.poller();
            // SAFETY: the pool gives each chunk to one thread.
            foreign.run(|| unsafe { arrays.map(chunk, |x| poller.check().map(|()| function(x))) })
        })
    })
}

/// The integral of `function` from `a` to `b` by the composite midpoint rule with `n` parts.
///
/// Errors: [`Error::Invalid`] if `a`, `b` or their distance is not finite, or if `n` is 0 or negative.
pub fn integrate(
    (a, b): (f64, f64),
    n: i64,
    foreign: &impl ForeignCalls,
    function: impl Fn(f64) -> f64 + Sync,
    options: CallOptions<'_>,
) -> Result<f64, Error> {
    let n = u64::try_from(n).unwrap_or(0);
    let points = Midpoints::new(a, b, n)?;
    let value = |i| function(points.at(i));
    options.run(n, 1, |call| {
        let sum = call.sum_in_order(n, 1, |block| foreign.run(|| sum_block(&call, block, &value)))?;
        Ok(points.integral(sum))
    })
}

/// The sum of `value` over a block, which may be long and slow: it checks the control before each value, and
/// reports progress on the way.
fn sum_block(
    call: &Call<'_>,
    block: Range<u64>,
    value: &impl Fn(u64) -> f64,
) -> Result<CompensatedSum, Error> {
    const REPORTED: u64 = 256;
    let mut sum = CompensatedSum::default();
    let mut poller = call.poller();
    let mut start = block.start;
    while start < block.end {
        let end = block.end.min(start.saturating_add(REPORTED));
        for i in start..end {
            poller.check()?;
            sum.push(value(i));
        }
        call.control.advance(end - start);
        start = end;
    }
    Ok(sum)
}
