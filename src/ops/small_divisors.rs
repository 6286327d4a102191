//! Numbers with a small divisor.

use std::ops::Range;

use super::arrays::Source;
use super::options::CallOptions;
use crate::cpu::{self, Level};
use crate::error::Error;
use crate::kernels::small_divisors;
use crate::pool::Grain;

const GRAIN: Grain = Grain::Adaptive { min_items: 1 << 12, max_items: 1 << 16 };

/// The longest call that stays on the calling thread by default. So many numbers take some 40 microseconds, about as long
/// as a worker takes to wake.
fn max_serial() -> u64 {
    match cpu::active() {
        Level::Scalar => 1 << 11,
        #[cfg(target_arch = "aarch64")]
        Level::Neon => 1 << 13,
        Level::Avx2 | Level::Avx512 => 1 << 14,
    }
}

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`; negative numbers have none.
pub fn count_with_small_divisor(
    numbers: &(impl Source<i32> + ?Sized),
    options: CallOptions<'_>,
) -> Result<u64, Error> {
    options.run(numbers.len(), max_serial(), |call| {
        call.sum(numbers.len(), GRAIN, |chunk| Ok(count_chunk(numbers, chunk)))
    })
}

pub(super) fn count_chunk(numbers: &(impl Source<i32> + ?Sized), chunk: Range<u64>) -> u64 {
    let mut count = 0;
    numbers.for_each_slice(chunk, |slice| count += small_divisors::count_with_small_divisor(slice));
    count
}
