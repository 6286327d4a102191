use std::arch::x86_64::{__m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_storeu_si512};

use super::generic::{self, I32Vector};
use crate::cpu::Avx512;

#[derive(Clone, Copy)]
struct I32x16 {
    lanes: __m512i,
    _isa: Avx512,
}

impl I32Vector for I32x16 {
    type Isa = Avx512;

    const WIDTH: usize = 16;

    #[inline(always)]
    fn load(isa: Avx512, values: &[i32]) -> Self {
        // SAFETY: the slice has as many values as the vector; `isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_loadu_si512(values[..Self::WIDTH].as_ptr().cast()) }, _isa: isa }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        // SAFETY: `self` carries a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_add_epi32(self.lanes, other.lanes) }, ..self }
    }

    #[inline(always)]
    fn store(self, values: &mut [i32]) {
        // SAFETY: the slice has as many values as the vector; `self` carries a witness that the CPU has AVX-512 F.
        unsafe { _mm512_storeu_si512(values[..Self::WIDTH].as_mut_ptr().cast(), self.lanes) }
    }
}

#[target_feature(enable = "avx512f")]
pub(super) fn sum_multiples_of_3_i32_avx512(isa: Avx512, from: i32, to: i32) -> i32 {
    generic::sum_multiples_of_3::<I32x16>(isa, from, to)
}
