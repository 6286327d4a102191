use std::ops::Range;

use super::generic::{self, F64x8, LANES};
use super::group::Group;
use super::one_by_one;
#[cfg(target_arch = "x86_64")]
use crate::cpu::Fma;
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
    #[cfg(target_arch = "x86_64")]
    if let Some(fma) = Fma::detect() {
        // SAFETY: `fma` is a witness that the CPU has the instruction.
        return unsafe { sum_groups_with_fma(fma, group, first, rounds) };
    }
    sum_groups(group, first, rounds)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "fma")]
fn sum_groups_with_fma(_: Fma, group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
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

#[cfg(all(test, target_arch = "x86_64"))]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn the_instruction_and_the_function_give_the_same_bits() {
        let Some(fma) = Fma::detect() else {
            return crate::skips::skip("fused multiply-add", "this machine's CPU has no instruction for it");
        };
        for n in [4096, 100_000, 10_000_019] {
            let group = Group::of_terms(n);
            for (first, rounds) in [(0, 0), (0, 64), (n / 2, 1), (n / 2, 1000)] {
                let bits = |sums: [f64; LANES]| sums.map(f64::to_bits);
                // SAFETY: `fma` is a witness that the CPU has the instruction.
                let by_instruction = unsafe { sum_groups_with_fma(fma, &group, first, rounds) };
                let by_function = sum_groups(&group, first, rounds);
                assert_eq!(bits(by_instruction), bits(by_function), "n = {n}, {rounds} rounds from {first}");
            }
        }
    }
}
