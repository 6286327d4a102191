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

/// The first trial primes: all odd numbers are divided by them.
pub(super) static FIRST: [Divisor; 5] = following(2);

/// The next ones: what is left is divided by them, 38 % of the odd numbers.
pub(super) static SECOND: [Divisor; 12] = following(13);

/// The last ones, for 27 %. Each further prime would cost more than the tests it saves.
pub(super) static THIRD: [Divisor; 28] = following(59);

/// The odd primes that follow `after`.
const fn following<const COUNT: usize>(after: u64) -> [Divisor; COUNT] {
    let mut divisors = [Divisor { inverse: 0, limit: 0 }; COUNT];
    let (mut p, mut i) = (after, 0);
    while i < COUNT {
        p += 1;
        if small::is_prime(p) {
            divisors[i] = Divisor { inverse: inverse(p), limit: u64::MAX / p };
            i += 1;
        }
    }
    divisors
}
