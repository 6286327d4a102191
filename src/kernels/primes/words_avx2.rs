//! Numbers below 2^32, eight a vector: trial division, the Euler test to base 2, and the list of the few composite numbers
//! that pass both.

use std::arch::x86_64::*;

use super::candidates::BATCH;
use super::trial;
use crate::kernels::arith::buffer::{self, Buffer};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::euler_avx2::{may_be_pseudoprimes, passed};
use crate::kernels::arith::pseudoprimes;
use crate::kernels::arith::u32x8_avx2::{compress, mask_of};

/// Numbers per vector.
const WIDTH: usize = 8;

/// Vectors that a test takes at a time.
const BLOCK: usize = 4;

/// The first trial primes: all odd numbers are divided by them. They are at least those that no pseudoprime of the list
/// has for a factor.
const FIRST: [Divisor<u32>; 11] = divisors(2);
/// The next ones, for the numbers that are left. Each further one would cost more than the tests it saves.
const SECOND: [Divisor<u32>; 16] = divisors(37);

/// Words that can be read after the end of a list.
const SLACK: usize = BLOCK * WIDTH;

type Words = Buffer<u32, { BATCH + SLACK }>;

/// The memory of a list: for the numbers, and for their indices.
pub(super) type Buffers = [Words; 2];

/// Buffers of which nothing is initialised.
#[inline(always)]
pub(super) const fn uninit() -> Buffers {
    [buffer::uninit(), buffer::uninit()]
}

/// The odd primes that follow `after`, as divisors.
const fn divisors<const COUNT: usize>(after: u64) -> [Divisor<u32>; COUNT] {
    let primes = trial::primes::<COUNT>(after);
    let mut divisors = [Divisor::<u32>::new(1); COUNT];
    let mut i = 0;
    while i < COUNT {
        divisors[i] = Divisor::<u32>::new(primes[i] as u32);
        i += 1;
    }
    divisors
}

/// At most a batch of odd numbers with their indices in it. (The length is not in the buffers, so that it stays in a
/// register.)
pub(super) struct List<'a> {
    numbers: &'a mut Words,
    indices: &'a mut Words,
    len: usize,
}

impl<'a> List<'a> {
    pub(super) fn new([numbers, indices]: &'a mut Buffers) -> Self {
        Self { numbers, indices, len: 0 }
    }

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

    /// Repeats the last number, of a list that is not empty, after its end.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn pad(&mut self) {
        let last = self.len - 1;
        let (number, index) = (self.numbers[last], self.indices[last]);
        self.numbers[self.len..self.len + SLACK].fill(number);
        self.indices[self.len..self.len + SLACK].fill(index);
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
    /// The list is initialised to the end of the block.
    #[inline]
    #[target_feature(enable = "avx2,fma,popcnt")]
    unsafe fn test_block<const VECTORS: usize>(&self, at: usize, count: usize, out: &mut [u8]) -> usize {
        // SAFETY: by this function's contract, the block is initialised.
        let numbers = std::array::from_fn(|v| unsafe { self.vectors(at + v * WIDTH)[0] });
        for (v, passed) in passed::<VECTORS>(numbers).into_iter().enumerate() {
            let mask = passed & valid(count.saturating_sub(v * WIDTH));
            let suspects = mask & may_be_pseudoprimes(numbers[v]);
            self.mark(at + v * WIDTH, mask, suspects, out);
        }
        VECTORS * WIDTH
    }

    /// Marks the lanes in a mask of the vector at a position, but for those of the suspects that are pseudoprimes.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn mark(&self, at: usize, mut mask: u8, suspects: u8, out: &mut [u8]) {
        while mask != 0 {
            let lane = mask.trailing_zeros() as usize;
            // SAFETY: the lanes in the mask are numbers of the list, which are initialised.
            let (n, index) =
                unsafe { (self.numbers[at + lane].assume_init(), self.indices[at + lane].assume_init()) };
            let is_prime = suspects >> lane & 1 == 0 || !pseudoprimes::contains(n);
            out[index as usize] = is_prime.into();
            mask &= mask - 1;
        }
    }
}

/// The mask of a vector's lanes that are among the next numbers.
fn valid(count: usize) -> u8 {
    (1u32 << count.min(WIDTH)).wrapping_sub(1) as u8
}
