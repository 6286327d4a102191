//! The Euler test to base 2: an odd prime n divides 2^((n-1)/2) - (2/n), by Euler's criterion, where the Legendre
//! symbol (2/n) is 1 for n = 1, 7 mod 8 and -1 for n = 3, 5 mod 8. Few composite numbers do the same; see
//! `pseudoprimes`.
//!
//! The power is taken by Montgomery's method ("Modular multiplication without trial division", Mathematics of
//! Computation 44, 1985) with R = 2^32, 2^52 or 2^64, a power of two like the base: a step takes 2^x to
//! 2^(2x + bit) / R. So the start needs no division by n. Write y for x - log2(R): a step takes y to 2y + bit. Steps
//! that go through the low bits of -E, in two's complement and from the top, end at y = -E, so the start is 2^x with
//! x = log2(R) + (-E >> steps), and the end is R * 2^-E. With E = (n-1)/2, the inverse of 2^E is 1 or -1 if 2^E is.

use super::inverse::inverse;

/// Steps for every n below 2^31, as vector lanes go together: E is below 2^30, so -E >> 25 is in [-32, -1].
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
pub(in crate::kernels) const STEPS: u32 = 25;

/// Whether the odd number `4096 <= n < 2^31` passes. With R = 2^64, for the least latency.
pub(in crate::kernels) fn passes(n: u32) -> bool {
    let n = u64::from(n);
    let inverse = inverse(n);
    // t / 2^64 mod n, in [1, n]: t less its multiple of n, m * n with the same low half, is minus the high half.
    let reduce = |t: u64| n - ((u128::from(t.wrapping_mul(inverse)) * u128::from(n)) >> 64) as u64;
    let bits = -((n >> 1) as i64);
    // As many steps, by the bits of E - 1, as leave -E >> steps in [-64, -33]: then the start is below 2^32, and
    // every square below 2^64.
    let steps = 64 - 6 - ((n >> 1) - 1).leading_zeros();
    let start = 1u64 << (64 + (bits >> steps));
    let power = (0..steps).rev().fold(start, |a, i| reduce(a * a) << (bits >> i & 1));
    let plus = matches!(n % 8, 1 | 7);
    reduce(power) == if plus { 1 } else { n - 1 }
}

#[cfg(test)]
mod tests {
    use super::passes;

    fn by_squaring(n: u32) -> bool {
        let n = u64::from(n);
        let (mut power, mut square, mut exponent) = (1, 2, n / 2);
        while exponent > 0 {
            if exponent % 2 == 1 {
                power = power * square % n;
            }
            square = square * square % n;
            exponent /= 2;
        }
        power == if matches!(n % 8, 1 | 7) { 1 } else { n - 1 }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn agrees_with_plain_powers() {
        let ends = [4097, (1 << 16) - 1001, (1 << 24) - 1001, (1 << 30) - 1001, (1 << 31) - 20_001];
        for n in ends.into_iter().flat_map(|from| (from..from + 20_000).step_by(2)) {
            assert_eq!(passes(n), by_squaring(n), "n = {n}");
        }
    }
}
