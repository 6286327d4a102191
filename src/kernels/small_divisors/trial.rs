//! Trial division.

use crate::kernels::arith::divisor::Divisor;

/// The odd primes to divide by before a primality test: each further one would cost more than the tests it saves.
const PRIMES: [u32; 11] = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

pub(super) const DIVISORS: [Divisor<u32>; PRIMES.len()] = {
    let mut divisors = [Divisor::<u32>::new(1); PRIMES.len()];
    let mut i = 0;
    while i < PRIMES.len() {
        divisors[i] = Divisor::<u32>::new(PRIMES[i]);
        i += 1;
    }
    divisors
};

/// Whether one of the primes divides `n`.
pub(super) fn divides(n: u32) -> bool {
    DIVISORS.iter().any(|divisor| divisor.divides(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn agrees_with_the_remainder() {
        for n in (0..100_000).chain(u32::MAX - 100_000..=u32::MAX) {
            assert_eq!(divides(n), PRIMES.iter().any(|p| n % p == 0), "n = {n}");
        }
    }
}
