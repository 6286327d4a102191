use super::group::Group;
use super::lanes::{self, LANES, Lanes};

impl Lanes for [f64; LANES] {
    const INTERLEAVE: usize = 1;

    #[inline(always)]
    unsafe fn pin(self) -> Self {
        self
    }

    #[inline(always)]
    unsafe fn from_array(values: [f64; LANES]) -> Self {
        values
    }

    #[inline(always)]
    unsafe fn to_array(self) -> [f64; LANES] {
        self
    }

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        [value; LANES]
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] + other[lane])
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] * other[lane])
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        std::array::from_fn(|lane| self[lane] / other[lane])
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        std::array::from_fn(|lane| self[lane].mul_add(factor[lane], addend[lane]))
    }
}

/// # Safety
/// None: unsafe only to have the type that all levels share.
pub(super) unsafe fn sum_groups_f64_scalar(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    // SAFETY: arrays ask nothing of the CPU.
    unsafe { lanes::sum_groups::<[f64; LANES]>(group, first, rounds) }
}
