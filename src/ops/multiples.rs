//! Sums of multiples.

use std::num::Wrapping;

use super::options::CallOptions;
use crate::cpu::{self, Level};
use crate::error::Error;
use crate::kernels::multiples;
use crate::pool::Grain;

/// So many numbers take less than a millisecond: a chunk that has begun is finished even if the call is cancelled.
const MIN_ITEMS: u64 = 1 << 20;
const GRAIN: Grain = Grain::Adaptive { min_items: MIN_ITEMS, max_items: 1 << 22 };

/// The longest call that stays on the calling thread by default. With AVX2 so many numbers take some 40 microseconds,
/// about as long as a worker takes to wake.
fn max_serial() -> u64 {
    match cpu::active() {
        Level::Avx2 | Level::Avx512 => 2 * MIN_ITEMS,
        _ => MIN_ITEMS,
    }
}

/// The sum of the `i` in `[from, to)` with `i % 3 == 0`, modulo 2^32; it visits the whole range.
pub fn sum_multiples_of_3(from: i32, to: i32, options: CallOptions<'_>) -> Result<i32, Error> {
    let visited = multiples::visited(from, to);
    let chunk_sum = |chunk| Ok(Wrapping(multiples::sum_multiples_of_3_in(from, chunk)));
    options.run(visited, max_serial(), |call| call.sum(visited, GRAIN, chunk_sum)).map(|sum| sum.0)
}

/// The sum of the multiples of `k` in `[from, to)`, in closed form.
///
/// Errors: [`Error::Invalid`] if `k` is 0; [`Error::Overflow`].
pub fn sum_multiples(from: i64, to: i64, k: i64) -> Result<i64, Error> {
    multiples::sum_multiples(from, to, k)
}
