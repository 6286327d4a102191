//! Trial division of vectors of numbers.

use super::table;
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::u64_vector::U64Vector;

/// A vector with its way to divide by many primes, and the primes.
pub(super) trait TrialDivision: U64Vector {
    type Divisors: 'static;

    /// The first trial primes: all odd numbers are divided by them.
    const FIRST: &'static [Self::Divisors];
    /// The next ones, for the numbers that are left.
    const SECOND: &'static [Self::Divisors];
    /// The last ones. Each further prime would cost more than the tests it saves.
    const THIRD: &'static [Self::Divisors];

    /// The lanes that are no multiple of any of the primes.
    fn indivisible(self, by: &[Self::Divisors]) -> u8;
}

impl TrialDivision for u64 {
    type Divisors = Divisor<u64>;

    const FIRST: &'static [Divisor<u64>] = &divisors::<5>(2);
    const SECOND: &'static [Divisor<u64>] = &divisors::<12>(13);
    const THIRD: &'static [Divisor<u64>] = &divisors::<28>(59);

    #[inline(always)]
    fn indivisible(self, by: &[Divisor<u64>]) -> u8 {
        // Not `all`: a branch that is hard to predict would cost more than the products.
        by.iter().fold(1, |open, by| open & u8::from(!by.divides(self)))
    }
}

/// The odd primes that follow `after`, as divisors.
const fn divisors<const COUNT: usize>(after: u64) -> [Divisor<u64>; COUNT] {
    let primes = primes::<COUNT>(after);
    let mut divisors = [Divisor::<u64>::new(1); COUNT];
    let mut i = 0;
    while i < COUNT {
        divisors[i] = Divisor::<u64>::new(primes[i]);
        i += 1;
    }
    divisors
}

/// The odd primes that follow `after`.
pub(super) const fn primes<const COUNT: usize>(after: u64) -> [u64; COUNT] {
    let mut primes = [0; COUNT];
    let (mut p, mut i) = (after, 0);
    while i < COUNT {
        p += 1;
        if table::is_prime(p) {
            primes[i] = p;
            i += 1;
        }
    }
    primes
}
