//! Sums whose order of additions depends only on the number of items.

use std::ops::{Add, Range};
use std::sync::OnceLock;

use super::call::Call;
use super::chunks::Grain;
use crate::error::Error;

/// The most blocks that a range is cut into: enough for 256 threads to take several each, few enough that their sums
/// need little memory.
const MAX_BLOCKS: u64 = 2048;

impl Call<'_> {
    /// The sum of `part` over blocks that make up `0..len`, added in their order. The result has the same bits for any
    /// number of threads. The blocks' lengths are a multiple of `min_items`; only the last one may be shorter. Errors
    /// are those of [`Call::for_each`].
    ///
    /// Blocks may be long, so `part` itself reports progress to the call's control.
    pub fn sum_in_order<T: Add<Output = T> + Default + Send + Sync>(
        &self,
        len: u64,
        min_items: u64,
        part: impl Fn(Range<u64>) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        let block = len.div_ceil(MAX_BLOCKS).max(1).next_multiple_of(min_items);
        let blocks = len.div_ceil(block);
        let mut call = *self;
        call.control = self.control.without_progress();
        let sums: Vec<OnceLock<T>> = (0..blocks).map(|_| OnceLock::new()).collect();
        call.for_each(blocks, Grain::Adaptive { min_items: 1, max_items: MAX_BLOCKS }, |blocks| {
            for i in blocks {
                let start = i * block;
                let sum = part(start..len.min(start.saturating_add(block)))?;
                assert!(sums[i as usize].set(sum).is_ok(), "each block is summed once");
            }
            Ok(())
        })?;
        Ok(sums.into_iter().filter_map(OnceLock::into_inner).fold(T::default(), Add::add))
    }
}
