//! Lists of odd numbers below 2^32, with the trial primes for them. `words_avx2` and `words_neon` test a list in vectors: by
//! trial division, the Euler test to base 2, and the list of the few composite numbers that pass both.

use super::candidates::BATCH;
use super::trial;
use crate::kernels::arith::buffer::{self, Buffer};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::pseudoprimes;

/// Words that can be read after the end of a list: the most that a test takes at a time.
pub(super) const SLACK: usize = 32;

/// The first trial primes: all odd numbers are divided by them. They are at least those that no pseudoprime of the list
/// has for a factor.
pub(super) const FIRST: [Divisor<u32>; 11] = divisors(2);
/// The next ones, for the numbers that are left. Each further one would cost more than the tests it saves.
pub(super) const SECOND: [Divisor<u32>; 16] = divisors(37);

pub(super) type Words = Buffer<u32, { BATCH + SLACK }>;

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
    pub(super) numbers: &'a mut Words,
    pub(super) indices: &'a mut Words,
    /// Numbers at the beginning of the buffers that are initialised.
    pub(super) len: usize,
}

impl<'a> List<'a> {
    pub(super) fn new([numbers, indices]: &'a mut Buffers) -> Self {
        Self { numbers, indices, len: 0 }
    }

    /// Repeats the last number, of a list that is not empty, after its end.
    #[inline(always)]
    pub(super) fn pad(&mut self) {
        let last = self.len - 1;
        let (number, index) = (self.numbers[last], self.indices[last]);
        self.numbers[self.len..self.len + SLACK].fill(number);
        self.indices[self.len..self.len + SLACK].fill(index);
    }

    /// Marks the lanes in a mask of the vector at a position, but for those of the suspects that are pseudoprimes.
    ///
    /// # Safety
    /// The lanes in the mask are numbers of the list.
    #[inline(always)]
    pub(super) unsafe fn mark(&self, at: usize, mut mask: u8, suspects: u8, out: &mut [u8]) {
        while mask != 0 {
            let lane = mask.trailing_zeros() as usize;
            // SAFETY: by this method's contract they are numbers of the list, which are initialised.
            let (n, index) =
                unsafe { (self.numbers[at + lane].assume_init(), self.indices[at + lane].assume_init()) };
            let is_prime = suspects >> lane & 1 == 0 || !pseudoprimes::contains(n);
            out[index as usize] = is_prime.into();
            mask &= mask - 1;
        }
    }
}
