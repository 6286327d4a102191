//! Numbers that are still to be looked at, and their places in the chunk.

use std::mem::MaybeUninit;

use super::CHUNK;
use super::lanes::{Lanes, WIDEST};

/// Numbers that can be read behind a list's end: what the tests take at a time, at most.
const SLACK: usize = 4 * WIDEST;

pub(super) type Room = [MaybeUninit<u64>; CHUNK + SLACK];

pub(super) const EMPTY: Room = [MaybeUninit::uninit(); CHUNK + SLACK];

/// At most a chunk of numbers. (The length lies apart from the rooms, so that it stays in a register.)
pub(super) struct List<'a> {
    numbers: &'a mut Room,
    places: &'a mut Room,
    /// Numbers at the beginning of the rooms that are initialised.
    pub(super) len: usize,
}

impl<'a> List<'a> {
    pub(super) fn new([numbers, places]: &'a mut [Room; 2]) -> Self {
        Self { numbers, places, len: 0 }
    }

    /// Appends the lanes in the mask.
    ///
    /// # Safety
    /// The list stays at most a chunk long. The CPU has the features of `V`.
    #[inline(always)]
    pub(super) unsafe fn push<V: Lanes>(&mut self, mask: u8, numbers: V, places: V) {
        debug_assert!(self.len + mask.count_ones() as usize <= CHUNK);
        // SAFETY: `len` is at most CHUNK, behind which a vector has room.
        unsafe {
            numbers.compress(mask, self.numbers.as_mut_ptr().add(self.len).cast());
            places.compress(mask, self.places.as_mut_ptr().add(self.len).cast());
        }
        self.len += mask.count_ones() as usize;
    }

    /// The vectors of numbers and of places at an index.
    ///
    /// # Safety
    /// So far the rooms are initialised: pushed, or padded by [`List::pad`]. The CPU has the features of `V`.
    #[inline(always)]
    pub(super) unsafe fn vectors<V: Lanes>(&self, at: usize) -> (V, V) {
        debug_assert!(at + V::WIDTH <= CHUNK + SLACK);
        // SAFETY: the caller vouches for what is read.
        unsafe {
            (V::load(self.numbers.as_ptr().add(at).cast()), V::load(self.places.as_ptr().add(at).cast()))
        }
    }

    /// Repeats the last number, of a list that is not empty, behind its end.
    #[inline(always)]
    pub(super) fn pad(&mut self) {
        let last = self.len - 1;
        let (number, place) = (self.numbers[last], self.places[last]);
        self.numbers[self.len..self.len + SLACK].fill(number);
        self.places[self.len..self.len + SLACK].fill(place);
    }

    /// The places of the numbers in the list.
    pub(super) fn places(&self) -> impl Iterator<Item = usize> {
        // SAFETY: the first `len` places are initialised.
        self.places[..self.len].iter().map(|place| unsafe { place.assume_init() } as usize)
    }
}
