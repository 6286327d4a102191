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

// The shortest chunks: they take a few times as long as a thread needs to start. A call that is not longer stays on the
// calling thread.
const MIN_INDICES: u64 = 1 << 24;
const MIN_NUMBERS: u64 = 1 << 16;
const MIN_BLOCKS: u64 = 8;

/// The sum of `chunk_sum` over chunks of at least `min_items` items.
fn sum_chunks<T: Add<Output = T> + Default + Send>(
    len: u64,
    min_items: u64,
    chunk_sum: impl Fn(Range<u64>) -> T + Sync,
) -> Result<T, Error> {
    let threads = if len > min_items { threads::requested() } else { 1 };
    let grain = Grain::Adaptive { min_items, max_items: u64::MAX };
    Call::on(threads).sum(len, grain, |chunk| Ok(chunk_sum(chunk)))
}

/// The sum of the `i` in `[from, to)` with `i % 3 == 0`, modulo 2^32; it visits the whole range.
pub fn sum_multiples_of_3(from: i32, to: i32) -> Result<i32, Error> {
    let chunk_sum = |chunk| Wrapping(multiples::sum_multiples_of_3_in(from, chunk));
    sum_chunks(multiples::visited(from, to), MIN_INDICES, chunk_sum).map(|sum| sum.0)
}

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`.
pub fn count_with_small_divisor(numbers: &(impl Source<i32> + ?Sized)) -> Result<u64, Error> {
    let count_chunk = |chunk| small_divisors::count_chunk(numbers, chunk);
    sum_chunks(numbers.len(), MIN_NUMBERS, count_chunk)
}

/// The sum of `n` terms for pi and `start`, over `n`.
pub fn pi(start: f64, n: i32) -> Result<f64, Error> {
    let terms = pi::Terms::new(u64::try_from(n).unwrap_or(0));
    let sum = sum_chunks(terms.blocks(), MIN_BLOCKS, |blocks| terms.sum(blocks))?;
    Ok(pi::finish(start, i64::from(n), sum))
}
