//! Primality of arrays of u64, i64 and i32. A further type implements [`Integer`]; the kernels know only u64.

use std::ops::Range;

use super::arrays::{Flagged, Source};
use super::options::CallOptions;
use crate::cpu::{self, Level};
use crate::error::Error;
use crate::kernels::primes;
use crate::pool::Grain;

/// Numbers that are converted at a time.
const CONVERTED: usize = 1024;

/// The shortest chunk.
const MIN_ITEMS: u64 = 1024;

/// The longest call that stays on the calling thread by default. So many random numbers take some 40 microseconds, about
/// as long as a worker takes to wake.
fn max_serial<T>() -> u64 {
    let is_short = size_of::<T>() <= size_of::<u32>();
    match cpu::active() {
        Level::Avx2 | Level::Avx512 if is_short => 1 << 14,
        Level::Avx2 | Level::Avx512 => 1 << 11,
        _ => 1 << 10,
    }
}

/// Even if all numbers are large primes, the longest chunk takes a thread only a few milliseconds.
const GRAIN: Grain = Grain::Adaptive { min_items: MIN_ITEMS, max_items: 8 * MIN_ITEMS };

/// A type of integers that are tested for primality, as unsigned 64-bit numbers.
pub trait Integer: Copy + Default + Sync {
    /// Calls `body` with consecutive slices of the numbers in the range, in which 0, which is not prime, stands for a
    /// negative number.
    fn for_each_u64_slice(
        numbers: &(impl Source<Self> + ?Sized),
        range: Range<u64>,
        body: impl FnMut(&[u64]),
    );
}

impl Integer for u64 {
    fn for_each_u64_slice(
        numbers: &(impl Source<Self> + ?Sized),
        range: Range<u64>,
        body: impl FnMut(&[u64]),
    ) {
        numbers.for_each_slice(range, body);
    }
}

impl Integer for i64 {
    fn for_each_u64_slice(
        numbers: &(impl Source<Self> + ?Sized),
        range: Range<u64>,
        body: impl FnMut(&[u64]),
    ) {
        for_each_converted(numbers, range, |n| n.max(0) as u64, body);
    }
}

impl Integer for i32 {
    fn for_each_u64_slice(
        numbers: &(impl Source<Self> + ?Sized),
        range: Range<u64>,
        body: impl FnMut(&[u64]),
    ) {
        for_each_converted(numbers, range, |n| n.max(0) as u64, body);
    }
}

fn for_each_converted<T: Integer>(
    numbers: &(impl Source<T> + ?Sized),
    range: Range<u64>,
    convert: impl Fn(T) -> u64,
    mut body: impl FnMut(&[u64]),
) {
    numbers.for_each_slice(range, |slice| {
        for chunk in slice.chunks(CONVERTED) {
            let mut buffer = [0; CONVERTED];
            buffer.iter_mut().zip(chunk).for_each(|(converted, &number)| *converted = convert(number));
            body(&buffer[..chunk.len()]);
        }
    });
}

/// Sets the flag of each prime to 1, that of each other number to 0.
///
/// If the call is stopped, some flags may have been set.
pub fn is_prime<T: Integer>(numbers: &impl Flagged<T>, options: CallOptions<'_>) -> Result<(), Error> {
    options.run(numbers.len(), max_serial::<T>(), |call| {
        call.for_each(numbers.len(), GRAIN, |chunk| {
            // SAFETY: the pool gives each chunk to one thread, and the flags go before it takes the next.
            let mut flags = unsafe { numbers.flags(chunk.clone()) };
            T::for_each_u64_slice(numbers, chunk, |slice| {
                let (own, rest) = std::mem::take(&mut flags).split_at_mut(slice.len());
                primes::is_prime(slice, own);
                flags = rest;
            });
            Ok(())
        })
    })
}

/// How many of the numbers are prime.
pub fn count<T: Integer>(
    numbers: &(impl Source<T> + ?Sized),
    options: CallOptions<'_>,
) -> Result<u64, Error> {
    options.run(numbers.len(), max_serial::<T>(), |call| {
        call.sum(numbers.len(), GRAIN, |chunk| {
            let mut count = 0;
            T::for_each_u64_slice(numbers, chunk, |slice| count += primes::count(slice));
            Ok(count)
        })
    })
}
