//! The three functions that ctypes tutorials wrote in C, under their own names.
//!
//! They keep those names and types to the letter, so scripts that load such a library load this one.

use std::ops::{Add, Range};

use super::threads;
use crate::capi::abi::array::CallerArray;
use crate::capi::abi::guard::guarded;
use crate::error::Error;
use crate::kernels::{multiples, pi, small_divisors};
use crate::pool::{Call, Grain};

/// ChunkScheduler that take a few times as long as a thread takes to start. Smaller work stays on the calling thread.
const RANGE_GRAIN: u64 = 1 << 24;
const ARRAY_GRAIN: u64 = 1 << 16;
const BLOCK_GRAIN: u64 = 8;

/// The sum of `part` over pieces of at least so many items, on `threads::requested()` threads, which is asked only
/// where there is work to share. Nobody can stop these calls, so pieces may grow.
fn spread<T: Add<Output = T> + Default + Send>(
    len: u64,
    least: u64,
    part: impl Fn(Range<u64>) -> T + Sync,
) -> Result<T, Error> {
    let threads = if len > least { threads::requested() } else { 1 };
    Call::on(threads).sum(len, Grain::Adaptive { min: least, max: u64::MAX }, |piece| Ok(part(piece)))
}

/// The sum of the numbers i in [from, to) with i % 3 == 0, modulo 2^32.
///
/// It visits the whole range. Its use is to be a load whose time is known: call it from two Python threads and
/// see it take half the time.
///
/// from, to: the ends of the range; from >= to is an empty range.
/// Returns the sum, reduced to 32 bits in two's complement; 0 for an empty range.
/// Errors: none.
/// Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
/// so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
/// Cost: linear in to - from; no memory.
#[unsafe(no_mangle)]
pub extern "C" fn test(from: i32, to: i32) -> i32 {
    guarded("test", 0, || {
        let sum = spread(multiples::visited(from, to), RANGE_GRAIN, |part| {
            std::num::Wrapping(multiples::sum_multiples_of_3_in(from, part))
        })?;
        Ok(sum.0)
    })
}

/// How many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
///
/// Despite the name, primes are *not* counted: those that are counted are the composite numbers, except the
/// few whose least prime factor is floor(sqrt(n)) itself: p^2, p*(p+2) for twin primes, 6 and 8. Negative
/// numbers, 0 and 1 are not counted. The numbers 0 to 999999 give 921295.
///
/// size: how many numbers; 0 or less gives 0.
/// numbers: the array, read only, at any alignment; nobody may write to it during the call. It may be NULL if
/// size is 0 or less.
/// Returns the count; -1 on error, with a message in ungil_last_error().
/// Errors: numbers is NULL while size is positive.
/// Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
/// so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
/// Cost: linear in size. A number takes about half a cycle where a table answers, else 4 cycles on average with
/// AVX-512, 10 with AVX2, 80 without either. Tables for the numbers below 2^20 and 2^24, 1.1 MB together, stay with
/// the process; the call whose numbers make one worth it builds it, in about 0.5 and 10 ms.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn num_primes(size: i32, numbers: *const i32) -> i32 {
    guarded("num_primes", -1, || {
        // SAFETY: the caller's contract is the one that Array asks for.
        let numbers = unsafe { CallerArray::new("numbers", numbers, usize::try_from(size).unwrap_or(0)) }?;
        let count_part = |part| numbers.part(part).sum(small_divisors::count_with_small_divisor);
        let count = spread(numbers.len(), ARRAY_GRAIN, count_part)?;
        Ok(i32::try_from(count).expect("no more than size"))
    })
}

/// (pi + the sum of 4/(1 + x^2) for x = h*(i - 0.5), i = 0 to niter-1) * h, with h = 1/niter.
///
/// With pi = 0 this tends to the number pi as niter grows, and is 2/niter too large.
///
/// pi: what to add to the sum; 0 as a rule.
/// niter: the number of terms. 0 or less gives what IEEE 754 arithmetic gives for an empty sum: pi * (1/niter),
/// so not-a-number for pi = 0, niter = 0.
/// Returns the value, with an error of at most 1e-14 * (|pi| + the terms' sum) * h against exact arithmetic: a
/// relative error of 1e-14, unless a negative pi cancels the sum. The bits depend neither on the number of
/// threads nor on the CPU.
/// Errors: none.
/// Thread-safety: any number of threads at once. It runs on the calling thread, or, if it is a millisecond's work or
/// so, on as many threads as ungil_set_num_threads() or the environment's UNGIL_NUM_THREADS asks for (see above).
/// Cost: linear in niter; no memory.
#[unsafe(no_mangle)]
#[allow(non_snake_case)] // the name is part of the contract
pub extern "C" fn compPi_ctypes(pi: f64, niter: i32) -> f64 {
    guarded("compPi_ctypes", f64::NAN, || {
        let terms = pi::Terms::new(u64::try_from(niter).unwrap_or(0));
        let sum = spread(terms.blocks(), BLOCK_GRAIN, |part| terms.sum(part))?;
        Ok(pi::finish(pi, i64::from(niter), sum))
    })
}
