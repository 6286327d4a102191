//! Sums of doubles, as if in twice the precision: each addition's rounding error is found exactly (Knuth's TwoSum, The
//! Art of Computer Programming 2, section 4.2.2, theorem B) and summed beside the numbers. The result has the error
//! of one rounding, and some n^2 * 2^-106 of the sum of the magnitudes (Ogita, Rump, Oishi, "Accurate sum and dot
//! product", SIAM J. Sci. Comput. 26, 2005, proposition 4.5, as n is here).
//!
//! Numbers go into [`LANES`] sums in turn, which are added in a fixed order: all levels give the same bits.

use std::ops::Add;

use crate::cpu::{self, Level};

/// Sums side by side: enough for the latency of additions, in the widest vectors, not to count.
pub const LANES: usize = 32;

/// A sum and what rounding took from it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Sum {
    rounded: f64,
    error: f64,
}

impl Sum {
    /// Adds a number.
    #[inline(always)]
    pub fn push(&mut self, number: f64) {
        let sum = self.rounded + number;
        let added = sum - self.rounded;
        self.error += (self.rounded - (sum - added)) + (number - added);
        self.rounded = sum;
    }

    /// The sum as one double; where a sum on the way was infinite or not a number, what IEEE 754 makes of that.
    pub fn value(self) -> f64 {
        // The error of an infinite sum is not a number; that of a finite one near the type's end may not be, either.
        if self.error.is_finite() { self.rounded + self.error } else { self.rounded }
    }
}

impl Add for Sum {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.push(other.rounded);
        self.error += other.error;
        self
    }
}

/// The sum of an array that comes in parts. All parts but the last have a multiple of [`LANES`] numbers; how they are
/// cut does not matter to the bits.
pub struct Accumulator {
    level: Level,
    lanes: Lanes,
}

/// Sums and errors apart, as vectors hold them.
struct Lanes {
    rounded: [f64; LANES],
    error: [f64; LANES],
}

impl Accumulator {
    /// An empty sum, to be taken at the machine's level.
    pub fn new() -> Self {
        Self::at(cpu::active())
    }

    /// An empty sum, to be taken at a level, or at the machine's if that is lower.
    pub fn at(level: Level) -> Self {
        let lanes = Lanes { rounded: [0.0; LANES], error: [0.0; LANES] };
        Self { level: level.min(cpu::detected()), lanes }
    }

    /// Adds a part. Cost: 6 additions per number, in vectors; an array that is not in the cache takes longer to load.
    pub fn push(&mut self, numbers: &[f64]) {
        let (rows, rest) = numbers.as_chunks::<LANES>();
        match self.level {
            // SAFETY: `at` made sure that the machine has the level's features.
            #[cfg(target_arch = "x86_64")]
            Level::Avx512 => unsafe { push_f64_avx512(&mut self.lanes, rows) },
            // SAFETY: as above.
            #[cfg(target_arch = "x86_64")]
            Level::Avx2 => unsafe { push_f64_avx2(&mut self.lanes, rows) },
            _ => push_rows(&mut self.lanes, rows),
        }
        if !rest.is_empty() {
            let mut row = [0.0; LANES];
            row[..rest.len()].copy_from_slice(rest);
            push_rows(&mut self.lanes, &[row]);
        }
    }

    /// The sum of all parts.
    pub fn finish(self) -> Sum {
        let lanes = self.lanes.rounded.into_iter().zip(self.lanes.error);
        lanes.map(|(rounded, error)| Sum { rounded, error }).fold(Sum::default(), Add::add)
    }
}

impl Default for Accumulator {
    fn default() -> Self {
        Self::new()
    }
}

/// A number of each row into each lane. The compiler makes vectors of it, as wide as it may use.
#[inline(always)]
fn push_rows(lanes: &mut Lanes, rows: &[[f64; LANES]]) {
    let Lanes { mut rounded, mut error } = *lanes;
    for row in rows {
        for lane in 0..LANES {
            let mut sum = Sum { rounded: rounded[lane], error: error[lane] };
            sum.push(row[lane]);
            (rounded[lane], error[lane]) = (sum.rounded, sum.error);
        }
    }
    *lanes = Lanes { rounded, error };
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn push_f64_avx2(lanes: &mut Lanes, rows: &[[f64; LANES]]) {
    push_rows(lanes, rows);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn push_f64_avx512(lanes: &mut Lanes, rows: &[[f64; LANES]]) {
    push_rows(lanes, rows);
}

#[cfg(test)]
mod tests;
