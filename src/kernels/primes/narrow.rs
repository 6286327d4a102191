//! Residues modulo odd numbers from 2^14 up to 2^48, in one limb: R = 2^52.
//!
//! A product takes a and b to hi(a*b) + c - hi(m*n), where m*n = a*b mod 2^52: the low halves of the two products are
//! the same, so the difference of the high ones is exact. It is below a*b/R + c, and above 0 for c >= n.
//!
//! So for a, b < 4n, as n < R/16, the product's part is at most n: with c = n, the square is below 2n, and doubled
//! below 4n; with c in (n, 2n], a constant less, the product is below 3n. A start is at most 2^35; the next power is
//! below 2^19 + 2n, and from then on they are below 4n + 1. All of it is below 2^52.

use std::arch::x86_64::*;

use super::avx512;
use super::lanes::Residues;
use crate::kernels::divisors::inverse_avx512;

/// Numbers have so many bits at most.
pub(super) const BITS: u32 = 48;

#[derive(Clone, Copy)]
pub(super) struct Residue(__m512i);

#[derive(Clone, Copy)]
pub(super) struct Modulus {
    n: __m512i,
    inverse: __m512i,
}

impl Residue {
    /// a * b / R + addend.
    #[inline(always)]
    unsafe fn multiply_and_add(self, other: Self, addend: __m512i, modulus: &Modulus) -> Self {
        // SAFETY: the caller vouches for the CPU, here and below.
        unsafe {
            let zero = _mm512_setzero_si512();
            let high = _mm512_madd52hi_epu64(addend, self.0, other.0);
            let low = _mm512_madd52lo_epu64(zero, self.0, other.0);
            let m = _mm512_madd52lo_epu64(zero, low, modulus.inverse);
            Self(_mm512_sub_epi64(high, _mm512_madd52hi_epu64(zero, m, modulus.n)))
        }
    }
}

impl Residues for Residue {
    type Lanes = __m512i;
    type Modulus = Modulus;
    type Constant = __m512i;

    const LOG_R: u32 = 52;

    const TOP: u32 = 5;

    #[inline(always)]
    unsafe fn modulus(n: __m512i) -> Modulus {
        // SAFETY: as above.
        Modulus { n, inverse: unsafe { inverse_avx512(n) } }
    }

    #[inline(always)]
    unsafe fn start(exponent: __m512i) -> Self {
        // SAFETY: as above.
        unsafe {
            let top = _mm512_sllv_epi64(exponent, _mm512_lzcnt_epi64(exponent));
            let top = _mm512_srli_epi64::<{ 64 - Self::TOP }>(top);
            Self(_mm512_sllv_epi64(_mm512_set1_epi64(1), _mm512_sub_epi64(_mm512_set1_epi64(51), top)))
        }
    }

    #[inline(always)]
    unsafe fn from_lanes(form: __m512i) -> Self {
        Self(form)
    }

    /// 2n less the constant.
    #[inline(always)]
    unsafe fn constant(form: __m512i, modulus: &Modulus) -> __m512i {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi64(_mm512_add_epi64(modulus.n, modulus.n), form) }
    }

    #[inline(always)]
    unsafe fn square_and_double(self, mask: u8, modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe {
            let square = self.multiply_and_add(self, modulus.n, modulus).0;
            Self(avx512::double(square, mask))
        }
    }

    #[inline(always)]
    unsafe fn multiply_and_subtract(self, other: Self, constant: &__m512i, modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe { self.multiply_and_add(other, *constant, modulus) }
    }

    #[inline(always)]
    unsafe fn square_and_subtract(self, constant: &__m512i, modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe { self.multiply_and_add(self, *constant, modulus) }
    }

    #[inline(always)]
    unsafe fn select(self, mask: u8, other: Self) -> Self {
        // SAFETY: as above.
        Self(unsafe { _mm512_mask_mov_epi64(self.0, mask, other.0) })
    }

    #[inline(always)]
    unsafe fn negated(self, modulus: &Modulus) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let zero = _mm512_setzero_si512();
            let m = _mm512_madd52lo_epu64(zero, self.0, modulus.inverse);
            _mm512_madd52hi_epu64(zero, m, modulus.n)
        }
    }
}
