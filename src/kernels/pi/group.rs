//! Sixty-four terms as one fraction.
//!
//! A group's terms lie around a centre x at distances +-d, d = (k + 1/2) h for k = 0 .. 31. With t = x^2, the two
//! terms at distance d add up to 8 (t + c) / (t^2 + b t + c^2), where c = 1 + d^2 and b = 2 (1 - d^2). The sum of
//! the 32 pairs is P(t)/Q(t), and the coefficients of P and Q depend on h alone.
//!
//! The relative error of P(t)/Q(t) is at most 494u, where u = 2^-53. (To first order in u, for n from 4096 to 2^53. All
//! numbers are positive, so no operation cancels.)
//!
//! - Coefficients: as d^2 < 6e-5, the errors of b and c are at most 1.1u, that of c^2 is at most 3.1u. Each of the 32
//!   steps multiplies coefficients by c^2, b and 1, and adds the products: at most 6.1u each for Q, and 7.1u for P, where
//!   a step has one addition more. After 32 steps that is 196u and 228u.
//! - Horner's rule: the term of degree i takes part in at most i + 1 roundings. The mean degree of Q's terms, weighted by
//!   their values, is t Q'(t)/Q(t). Each of the 32 factors contributes t (2t + b) / (t^2 + b t + c^2) to it, which is at
//!   most 1, as t < 1 < c. So the error is at most 33u for Q, and for P as well.
//! - The error of t is 5u. It changes the fraction by 3u at most, as a term is proportional to 1/(1 + t). The division
//!   adds 1u.

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
    /// Both, for vectors to be loaded: for each degree, from `GROUP` - 2 down to 0, P's four times and Q's four times.
    #[cfg(target_arch = "aarch64")]
    pub(super) fours: [[[f64; 4]; 2]; GROUP - 1],
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
        Self {
            h,
            numerator: coefficients(p),
            denominator: coefficients(q),
            #[cfg(target_arch = "aarch64")]
            fours: std::array::from_fn(|i| [p, q].map(|polynomial| [polynomial[GROUP - 2 - i]; 4])),
        }
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
