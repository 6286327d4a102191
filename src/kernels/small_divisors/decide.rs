//! The decision for a number that trial division left open.

use super::exceptions;
use crate::kernels::arith::euler;

/// Whether an odd number past the small table, which no trial prime divides, has no small divisor.
pub(super) fn has_no_small_divisor(n: u32) -> bool {
    if euler::passes(n) { !exceptions::contains(n) } else { least_factor_is_root(n) }
}

/// Whether the least prime factor of an odd composite number is `floor(sqrt(n))`.
///
/// Then `n` is `p^2` or `p*(p+2)`, so `n` or `n + 1` is a square, which is rare and quick to rule out.
pub(super) fn least_factor_is_root(n: u32) -> bool {
    let root = n.isqrt();
    n % root == 0 && is_prime(root) && is_prime(n / root)
}

/// Trial division, for the roots of 32-bit numbers.
pub(super) fn is_prime(n: u32) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}
