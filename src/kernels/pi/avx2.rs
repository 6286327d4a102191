use std::arch::asm;
use std::arch::x86_64::*;

use super::group::Group;
use super::lanes::{self, LANES, Lanes};

/// Lanes 0 to 3, and 4 to 7.
#[derive(Clone, Copy)]
struct Pair(__m256d, __m256d);

impl Lanes for Pair {
    const INTERLEAVE: usize = 2;

    #[inline(always)]
    unsafe fn pin(self) -> Self {
        // SAFETY: the caller vouches for the CPU.
        unsafe { Self(pin(self.0), pin(self.1)) }
    }

    #[inline(always)]
    unsafe fn from_array(values: [f64; LANES]) -> Self {
        // SAFETY: the array is two vectors long; the caller vouches for the CPU, here and below.
        unsafe { Self(_mm256_loadu_pd(values.as_ptr()), _mm256_loadu_pd(values[4..].as_ptr())) }
    }

    #[inline(always)]
    unsafe fn to_array(self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: as above.
        unsafe {
            _mm256_storeu_pd(values.as_mut_ptr(), self.0);
            _mm256_storeu_pd(values[4..].as_mut_ptr(), self.1);
        }
        values
    }

    #[inline(always)]
    unsafe fn splat(value: f64) -> Self {
        // SAFETY: as above.
        let vector = unsafe { _mm256_set1_pd(value) };
        Self(vector, vector)
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Self(_mm256_add_pd(self.0, other.0), _mm256_add_pd(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn mul(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Self(_mm256_mul_pd(self.0, other.0), _mm256_mul_pd(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn div(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { Self(_mm256_div_pd(self.0, other.0), _mm256_div_pd(self.1, other.1)) }
    }

    #[inline(always)]
    unsafe fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            Self(_mm256_fmadd_pd(self.0, factor.0, addend.0), _mm256_fmadd_pd(self.1, factor.1, addend.1))
        }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn pin(mut vector: __m256d) -> __m256d {
    // SAFETY: no instruction; the vector stays as it is.
    unsafe { asm!("/* {0} */", inout(ymm_reg) vector, options(nomem, nostack, preserves_flags)) };
    vector
}

/// # Safety
/// The CPU has AVX2 and FMA.
#[target_feature(enable = "avx2,fma")]
pub(super) unsafe fn sum_groups_f64_avx2(group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    // SAFETY: this function's own features are those of the vectors.
    unsafe { lanes::sum_groups::<Pair>(group, first, rounds) }
}
