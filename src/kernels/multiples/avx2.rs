use std::arch::x86_64::{__m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_storeu_si256};

use super::lanes::{self, Lanes};

impl Lanes for __m256i {
    const WIDTH: usize = 8;

    #[inline(always)]
    unsafe fn load(values: &[i32]) -> Self {
        // SAFETY: the slice has room for a vector; the caller vouches for the CPU.
        unsafe { _mm256_loadu_si256(values[..Self::WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm256_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn store(self, values: &mut [i32]) {
        // SAFETY: as for load.
        unsafe { _mm256_storeu_si256(values[..Self::WIDTH].as_mut_ptr().cast(), self) }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn sum_multiples_of_3_i32_avx2(from: i32, to: i32) -> i32 {
    // SAFETY: this function's own features are those of the vector.
    unsafe { lanes::sum_multiples_of_3::<__m256i>(from, to) }
}
