use std::arch::asm;
use std::arch::x86_64::*;

use super::group::Group;
use super::lanes::{self, LANES, Lanes};

impl Lanes for __m512d {
    const INTERLEAVE: usize = 6;

    #[inline(always)]
    unsafe fn pin(self) -> Self {
        // SAFETY: the caller vouches for the CPU.
        unsafe { pin(self) }
    }

    #[inline(always)]
    unsafe fn from_array(values: [f64; LANES]) -> Self {
        // SAFETY: the array is a vector long; the caller vouches for the CPU, here and below.
        unsafe { _mm512_loadu_pd(values.as_ptr()) }
    }

    #[inline(always)]
    unsafe fn to_array(self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: as above.
        unsafe { _mm512_storeu_pd(values.as_mut_ptr(), self) };
        values
    }

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_set1_pd(value) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_add_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_mul_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_div_pd(self, other) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_fmadd_pd(self, factor, addend) }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pin(mut vector: __m512d) -> __m512d {
    // SAFETY: no instruction; the vector stays as it is.
    unsafe { asm!("/* {0} */", inout(zmm_reg) vector, options(nomem, nostack, preserves_flags)) };
    vector
}

/// # Safety
/// The CPU has AVX-512F.
#[target_feature(enable = "avx512f")]
pub(super) unsafe fn sum_groups_f64_avx512(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    // SAFETY: this function's own features are those of the vector.
    unsafe { lanes::sum_groups::<__m512d>(group, first, rounds) }
}
