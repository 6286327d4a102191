//! The operations of ctypes tutorials, which have no parameters for threads or control. They run on the number of threads
//! that the process has set or the environment asks for, else on the calling thread. As nothing can stop them, their
//! chunks may grow without a bound.

use std::num::Wrapping;
use std::ops::{Add, Range};

use super::arrays::Source;
use super::{small_divisors, threads};
use crate::error::Error;
use crate::kernels::{multiples, pi};
use crate::pool::{Call, Grain};

// Minimum chunks: a few times the time that a thread needs to start. A smaller call stays on the calling thread.
const RANGE_MIN: u64 = 1 << 24;
const ARRAY_MIN: u64 = 1 << 16;
const BLOCKS_MIN: u64 = 8;

/// The sum of `chunk_sum` over chunks of at least `min` items.
fn sum_chunks<T: Add<Output = T> + Default + Send>(
    len: u64,
    min: u64,
    chunk_sum: impl Fn(Range<u64>) -> T + Sync,
) -> Result<T, Error> {
    let threads = if len > min { threads::requested() } else { 1 };
    Call::on(threads).sum(len, Grain::Adaptive { min, max: u64::MAX }, |chunk| Ok(chunk_sum(chunk)))
}

/// The sum of the `i` in `[from, to)` with `i % 3 == 0`, modulo 2^32; it visits the whole range.
pub fn sum_multiples_of_3(from: i32, to: i32) -> Result<i32, Error> {
    let chunk_sum = |chunk| Wrapping(multiples::sum_multiples_of_3_in(from, chunk));
    sum_chunks(multiples::visited(from, to), RANGE_MIN, chunk_sum).map(|sum| sum.0)
}

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`.
pub fn count_with_small_divisor(numbers: &(impl Source<i32> + ?Sized)) -> Result<u64, Error> {
    let count_chunk = |chunk| small_divisors::count_chunk(numbers, chunk);
    sum_chunks(numbers.len(), ARRAY_MIN, count_chunk)
}

/// The sum of `n` terms for pi and `start`, over `n`.
pub fn pi(start: f64, n: i32) -> Result<f64, Error> {
    let terms = pi::Terms::new(u64::try_from(n).unwrap_or(0));
    let sum = sum_chunks(terms.blocks(), BLOCKS_MIN, |blocks| terms.sum(blocks))?;
    Ok(pi::finish(start, i64::from(n), sum))
}
