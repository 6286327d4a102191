//! The set of idle workers.

use crate::sys::sync::{AtomicU64, Ordering};

/// A set of small numbers, one bit each. Taking prefers low numbers, so that the same workers stay warm.
pub(super) struct IdleSet(Box<[AtomicU64]>);

impl IdleSet {
    /// The empty set, for numbers below `capacity`.
    pub(super) fn new(capacity: usize) -> Self {
        Self((0..capacity.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn insert(&self, number: usize) {
        self.0[number / 64].fetch_or(1 << (number % 64), Ordering::Release);
    }

    /// Removes a number and returns it, if there is one.
    pub(super) fn take(&self) -> Option<usize> {
        self.0.iter().enumerate().find_map(|(i, word)| Some(64 * i + take_bit(word)?))
    }
}

fn take_bit(word: &AtomicU64) -> Option<usize> {
    let mut bits = word.load(Ordering::Relaxed);
    while bits != 0 {
        let lowest = bits & bits.wrapping_neg();
        bits = word.fetch_and(!lowest, Ordering::Acquire);
        if bits & lowest != 0 {
            return Some(lowest.trailing_zeros() as usize);
        }
    }
    None
}
