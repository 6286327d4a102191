use std::arch::asm;
use std::arch::x86_64::*;
use std::ops::Range;

use super::generic::{self, F64x8, LANES};
use super::group::Group;
use super::one_by_one;
use crate::cpu::Avx2;

/// Two vectors, and the witness that the CPU has AVX2 and FMA.
#[derive(Clone, Copy)]
struct Pair {
    /// Lanes 0 to 3.
    low: __m256d,
    /// Lanes 4 to 7.
    high: __m256d,
    isa: Avx2,
}

/// Methods that are one intrinsic of AVX, for each half.
macro_rules! lanewise {
    ($($name:ident: $intrinsic:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, other: Self) -> Self {
            // SAFETY: `self.isa` is a witness that the CPU has AVX.
            let (low, high) = unsafe { ($intrinsic(self.low, other.low), $intrinsic(self.high, other.high)) };
            Self { low, high, ..self }
        }
    )*};
}

impl F64x8 for Pair {
    type Isa = Avx2;

    const INTERLEAVE: usize = 2;

    lanewise! {
        add: _mm256_add_pd;
        mul: _mm256_mul_pd;
        div: _mm256_div_pd;
    }

    #[inline(always)]
    fn isa(self) -> Avx2 {
        self.isa
    }

    #[inline(always)]
    fn from_array(isa: Avx2, values: [f64; LANES]) -> Self {
        // SAFETY: the array is two vectors long; `isa` is a witness that the CPU has AVX.
        let (low, high) =
            unsafe { (_mm256_loadu_pd(values.as_ptr()), _mm256_loadu_pd(values[4..].as_ptr())) };
        Self { low, high, isa }
    }

    #[inline(always)]
    fn to_array(self) -> [f64; LANES] {
        let mut values = [0.0; LANES];
        // SAFETY: the array is two vectors long; `self.isa` is a witness that the CPU has AVX.
        unsafe {
            _mm256_storeu_pd(values.as_mut_ptr(), self.low);
            _mm256_storeu_pd(values[4..].as_mut_ptr(), self.high);
        }
        values
    }

    #[inline(always)]
    fn splat(isa: Avx2, value: f64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX.
        let vector = unsafe { _mm256_set1_pd(value) };
        Self { low: vector, high: vector, isa }
    }

    #[inline(always)]
    fn pin(self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX.
        let (low, high) = unsafe { (pin(self.low), pin(self.high)) };
        Self { low, high, ..self }
    }

    #[inline(always)]
    fn mul_add(self, factor: Self, addend: Self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has FMA.
        let (low, high) = unsafe {
            (
                _mm256_fmadd_pd(self.low, factor.low, addend.low),
                _mm256_fmadd_pd(self.high, factor.high, addend.high),
            )
        };
        Self { low, high, ..self }
    }
}

#[inline]
#[target_feature(enable = "avx")]
fn pin(mut vector: __m256d) -> __m256d {
    // SAFETY: there is no instruction, only a comment; the vector keeps its value.
    unsafe { asm!("/* {0} */", inout(ymm_reg) vector, options(nomem, nostack, preserves_flags)) };
    vector
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sum_groups_f64_avx2(isa: Avx2, group: &Group, first: u64, rounds: u64) -> [f64; LANES] {
    generic::sum_groups::<Pair>(isa, group, first, rounds)
}

/// [`Group::of_terms`], in wider vectors.
#[target_feature(enable = "avx2")]
pub(super) fn group_of_terms_avx2(_: Avx2, n: u64) -> Group {
    Group::of_terms(n)
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sum_one_by_one_f64_avx2(isa: Avx2, n: u64, range: Range<u64>) -> f64 {
    one_by_one::sum::<Pair>(isa, n, range)
}
