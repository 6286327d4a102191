//! Sixty-four terms as one fraction.
//!
//! A group's terms lie around a centre x at distances +-d, d = (k + 1/2) h for k = 0 .. 31. With t = x^2, the two
//! terms at distance d add up to 8 (t + c) / (t^2 + b t + c^2), where c = 1 + d^2 and b = 2 (1 - d^2). The sum of
//! the 32 pairs is P(t)/Q(t), and the coefficients of P and Q depend on h alone.
//!
//! All coefficients and t are positive (h is small), so no operation cancels, and each adds at most 2^-53 to the
//! relative error: 64 roundings in a Horner chain, a few hundred in a coefficient at the very worst, so below 1e-13 by
//! this count and, as roundings do not all point one way and coefficients are averaged, below 1e-15 as measured against
//! exact arithmetic (the tests, for thousands of n up to 2^31 - 1).

use std::ops::Range;

/// Terms per group. Each takes two multiplications and additions, whatever the group's size; a larger group has less
/// of the rest, the division above all, and more rounding errors.
pub(super) const GROUP: usize = 64;

/// From a group's first index to its centre: i = 0 .. 63 lie around 31.5, and x = h (i - 1/2).
pub(super) const CENTRE: u64 = 31;

/// The coefficients of P and Q for one number of terms.
pub(super) struct Group {
    pub(super) h: f64,
    /// P, lowest degree first.
    pub(super) numerator: [f64; GROUP],
    /// Q, lowest degree first, without the leading 1.
    pub(super) denominator: [f64; GROUP],
}

impl Group {
    pub(super) fn of_terms(n: u64) -> Self {
        let h = 1.0 / n as f64;
        let mut p = [0.0; GROUP + 1];
        let mut q = [0.0; GROUP + 1];
        q[0] = 1.0;
        for k in 0..GROUP / 2 {
            let d = (k as f64 + 0.5) * h;
            let (b, c) = (2.0 * (1.0 - d * d), 1.0 + d * d);
            // P/Q + 8 (t + c) / (t^2 + b t + c^2)
            let left = times(&p, [c * c, b, 1.0]);
            let right = times(&q, [8.0 * c, 8.0, 0.0]);
            p = std::array::from_fn(|i| left[i] + right[i]);
            q = times(&q, [c * c, b, 1.0]);
        }
        let coefficients = |polynomial: [f64; GROUP + 1]| std::array::from_fn(|i| polynomial[i]);
        Self { h, numerator: coefficients(p), denominator: coefficients(q) }
    }
}

/// A polynomial times a quadratic one; the product's degree is at most `GROUP`.
fn times(p: &[f64; GROUP + 1], [c0, c1, c2]: [f64; 3]) -> [f64; GROUP + 1] {
    let below = |i: usize, by: usize| i.checked_sub(by).map_or(0.0, |j| p[j]);
    std::array::from_fn(|i| c0 * p[i] + c1 * below(i, 1) + c2 * below(i, 2))
}

/// The sum of the terms in `range`, with a division each. In two stages, so that few roundings fall on a large sum.
pub(super) fn sum_one_by_one(n: u64, range: Range<u64>) -> f64 {
    const STAGE: u64 = 64;
    let h = 1.0 / n as f64;
    let term = |i: u64| {
        let x = h * (i as f64 - 0.5);
        4.0 / (1.0 + x * x)
    };
    let stage = |from: u64| (from..range.end.min(from + STAGE)).map(term).sum::<f64>();
    range.clone().step_by(STAGE as usize).map(stage).sum()
}
