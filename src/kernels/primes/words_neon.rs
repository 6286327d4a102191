//! Numbers below 2^31, four a vector. (Larger ones are not listed.)

use std::arch::aarch64::*;

use super::candidates::BATCH;
use super::words::{FIRST, List, SECOND, SLACK, Words};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::euler_neon::{may_be_pseudoprimes, passed};
use crate::kernels::arith::u32x4_neon::{WIDTH, compress, lane_numbers, mask_of};

/// Vectors that a test takes at a time: more would not fit into the registers.
const BLOCK: usize = 4;

const _: () = assert!(BLOCK * WIDTH <= SLACK);

impl List<'_> {
    /// Appends the lanes that are all ones in the mask; the others are 0 there.
    ///
    /// # Safety
    /// The list stays at most a batch long.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) unsafe fn push(&mut self, mask: uint32x4_t, numbers: uint32x4_t, indices: uint32x4_t) {
        let (mask, count) = mask_of(mask);
        debug_assert!(self.len + count as usize <= BATCH);
        // SAFETY: `len` is at most BATCH, and the buffers are longer by more than a vector.
        unsafe {
            compress(numbers, mask, self.numbers.as_mut_ptr().add(self.len).cast());
            compress(indices, mask, self.indices.as_mut_ptr().add(self.len).cast());
        }
        self.len += count as usize;
    }

    /// The vectors of numbers and of indices at a position.
    ///
    /// # Safety
    /// The buffers are initialised up to the vectors' end.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn vectors(&self, at: usize) -> [uint32x4_t; 2] {
        debug_assert!(at + WIDTH <= BATCH + SLACK);
        let load = |words: &Words| {
            // SAFETY: by this method's contract the words up to the vector's end are initialised.
            unsafe { vld1q_u32(words.as_ptr().add(at).cast()) }
        };
        [load(self.numbers), load(self.indices)]
    }

    /// Marks the primes of the list, of numbers from 2^14 up to 2^31.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn mark_primes(&mut self, out: &mut [u8]) {
        self.trial_divide(&FIRST);
        self.trial_divide(&SECOND);
        if self.len > 0 {
            self.pad();
        }
        let (len, mut at) = (self.len, 0);
        while at < len {
            let left = len - at;
            // SAFETY: the list was padded by as many numbers as a block has.
            at += unsafe {
                if left > WIDTH {
                    self.test_block::<BLOCK>(at, left, out)
                } else {
                    self.test_block::<1>(at, left, out)
                }
            };
        }
    }

    /// Keeps the numbers that no prime divides.
    #[inline]
    #[target_feature(enable = "neon")]
    fn trial_divide(&mut self, by: &[Divisor<u32>]) {
        let len = self.len;
        if len == 0 {
            return;
        }
        self.pad();
        self.len = 0;
        for at in (0..len).step_by(WIDTH) {
            // SAFETY: the list was padded by more than a vector, and numbers that were pushed since lie before `at`.
            let [numbers, indices] = unsafe { self.vectors(at) };
            let mut open = valid(len - at);
            for by in by {
                let product = vmulq_n_u32(numbers, by.inverse);
                open = vandq_u32(open, vcgtq_u32(product, vdupq_n_u32(by.limit)));
            }
            // SAFETY: the list gets back at most the numbers that it had.
            unsafe { self.push(open, numbers, indices) };
        }
    }

    /// Marks the primes of some vectors from a position on, of which the first `count` numbers count. Returns how many
    /// numbers it took.
    ///
    /// # Safety
    /// The list has so many numbers from there on, and is initialised to the end of the block.
    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn test_block<const VECTORS: usize>(&self, at: usize, count: usize, out: &mut [u8]) -> usize {
        // SAFETY: by this function's contract, the block is initialised.
        let numbers = std::array::from_fn(|v| unsafe { self.vectors(at + v * WIDTH)[0] });
        for (v, passed) in passed::<VECTORS>(numbers).into_iter().enumerate() {
            let passed = vandq_u32(passed, valid(count.saturating_sub(v * WIDTH)));
            let suspects = vandq_u32(passed, may_be_pseudoprimes(numbers[v]));
            let [mask, suspects] = [passed, suspects].map(|lanes| mask_of(lanes).0 as u8);
            // SAFETY: by this function's contract, the first `count` numbers are in the list.
            unsafe { self.mark(at + v * WIDTH, mask, suspects, out) };
        }
        VECTORS * WIDTH
    }
}

/// All ones in a vector's lanes that are among the next numbers.
#[inline]
#[target_feature(enable = "neon")]
fn valid(count: usize) -> uint32x4_t {
    vcltq_u32(lane_numbers(), vdupq_n_u32(count.min(WIDTH) as u32))
}
