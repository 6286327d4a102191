use std::arch::x86_64::{__m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_storeu_si512};

use super::lanes::{self, Lanes};

impl Lanes for __m512i {
    const WIDTH: usize = 16;

    #[inline(always)]
    unsafe fn load(values: &[i32]) -> Self {
        // SAFETY: the slice has room for a vector; the caller vouches for the CPU.
        unsafe { _mm512_loadu_si512(values[..Self::WIDTH].as_ptr().cast()) }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the CPU.
        unsafe { _mm512_add_epi32(self, other) }
    }

    #[inline(always)]
    unsafe fn store(self, values: &mut [i32]) {
        // SAFETY: as for load.
        unsafe { _mm512_storeu_si512(values[..Self::WIDTH].as_mut_ptr().cast(), self) }
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn sum_multiples_of_3_i32_avx512(from: i32, to: i32) -> i32 {
    // SAFETY: this function's own features are those of the vector.
    unsafe { lanes::sum_multiples_of_3::<__m512i>(from, to) }
}
