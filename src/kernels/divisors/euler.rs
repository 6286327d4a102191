//! The Euler test to base 2: an odd prime n divides 2^((n-1)/2) - (2/n), by Euler's criterion, where the Legendre
//! symbol (2/n) is 1 for n = 1, 7 mod 8 and -1 for n = 3, 5 mod 8. Few composite numbers do the same; see
//! [`exceptions`](super::exceptions).
//!
//! The power is taken by Montgomery's method ("Modular multiplication without trial division", Mathematics of
//! Computation 44, 1985) with R = 2^32 or 2^52, a power of two like the base: a step takes 2^x to 2^(2x + bit) / R.
//! So the start needs no division by n. Write y for x - log2(R): a step takes y to 2y + bit. Steps that go
//! through the bits of -E, in two's complement and from the top, end at y = -E, so the start is 2^x with
//! x = log2(R) + (-E >> STEPS), and the end is R * 2^-E. With E = (n-1)/2, the inverse of 2^E is 1 or -1 if 2^E is.

/// Steps for every n below 2^31: E is below 2^30, so -E >> 25 is in [-32, -1], and x is 0 at least for R = 2^32.
pub(super) const STEPS: u32 = 25;

/// Whether the odd number `3 <= n < 2^31` passes.
pub(super) fn passes(n: u32) -> bool {
    let negative_inverse = super::trial::inverse(n).wrapping_neg();
    // t / 2^32 mod n, less than 2^31 for t < 2^63: t / 2^32 < 2^31, the multiple of n adds less than n, and one
    // subtraction of n takes what is not below n to below 2^31.
    let reduce = |t: u64| {
        let m = (t as u32).wrapping_mul(negative_inverse);
        let u = ((t + u64::from(m) * u64::from(n)) >> 32) as u32;
        u.min(u.wrapping_sub(n))
    };
    let bits = -i64::from(n >> 1);
    let start = 1u64 << (32 + (bits >> STEPS));
    let step = |a: u64, i: u32| u64::from(reduce(a * (a << (bits >> i & 1))));
    let power = reduce((0..STEPS).rev().fold(start, step)) % n;
    let plus = matches!(n % 8, 1 | 7);
    power == if plus { 1 } else { n - 1 }
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
    fn agrees_with_plain_powers() {
        let ends = [3, (1 << 16) - 1001, (1 << 24) - 1001, (1 << 30) - 1001, (1 << 31) - 20_001];
        for n in ends.into_iter().flat_map(|from| (from..from + 20_000).step_by(2)) {
            assert_eq!(passes(n), by_squaring(n), "n = {n}");
        }
    }
}
