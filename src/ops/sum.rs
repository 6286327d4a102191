//! Sums of arrays.

use super::arrays::Source;
use super::options::CallOptions;
use crate::error::Error;
use crate::kernels::sum::{Accumulator, LANES};

/// Numbers between two checks of the control. (A memory-mapped array may have to be read from a disk.)
const PART: u64 = 1 << 16;
const _: () = assert!(PART.is_multiple_of(LANES as u64));

/// The shortest block: summing it takes longer than adding up its lanes.
const MIN_ITEMS: u64 = 256 * LANES as u64;

/// The sum of the numbers, as if in twice the precision, rounded once. The bits do not depend on the number of threads.
pub fn sum(numbers: &(impl Source<f64> + ?Sized), options: CallOptions<'_>) -> Result<f64, Error> {
    let len = numbers.len();
    let sum = options.run(len, PART, |call| {
        call.sum_in_order(len, MIN_ITEMS, |block| {
            let mut accumulator = Accumulator::new();
            for start in block.clone().step_by(PART as usize) {
                call.control.check()?;
                let end = block.end.min(start + PART);
                numbers.for_each_slice(start..end, |slice| accumulator.push(slice));
                call.control.advance(end - start);
            }
            Ok(accumulator.finish())
        })
    })?;
    Ok(sum.value())
}
