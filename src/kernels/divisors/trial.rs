//! Division by small primes without dividing.

/// An odd prime `p` and what tells its multiples: `n` is one if and only if `n * inverse mod 2^32 <= limit`.
///
/// (Multiplying by the inverse of `p` modulo 2^32 permutes the residues, and takes the multiples `p*q` to the
/// `q`, which are the smallest ones. Granlund and Montgomery, "Division by invariant integers using
/// multiplication", PLDI 1994, section 9.)
#[derive(Clone, Copy)]
pub(super) struct Divisor {
    pub(super) inverse: u32,
    pub(super) limit: u32,
}

/// The odd primes to divide by before a primality test: each further one would cost more than the tests it saves.
pub(super) const PRIMES: [u32; 11] = [3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37];

pub(super) const DIVISORS: [Divisor; PRIMES.len()] = {
    let mut divisors = [Divisor { inverse: 0, limit: 0 }; PRIMES.len()];
    let mut i = 0;
    while i < PRIMES.len() {
        divisors[i] = Divisor { inverse: inverse(PRIMES[i] as u64) as u32, limit: u32::MAX / PRIMES[i] };
        i += 1;
    }
    divisors
};

/// The inverse of an odd number modulo 2^64, and so, cut off, modulo 2^32: by Newton's iteration from 5 right bits on.
pub(in crate::kernels) const fn inverse(n: u64) -> u64 {
    let mut x = n.wrapping_mul(3) ^ 2;
    let mut bits = 5;
    while bits < u64::BITS {
        x = x.wrapping_mul(2u64.wrapping_sub(n.wrapping_mul(x)));
        bits *= 2;
    }
    x
}

/// Whether one of the primes divides `n`.
pub(super) fn divides(n: u32) -> bool {
    DIVISORS.iter().any(|divisor| n.wrapping_mul(divisor.inverse) <= divisor.limit)
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
