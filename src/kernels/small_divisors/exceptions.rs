//! The exceptions of the Euler test: the odd numbers from 4096 to 2^31 that have a small divisor, but none of the
//! trial primes among their factors, and pass. They are the pseudoprimes but for the squares of primes, whose least
//! factor is no small divisor. The list is complete: the exhaustive test computes it anew.

use crate::kernels::arith::pseudoprimes;

/// Whether `n` passes the Euler test, but has a small divisor.
pub(super) fn contains(n: u32) -> bool {
    pseudoprimes::contains(n) && n.isqrt().pow(2) != n
}

/// All of them.
#[cfg(test)]
pub(super) fn all() -> Vec<u32> {
    pseudoprimes::PSEUDOPRIMES.into_iter().filter(|&n| n < 1 << 31 && contains(n)).collect()
}
