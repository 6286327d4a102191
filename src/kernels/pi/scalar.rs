use std::ops::Range;

use super::generic::{self, F64x8, LANES};
use super::group::Group;
use super::one_by_one;
use crate::cpu::Scalar;

impl F64x8 for [f64; LANES] {
    type Isa = Scalar;

    const INTERLEAVE: usize = 1;

    #[inline(always)]
    fn isa(self) -> Scalar {
        Scalar
    }

    #[inline(always)]
    fn from_array(_: Scalar, values: [f64; LANES]) -> Self {
        values
    }

    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        self
    }

    #[inline(always)]
    fn splat(_: Scalar, value: f64) -> Self {
        [value; LANES]
    }

    #[inline(always)]
    fn pin(self) -> Self {
        self
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * other[lane])
    }

    #[inline(always)]
    fn div(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] / other[lane])
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        std::array::from_fn(|lane| self[lane].mul_add(factor[lane], addend[lane]))
    }
}

/// With the CPU's instruction for fused multiply-add, if it has one.
pub(super) fn sum_groups_f64_scalar(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    // Some have it without AVX2: AMD's from Piledriver (2012) up to Zen.
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("fma") {
        // SAFETY: the CPU has the feature.
        return unsafe { sum_groups_with_fma(group, first, rounds) };
    }
    sum_groups(group, first, rounds)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn sum_groups_with_fma(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    sum_groups(group, first, rounds)
}

/// With what the compilation target guarantees. Where that has no fused multiply-add, the C library's function is called.
#[inline(always)]
fn sum_groups(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    generic::sum_groups::<[f64; LANES]>(Scalar, group, first, rounds)
}

pub(super) fn sum_one_by_one_f64_scalar(n: u64, range: Range<u64>) -> f64 {
    one_by_one::sum::<[f64; LANES]>(Scalar, n, range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn the_instruction_and_the_function_give_the_same_bits() {
        for n in [4096, 100_000, 10_000_019] {
            let group = Group::of_terms(n);
            for (first, rounds) in [(0, 0), (0, 64), (n / 2, 1), (n / 2, 1000)] {
                let bits = |sums: [f64; LANES]| sums.map(f64::to_bits);
                assert_eq!(
                    bits(sum_groups_f64_scalar(&group, first, rounds)),
                    bits(sum_groups(&group, first, rounds)),
                    "n = {n}, {rounds} rounds from {first}"
                );
            }
        }
    }
}
