use super::generic::{self, F64x8, LANES};
use super::group::Group;
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

pub(super) fn sum_groups_f64_scalar(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    generic::sum_groups::<[f64; LANES]>(Scalar, group, first, rounds)
}
