//! The sum for pi: 4/(1 + x^2) at x = (i - 1/2)/n for i = 0 .. n-1, over n.
//!
//! Terms are taken in groups of `GROUP`, with one division for the group's common denominator, and groups in blocks
//! of [`BLOCK`] terms, each summed in `LANES` lanes in a fixed order. All levels have the f64 operations that are
//! used (fused multiply-add is one of them), so all levels give the same bits. Block sums are added as fixed-point
//! integers, which is exact, so their order does not matter: the bits are the same for any split into ranges of
//! blocks, and so for any number of threads.
//!
//! The relative error is below 1e-13 by proof, to first order: 494u for a group (see `group`), where u = 2^-53, and
//! 353u for the sums. A lane adds at most 576 groups, whose values decrease by less than half: the partial sums that
//! are rounded add up to less than 0.6 * 576 times the lane's sum, which makes 346u. The other additions and the final
//! division make 7u. (Terms that are summed one by one, because they make up no group, have at most 131u.) Rounding
//! errors mostly cancel each other, so the error is below 1e-14 in all tests, which cover every n below 5000 and
//! larger ones up to 2^31 - 1.

mod generic;
mod group;
mod one_by_one;
mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;

use std::ops::{Add, Range};

use crate::cpu::{Isa, Level};
use group::Group;

/// Terms per block: 96 times what the widest vectors take side by side.
pub const BLOCK: u64 = 96 * 6 * generic::ROUND;

/// Fewer terms are summed one by one: coefficients for groups would cost more than they save.
const GROUPED_FROM: u64 = 4096;

/// Fraction bits of a [`FixedPointSum`]. Terms lie in [2, 4], so the last bit of a block's sum is at least 2^-51; the
/// sum of 2^63 terms stays below 2^65. Both fit in 128 bits.
const FRACTION_BITS: u32 = 60;

/// An exact sum of block sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixedPointSum(u128);

impl FixedPointSum {
    fn of_block(sum: f64) -> Self {
        Self((sum * (1u64 << FRACTION_BITS) as f64) as u128)
    }

    fn to_f64(self) -> f64 {
        self.0 as f64 / (1u64 << FRACTION_BITS) as f64
    }
}

impl Add for FixedPointSum {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

/// The terms of the sum for one n.
pub struct Terms {
    n: u64,
    isa: Isa,
    /// If there are enough terms for groups.
    group: Option<Group>,
}

impl Terms {
    /// `n` terms, to be summed at the level in use.
    pub fn new(n: u64) -> Self {
        Self::with(Isa::active(), n)
    }

    /// `n` terms, to be summed at a level, or at the machine's if that is lower.
    pub fn at(level: Level, n: u64) -> Self {
        Self::with(Isa::at(level), n)
    }

    fn with(isa: Isa, n: u64) -> Self {
        Self { n, isa, group: (n >= GROUPED_FROM).then(|| group_of_terms(isa, n)) }
    }

    /// How many blocks there are.
    pub fn blocks(&self) -> u64 {
        self.n.div_ceil(BLOCK)
    }

    /// The sum of the terms of some of the blocks.
    pub fn sum(&self, blocks: Range<u64>) -> FixedPointSum {
        let terms = |block: u64| block * BLOCK..self.n.min((block + 1) * BLOCK);
        blocks
            .map(|block| FixedPointSum::of_block(self.sum_block(terms(block))))
            .fold(FixedPointSum::default(), Add::add)
    }

    fn sum_block(&self, terms: Range<u64>) -> f64 {
        let Some(group) = &self.group else { return sum_one_by_one(self.isa, self.n, terms) };
        let (first, rounds) = (terms.start, (terms.end - terms.start) / generic::ROUND);
        let [a, b, c, d, e, f, g, h] = match self.isa {
            // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx512(isa) => unsafe { avx512::sum_groups_f64_avx512(isa, group, first, rounds) },
            // SAFETY: `isa` is a witness that the CPU has AVX2 and FMA.
            #[cfg(target_arch = "x86_64")]
            Isa::Avx2(isa) => unsafe { avx2::sum_groups_f64_avx2(isa, group, first, rounds) },
            // SAFETY: `isa` is a witness that the CPU has NEON.
            #[cfg(target_arch = "aarch64")]
            Isa::Neon(isa) => unsafe { neon::sum_groups_f64_neon(isa, group, first, rounds) },
            _ => scalar::sum_groups_f64_scalar(group, first, rounds),
        };
        let rest = first + rounds * generic::ROUND..terms.end;
        // Pairwise over the lanes, in this order at every level.
        ((a + e) + (c + g)) + ((b + f) + (d + h)) + sum_one_by_one(self.isa, self.n, rest)
    }
}

fn sum_one_by_one(isa: Isa, n: u64, terms: Range<u64>) -> f64 {
    match isa {
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { avx512::sum_one_by_one_f64_avx512(isa, n, terms) },
        // SAFETY: `isa` is a witness that the CPU has AVX2 and FMA.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { avx2::sum_one_by_one_f64_avx2(isa, n, terms) },
        _ => scalar::sum_one_by_one_f64_scalar(n, terms),
    }
}

fn group_of_terms(isa: Isa, n: u64) -> Group {
    match isa {
        // SAFETY: the level's witness has the features of AVX2, too.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { avx2::group_of_terms_avx2(isa.into(), n) },
        // SAFETY: `isa` is a witness that the CPU has AVX2.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { avx2::group_of_terms_avx2(isa, n) },
        _ => Group::of_terms(n),
    }
}

/// `(start + sum) * h` with `h = 1/n`; for `n <= 0`, where the sum is empty, what IEEE 754 gives for that.
pub fn finish(start: f64, n: i64, sum: FixedPointSum) -> f64 {
    if n > 0 { (start + sum.to_f64()) / n as f64 } else { start * (1.0 / n as f64) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::for_each_level;

    /// Tighter than the documented 1e-14.
    const BOUND: f64 = 2e-15;

    fn pi(start: f64, n: u64) -> f64 {
        let terms = Terms::new(n);
        finish(start, n as i64, terms.sum(0..terms.blocks()))
    }

    fn pi_at(level: Level, n: u64) -> f64 {
        let terms = Terms::at(level, n);
        finish(0.0, n as i64, terms.sum(0..terms.blocks()))
    }

    /// The sum in units of 2^-60, by exact integer arithmetic: a term is 16 n^2 / (4 n^2 + (2i - 1)^2).
    fn reference(n: u64) -> u128 {
        let four_n2 = 4 * u128::from(n).pow(2);
        let term = |i: u64| (four_n2 << 62) / (four_n2 + u128::from((2 * i).abs_diff(1)).pow(2));
        (0..n).map(term).sum()
    }

    fn relative_error(start: f64, n: u64) -> f64 {
        let fixed = |x: f64| (x * (1u64 << 60) as f64) as i128;
        let exact = reference(n) as i128 + fixed(start);
        let error = fixed(pi(start, n)) * i128::from(n) - exact;
        (error as f64 / exact as f64).abs()
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn every_small_n_is_within_the_bound() {
        for n in 1..5000 {
            assert!(relative_error(0.0, n) <= BOUND, "n = {n}: {}", relative_error(0.0, n));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn block_boundaries_and_large_n_are_within_the_bound() {
        let near_blocks = [1, 2, 3].into_iter().flat_map(|b| b * BLOCK - 1..=b * BLOCK + 1);
        for n in near_blocks.chain([100_000, 1_000_000, 10_000_000]) {
            assert!(relative_error(0.0, n) <= BOUND, "n = {n}: {}", relative_error(0.0, n));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn the_start_is_added_before_the_division() {
        for (start, n) in [(0.5, 1), (1000.25, 10), (1e6, 1000), (3.0, 100_000)] {
            assert!(relative_error(start, n) <= BOUND, "start = {start}, n = {n}");
        }
        assert_eq!(pi(f64::INFINITY, 10), f64::INFINITY);
        assert!(pi(f64::NAN, 10).is_nan());
    }

    #[test]
    fn no_terms_is_ieee_arithmetic() {
        assert!(finish(0.0, 0, FixedPointSum::default()).is_nan());
        assert_eq!(finish(1.0, 0, FixedPointSum::default()), f64::INFINITY);
        assert_eq!(finish(-1.0, 0, FixedPointSum::default()), f64::NEG_INFINITY);
        assert_eq!(finish(1.0, -4, FixedPointSum::default()), -0.25);
        assert_eq!(finish(0.0, -4, FixedPointSum::default()).to_bits(), (-0.0f64).to_bits());
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn every_level_gives_the_same_bits() {
        let near = |n: u64| n - 1..=n + 1;
        let lengths =
            (1..20).chain(near(GROUPED_FROM)).chain((15..30).flat_map(|k| near(k * generic::ROUND)));
        let lengths = lengths.chain((1..5).flat_map(|k| near(k * BLOCK))).chain([1_000_003, 10_000_000]);
        for n in lengths {
            for_each_level(|level| {
                assert_eq!(pi_at(level, n).to_bits(), pi(0.0, n).to_bits(), "{level} n = {n}")
            });
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn any_split_into_blocks_gives_the_same_sum() {
        let terms = Terms::new(10 * BLOCK + 17);
        let whole = terms.sum(0..terms.blocks());
        for cut in 0..=terms.blocks() {
            assert_eq!(terms.sum(0..cut) + terms.sum(cut..terms.blocks()), whole);
        }
    }
}
