use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

use super::generic::{self, F64x8, LANES};
use super::group::Group;
use super::one_by_one;
use crate::cpu::Avx512;
use crate::kernels::arith::lanewise::lanewise_avx512;

/// A vector, and the witness that the CPU has AVX-512.
#[derive(Clone, Copy)]
struct Single {
    lanes: __m512d,
    isa: Avx512,
}

impl F64x8 for Single {
    type Isa = Avx512;

    const INTERLEAVE: usize = 6;

    lanewise_avx512! {
        add: _mm512_add_pd;
        mul: _mm512_mul_pd;
        div: _mm512_div_pd;
    }

    #[inline(always)]
    fn isa(self) -> Avx512 {
        self.isa
    }

    #[inline(always)]
    fn from_array(isa: Avx512, values: [f64; LANES]) -> Self {
        // SAFETY: the array is a vector long; `isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_loadu_pd(values.as_ptr()) }, isa }
    }

    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: the array is a vector long; `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_storeu_pd(values.as_mut_ptr(), self.lanes) };
        values
    }

    #[inline(always)]
    fn splat(isa: Avx512, value: f64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_set1_pd(value) }, isa }
    }

    #[inline(always)]
    fn pin(self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { pin(self.lanes) }, ..self }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_fmadd_pd(self.lanes, factor.lanes, addend.lanes) }, ..self }
    }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn pin(mut vector: __m512d) -> __m512d {
    // SAFETY: there is no instruction, only a comment; the vector keeps its value.
    unsafe { asm!("/* {0} */", inout(zmm_reg) vector, options(nomem, nostack, preserves_flags)) };
    vector
}

#[target_feature(enable = "avx512f")]
pub(super) fn sum_groups_f64_avx512(isa: Avx512, group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    generic::sum_groups::<Single>(isa, group, first, rounds)
}

#[target_feature(enable = "avx512f")]
pub(super) fn sum_one_by_one_f64_avx512(isa: Avx512, n: u64, range: Range<u64>) -> f64 {
    one_by_one::sum::<Single>(isa, n, range)
}
