//! Numbers below 2^32, eight a vector.

use std::arch::x86_64::*;

use super::candidates::BATCH;
use super::words::{FIRST, List, SECOND, SLACK, Words};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::euler_avx2::{may_be_pseudoprimes, passed};
use crate::kernels::arith::u32x8_avx2::{compress, mask_of};

/// Numbers per vector.
const WIDTH: usize = 8;

/// Vectors that a test takes at a time.
const BLOCK: usize = SLACK / WIDTH;

impl List<'_> {
    /// Appends the lanes in the mask.
    ///
    /// # Safety
    /// The list stays at most a batch long.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    pub(super) unsafe fn push(&mut self, mask: u8, numbers: __m256i, indices: __m256i) {
        debug_assert!(self.len + mask.count_ones() as usize <= BATCH);
        // SAFETY: `len` is at most BATCH, and the buffers are longer by more than a vector.
        unsafe {
            compress(numbers, mask, self.numbers.as_mut_ptr().add(self.len).cast());
            compress(indices, mask, self.indices.as_mut_ptr().add(self.len).cast());
        }
        self.len += mask.count_ones() as usize;
    }

    /// The vectors of numbers and of indices at a position.
    ///
    /// # Safety
    /// The buffers are initialised up to the vectors' end.
    #[inline]
    #[target_feature(enable = "avx2")]
    unsafe fn vectors(&self, at: usize) -> [__m256i; 2] {
        debug_assert!(at + WIDTH <= BATCH + SLACK);
        let load = |words: &Words| {
            // SAFETY: by this method's contract the words up to the vector's end are initialised.
            unsafe { _mm256_loadu_si256(words.as_ptr().add(at).cast()) }
        };
        [load(self.numbers), load(self.indices)]
    }

    /// Marks the primes of the list, of numbers from 2^14 on.
    #[inline]
    #[target_feature(enable = "avx2,fma,popcnt")]
    pub(super) fn mark_primes(&mut self, out: &mut [u8]) {
        self.trial_divide(&FIRST);
        self.trial_divide(&SECOND);
        if self.len > 0 {
            self.pad();
        }
        let len = self.len;
        let mut at = 0;
        while at < len {
            let left = len - at;
            // SAFETY: the list was padded by as many numbers as a block has.
            at += unsafe {
                if left > 2 * WIDTH {
                    self.test_block::<BLOCK>(at, left, out)
                } else if left > WIDTH {
                    self.test_block::<2>(at, left, out)
                } else {
                    self.test_block::<1>(at, left, out)
                }
            };
        }
    }

    /// Keeps the numbers that no prime divides.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn trial_divide(&mut self, by: &[Divisor<u32>]) {
        // Unsigned comparison by a signed one: 2^31 is added to both sides. As n is odd, adding it to the inverse adds it
        // to the product.
        const TOP: u32 = 1 << 31;
        let len = self.len;
        if len == 0 {
            return;
        }
        self.pad();
        self.len = 0;
        for at in (0..len).step_by(WIDTH) {
            // SAFETY: the list was padded by more than a vector, and numbers that were pushed since lie before `at`.
            let [numbers, indices] = unsafe { self.vectors(at) };
            let mut open = _mm256_set1_epi32(-1);
            for by in by {
                let product = _mm256_mullo_epi32(numbers, _mm256_set1_epi32((by.inverse ^ TOP) as i32));
                let above = _mm256_cmpgt_epi32(product, _mm256_set1_epi32((by.limit ^ TOP) as i32));
                open = _mm256_and_si256(open, above);
            }
            // SAFETY: the list gets back at most the numbers that it had.
            unsafe { self.push(mask_of(open) & valid(len - at), numbers, indices) };
        }
    }

    /// Marks the primes of some vectors from a position on, of which the first `count` numbers count. Returns how many
    /// numbers it took.
    ///
    /// # Safety
    /// The list has so many numbers from there on, and is initialised to the end of the block.
    #[inline]
    #[target_feature(enable = "avx2,fma,popcnt")]
    unsafe fn test_block<const VECTORS: usize>(&self, at: usize, count: usize, out: &mut [u8]) -> usize {
        // SAFETY: by this function's contract, the block is initialised.
        let numbers = std::array::from_fn(|v| unsafe { self.vectors(at + v * WIDTH)[0] });
        for (v, passed) in passed::<VECTORS>(numbers).into_iter().enumerate() {
            let mask = passed & valid(count.saturating_sub(v * WIDTH));
            let suspects = mask & may_be_pseudoprimes(numbers[v]);
            // SAFETY: by this function's contract, the first `count` numbers are in the list.
            unsafe { self.mark(at + v * WIDTH, mask, suspects, out) };
        }
        VECTORS * WIDTH
    }
}

/// The mask of a vector's lanes that are among the next numbers.
fn valid(count: usize) -> u8 {
    (1u32 << count.min(WIDTH)).wrapping_sub(1) as u8
}
