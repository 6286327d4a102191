//! Division by small primes without dividing.

use super::small;
use crate::kernels::divisors::inverse;

/// An odd prime `p` and what tells its multiples: `n` is one if and only if `n * inverse mod 2^64 <= limit`.
///
/// (Granlund and Montgomery, "Division by invariant integers using multiplication", PLDI 1994, section 9.)
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    pub(super) inverse: u64,
    pub(super) limit: u64,
}

impl Divisor {
    pub(super) const fn new(p: u64) -> Self {
        Self { inverse: inverse(p), limit: u64::MAX / p }
    }
}

/// The odd primes that follow `after`.
pub(super) const fn primes<const COUNT: usize>(after: u64) -> [u64; COUNT] {
    let mut primes = [0; COUNT];
    let (mut p, mut i) = (after, 0);
    while i < COUNT {
        p += 1;
        if small::is_prime(p) {
            primes[i] = p;
            i += 1;
        }
    }
    primes
}

/// The same as divisors.
pub(super) const fn divisors<const COUNT: usize>(after: u64) -> [Divisor; COUNT] {
    let primes = primes::<COUNT>(after);
    let mut divisors = [Divisor { inverse: 0, limit: 0 }; COUNT];
    let mut i = 0;
    while i < COUNT {
        divisors[i] = Divisor::new(primes[i]);
        i += 1;
    }
    divisors
}
