//! Sums whose additions have an order that depends on nothing but the number of items.

use std::ops::{Add, Range};
use std::sync::OnceLock;

use super::{Call, Grain};
use crate::error::Error;
use crate::kernels::arith::CompensatedSum as Sum;

/// Blocks that a range is cut into at most, which bounds the memory for their sums.
const BLOCKS: u64 = 2048;

impl Call<'_> {
    /// The sum of `part` over blocks of at least `shortest` items that make up `0..len`, added in their order: the
    /// same bits for any number of threads. Errors are those of [`Call::for_each`]. Blocks may be long: `part` itself
    /// tells the control how far it is.
    pub fn sum_in_order(
        &self,
        len: u64,
        shortest: u64,
        part: impl Fn(Range<u64>) -> Result<Sum, Error> + Sync,
    ) -> Result<Sum, Error> {
        let block = len.div_ceil(BLOCKS).max(1).next_multiple_of(shortest);
        let blocks = len.div_ceil(block);
        let in_blocks = Call { run: self.run.counting(0), ..*self };
        let sums: Vec<OnceLock<Sum>> = (0..blocks).map(|_| OnceLock::new()).collect();
        in_blocks.for_each(blocks, Grain::Between { least: 1, most: BLOCKS }, |blocks| {
            for i in blocks {
                let start = i * block;
                let sum = part(start..len.min(start.saturating_add(block)))?;
                sums[i as usize].set(sum).expect("each block is summed once");
            }
            Ok(())
        })?;
        Ok(sums.into_iter().filter_map(OnceLock::into_inner).fold(Sum::default(), Add::add))
    }
}
