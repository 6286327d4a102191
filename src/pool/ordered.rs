//! Sums whose order of additions depends only on the number of items.

use std::ops::{Add, Range};
use std::sync::OnceLock;

use super::call::Call;
use super::chunks::Grain;
use crate::error::Error;

/// The most blocks that a range is cut into, which bounds the memory for their sums.
const BLOCKS: u64 = 2048;

impl Call<'_> {
    /// The sum of `part` over blocks of at least `shortest` items that make up `0..len`, added in their order. The
    /// result has the same bits for any number of threads. Errors are those of [`Call::for_each`].
    ///
    /// Blocks may be long, so `part` itself reports progress to the call's token.
    pub fn sum_in_order<T: Add<Output = T> + Default + Send + Sync>(
        &self,
        len: u64,
        shortest: u64,
        part: impl Fn(Range<u64>) -> Result<T, Error> + Sync,
    ) -> Result<T, Error> {
        let block = len.div_ceil(BLOCKS).max(1).next_multiple_of(shortest);
        let blocks = len.div_ceil(block);
        let mut call = *self;
        call.token = self.token.with_unit(0);
        let sums: Vec<OnceLock<T>> = (0..blocks).map(|_| OnceLock::new()).collect();
        call.for_each(blocks, Grain::Adaptive { min: 1, max: BLOCKS }, |blocks| {
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
