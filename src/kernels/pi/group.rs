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
        let (mut p, mut q) = (Polynomial::ZERO, Polynomial::ZERO);
        q.0[Polynomial::BELOW] = 1.0;
        for k in 0..GROUP / 2 {
            let d = (k as f64 + 0.5) * h;
            let (b, c) = (2.0 * (1.0 - d * d), 1.0 + d * d);
            // P/Q + 8 (t + c) / (t^2 + b t + c^2)
            p.multiply_and_add([c * c, b, 1.0], &q, [8.0 * c, 8.0], k);
            q.multiply_and_add([c * c, b, 1.0], &Polynomial::ZERO, [0.0, 0.0], k);
        }
        let coefficients =
            |polynomial: &Polynomial| std::array::from_fn(|i| polynomial.0[Polynomial::BELOW + i]);
        Self {
            h,
            numerator: coefficients(&p),
            denominator: coefficients(&q),
            #[cfg(target_arch = "aarch64")]
            fours: std::array::from_fn(|i| {
                [&p, &q].map(|polynomial| [polynomial.0[Polynomial::BELOW + GROUP - 2 - i]; 4])
            }),
        }
    }
}

/// A polynomial of degree `GROUP` at most, lowest degree first, after two zeros.
struct Polynomial([f64; Self::BELOW + GROUP + 1]);

impl Polynomial {
    /// Zeros before the first coefficient, so that there is one below each.
    const BELOW: usize = 2;

    const ZERO: Self = Self([0.0; Self::BELOW + GROUP + 1]);

    /// Multiplies by a quadratic polynomial, and adds a linear one times another polynomial, after `k` such steps: there
    /// are no coefficients beyond degree 2k + 2.
    fn multiply_and_add(&mut self, [c0, c1, c2]: [f64; 3], other: &Self, [d0, d1]: [f64; 2], k: usize) {
        let end = Self::BELOW + 2 * k + 3;
        let before = self.0;
        let others = other.0[1..end].windows(2);
        for ((new, p), q) in self.0[Self::BELOW..end].iter_mut().zip(before[..end].windows(3)).zip(others) {
            *new = (c0 * p[2] + c1 * p[1] + c2 * p[0]) + (d0 * q[1] + d1 * q[0]);
        }
    }
}

/// The sum of the terms in `range`, with a division each. In two stages, and the first of them in lanes, so that few
/// roundings fall on a large sum, and divisions go side by side.
pub(super) fn sum_one_by_one(n: u64, range: Range<u64>) -> f64 {
    const STAGE: u64 = 64;
    let h = 1.0 / n as f64;
    let stage = |from: u64| sum_stage(h, from, range.end.min(from + STAGE));
    range.clone().step_by(STAGE as usize).map(stage).sum()
}

fn sum_stage(h: f64, from: u64, end: u64) -> f64 {
    const LANES: usize = 8;
    let mut lanes = [0.0; LANES];
    let term = |i: f64| {
        let x = h * i;
        4.0 / (1.0 + x * x)
    };
    let mut at = from;
    while at + LANES as u64 <= end {
        let first = at as f64 - 0.5;
        for (lane, sum) in lanes.iter_mut().enumerate() {
            *sum += term(first + lane as f64);
        }
        at += LANES as u64;
    }
    for (i, sum) in (at..end).zip(&mut lanes) {
        *sum += term(i as f64 - 0.5);
    }
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + e) + (c + g)) + ((b + f) + (d + h))
}
