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
    #[inline(always)]
    pub(super) fn of_terms(n: u64) -> Self {
        let h = 1.0 / n as f64;
        let pair = |k: usize| {
            let d = (k as f64 + 0.5) * h;
            (2.0 * (1.0 - d * d), 1.0 + d * d)
        };
        let (mut fraction, mut next) = (Fraction::ZERO, Fraction::ZERO);
        for k in (0..GROUP / 2).step_by(2) {
            next.set_sum(&fraction, pair(k), k);
            fraction.set_sum(&next, pair(k + 1), k + 1);
        }
        let coefficients = |polynomial: &Polynomial| std::array::from_fn(|i| polynomial[Fraction::BELOW + i]);
        Self {
            h,
            numerator: coefficients(&fraction.p),
            denominator: coefficients(&fraction.q),
            #[cfg(target_arch = "aarch64")]
            fours: std::array::from_fn(|i| {
                [&fraction.p, &fraction.q].map(|polynomial| [polynomial[Fraction::BELOW + GROUP - 2 - i]; 4])
            }),
        }
    }
}

/// A polynomial of degree `GROUP` at most, lowest degree first. There are zeros before the first coefficient, so that there
/// is one below each, and after the last one, so that there are whole vectors.
type Polynomial = [f64; Fraction::BELOW + GROUP + Fraction::WIDTH];

/// P/Q.
struct Fraction {
    p: Polynomial,
    q: Polynomial,
}

impl Fraction {
    /// Zeros before the first coefficient.
    const BELOW: usize = 2;

    /// Coefficients that are computed together.
    const WIDTH: usize = 4;

    /// Without any term.
    const ZERO: Self = {
        let mut one = [0.0; _];
        one[Self::BELOW] = 1.0;
        Self { p: [0.0; _], q: one }
    };

    /// Makes this P/Q + 8 (t + c) / (t^2 + b t + c^2), where P/Q has `k` such terms: its degree is 2k.
    #[inline(always)]
    fn set_sum(&mut self, Self { p, q }: &Self, (b, c): (f64, f64), k: usize) {
        let square = c * c;
        for degree in (0..2 * k + 3).step_by(Self::WIDTH) {
            for i in degree..degree + Self::WIDTH {
                let at = i + Self::BELOW;
                let product = |polynomial: &Polynomial| {
                    square * polynomial[at] + b * polynomial[at - 1] + polynomial[i]
                };
                self.p[at] = product(p) + (8.0 * c * q[at] + 8.0 * q[at - 1]);
                self.q[at] = product(q);
            }
        }
    }
}
