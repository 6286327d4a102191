//! The composite midpoint rule: the integral over an interval is about its width times the mean of the function at the
//! midpoints of n equal parts. The error is (b - a)^3 / (24 n^2) times the second derivative somewhere in the
//! interval, if there is one (Davis and Rabinowitz, Methods of Numerical Integration, section 2.1).

use crate::error::Error;
use crate::kernels::arith::CompensatedSum;

/// The midpoints of equal parts of an interval.
#[derive(Debug, Clone, Copy)]
pub struct Midpoints {
    a: f64,
    width: f64,
    n: u64,
}

impl Midpoints {
    /// Those of `n` parts of the interval from `a` to `b`; `b` may be less than `a`.
    ///
    /// Errors: [`Error::Invalid`] if `a`, `b` or their difference is not finite, or if there are no parts.
    pub fn new(a: f64, b: f64, n: u64) -> Result<Self, Error> {
        let width = b - a;
        if !a.is_finite() {
            return Err(Error::Invalid { parameter: "a", expected: "a finite number" });
        }
        if !width.is_finite() {
            return Err(Error::Invalid {
                parameter: "b",
                expected: "a finite number, at a finite distance from a",
            });
        }
        if n == 0 {
            return Err(Error::Invalid { parameter: "n", expected: "positive" });
        }
        Ok(Self { a, width, n })
    }

    /// The midpoint of part `i`, counted from 0, with an error of a few units in the last place of `|a| + |b - a|`.
    #[inline]
    pub fn at(&self, i: u64) -> f64 {
        self.a + self.width * ((i as f64 + 0.5) / self.n as f64)
    }

    /// The integral, given the sum of the function at all midpoints.
    pub fn integral(&self, sum: CompensatedSum) -> f64 {
        sum.value() * (self.width / self.n as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integral(a: f64, b: f64, n: u64, function: impl Fn(f64) -> f64) -> f64 {
        let points = Midpoints::new(a, b, n).unwrap();
        let mut sum = CompensatedSum::default();
        (0..n).for_each(|i| sum.push(function(points.at(i))));
        points.integral(sum)
    }

    #[test]
    fn a_line_is_exact_and_a_parabola_has_the_rules_error() {
        for n in [1, 2, 3, if cfg!(miri) { 30 } else { 1000 }] {
            assert!((integral(1.0, 3.0, n, |x| 2.0 * x) - 8.0).abs() < 1e-14, "n = {n}");
            // The second derivative is 2 everywhere.
            let error = 2.0 * 2f64.powi(3) / 24.0 / (n * n) as f64;
            let found = integral(1.0, 3.0, n, |x| x * x);
            assert!((26.0 / 3.0 - found - error).abs() < 1e-14, "n = {n}");
        }
    }

    #[test]
    fn backwards_is_the_negative() {
        let exp = |x: f64| x.exp();
        assert!((integral(1.0, 0.0, 100, exp) + integral(0.0, 1.0, 100, exp)).abs() < 1e-15);
        assert_eq!(integral(2.0, 2.0, 5, exp), 0.0);
    }

    #[test]
    fn intervals_without_midpoints_are_errors() {
        let (nan, infinity) = (f64::NAN, f64::INFINITY);
        for (a, b, n) in
            [(nan, 0.0, 1), (0.0, nan, 1), (infinity, 0.0, 1), (0.0, -infinity, 1), (0.0, 1.0, 0)]
        {
            assert!(Midpoints::new(a, b, n).is_err(), "{a} {b} {n}");
        }
        assert!(Midpoints::new(-f64::MAX, f64::MAX, 1).is_err());
        assert!(Midpoints::new(-f64::MAX, 0.0, 1).is_ok());
    }
}
