use std::ops::Add;

use super::table::LARGER_ENDS;

/// The most numbers that a kernel gets at a time: its lists of undecided numbers stay in the L1 cache.
pub(super) const BATCH: usize = 1024;

/// The result of a kernel for a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Counts {
    /// Numbers with a small divisor.
    pub(super) with_small_divisor: u64,
    /// For each of [`LARGER_ENDS`], the odd numbers below it that the table in use did not cover.
    pub(super) table_misses: [u64; LARGER_ENDS.len()],
}

impl Add for Counts {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let table_misses = std::array::from_fn(|i| self.table_misses[i] + other.table_misses[i]);
        Self { with_small_divisor: self.with_small_divisor + other.with_small_divisor, table_misses }
    }
}
