//! Knuth's TwoSum (The Art of Computer Programming 2, section 4.2.2, theorem B): the rounding error of an addition of
//! doubles, exactly.

use std::ops::Add;

/// A sum of doubles together with the sum of its rounding errors: as if summed in twice the precision. The result has
/// the error of one rounding, and some n^2 * 2^-106 of the sum of the magnitudes (Ogita, Rump, Oishi, "Accurate sum and
/// dot product", SIAM J. Sci. Comput. 26, 2005, proposition 4.5, whose n is the number of summands here).
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CompensatedSum {
    /// The sum as additions round it.
    pub(in crate::kernels) rounded: f64,
    /// The sum of the rounding errors.
    pub(in crate::kernels) compensation: f64,
}

impl CompensatedSum {
    /// Adds a number.
    #[inline(always)]
    pub fn push(&mut self, number: f64) {
        let sum = self.rounded + number;
        let added = sum - self.rounded;
        self.compensation += (self.rounded - (sum - added)) + (number - added);
        self.rounded = sum;
    }

    /// The sum as one double. If an intermediate sum was infinite or not a number, the result is what IEEE 754 makes
    /// of that.
    pub fn value(self) -> f64 {
        // The compensation of an infinite sum is not a number; that of a finite sum near the largest double need not be
        // finite, either.
        if self.compensation.is_finite() { self.rounded + self.compensation } else { self.rounded }
    }
}

impl Add for CompensatedSum {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.push(other.rounded);
        self.compensation += other.compensation;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::CompensatedSum;

    #[test]
    fn sums_add_with_their_compensations() {
        let mut one = CompensatedSum::default();
        [1e16, 1.0].into_iter().for_each(|number| one.push(number));
        let mut other = CompensatedSum::default();
        [-1e16, 1.0].into_iter().for_each(|number| other.push(number));
        assert_eq!((one + other).value(), 2.0);
    }
}
