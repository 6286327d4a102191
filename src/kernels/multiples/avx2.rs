use std::arch::x86_64::{__m256i, _mm256_add_epi32, _mm256_loadu_si256, _mm256_storeu_si256};

use super::generic::{self, I32Vector};
use crate::cpu::Avx2;

#[derive(Clone, Copy)]
struct I32x8 {
    lanes: __m256i,
    _isa: Avx2,
}

impl I32Vector for I32x8 {
    type Isa = Avx2;

    const WIDTH: usize = 8;

    #[inline(always)]
    fn load(isa: Avx2, values: &[i32]) -> Self {
        // SAFETY: the slice has as many values as the vector; `isa` is a witness that the CPU has AVX2.
        Self { lanes: unsafe { _mm256_loadu_si256(values[..Self::WIDTH].as_ptr().cast()) }, _isa: isa }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` carries a witness that the CPU has AVX2.
        Self { lanes: unsafe { _mm256_add_epi32(self.lanes, other.lanes) }, ..self }
    }

    #[inline(always)]
    fn store(self, values: &mut [i32]) {
        // SAFETY: the slice has as many values as the vector; `self` carries a witness that the CPU has AVX2.
        unsafe { _mm256_storeu_si256(values[..Self::WIDTH].as_mut_ptr().cast(), self.lanes) }
    }
}

#[target_feature(enable = "avx2")]
pub(super) fn sum_multiples_of_3_i32_avx2(isa: Avx2, from: i32, to: i32) -> i32 {
    generic::sum_multiples_of_3::<I32x8>(isa, from, to)
}
