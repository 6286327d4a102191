//! The helpers that anybody may invite.

use crate::sys::sync::{AtomicU64, Ordering};

/// A set of small numbers, a bit each. Unlike a queue it has no step that a fork could leave half done, and it
/// prefers low numbers, so that the same helpers stay warm.
pub(super) struct IdleSet(Box<[AtomicU64]>);

impl IdleSet {
    /// The empty set, with room for the numbers below `room`.
    pub(super) fn new(room: usize) -> Self {
        Self((0..room.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    pub(super) fn insert(&self, number: usize) {
        self.0[number / 64].fetch_or(1 << (number % 64), Ordering::Release);
    }

    /// Takes a number out, if there is one.
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
