//! Residues modulo odd numbers of up to 64 bits, in two limbs of 52 bits: R = 2^104.
//!
//! A product T = a*b goes to (T - m*n)/R + c, where m is such that the low 104 bits of T and of m*n are the same: with
//! two limbs of m, one after the other, the low limbs cancel, and leave nothing to carry but what the second limb of T
//! has beyond 52 bits. The result is below T/R + c, and above 0 for c >= n.
//!
//! A start is at most 2^71, so powers are below max(2^72, 5n): T/R is below 2^40. The high limbs are below 2^20, and
//! the product of two of them has no high half. In signed lanes, limbs of T less m*n are below 2^55.

use std::arch::x86_64::*;

use super::avx512;
use super::lanes::Residues;
use crate::kernels::divisors::inverse_avx512;

/// A limb is 52 bits; in the low one of a residue they may be followed by others, which multiplications ignore.
#[derive(Clone, Copy)]
pub(super) struct Residue {
    low: __m512i,
    high: __m512i,
}

#[derive(Clone, Copy)]
pub(super) struct Modulus {
    low: __m512i,
    high: __m512i,
    inverse: __m512i,
}

/// The limbs of a product, from 2^0, 2^52 and 2^104 on, before carries.
#[derive(Clone, Copy)]
struct Product([__m512i; 3]);

impl Product {
    /// The square, plus `addend * R`.
    #[inline(always)]
    unsafe fn square(a: Residue, addend: __m512i) -> Self {
        // SAFETY: the caller vouches for the CPU, here and below.
        unsafe {
            let zero = _mm512_setzero_si512();
            let twice = _mm512_add_epi64(a.high, a.high);
            let t0 = _mm512_madd52lo_epu64(zero, a.low, a.low);
            let t1 = _mm512_madd52hi_epu64(zero, a.low, a.low);
            let t1 = _mm512_madd52lo_epu64(t1, a.low, twice);
            let t2 = _mm512_madd52hi_epu64(addend, a.low, twice);
            Self([t0, t1, _mm512_madd52lo_epu64(t2, a.high, a.high)])
        }
    }

    /// The product, plus `addend * R`.
    #[inline(always)]
    unsafe fn of(a: Residue, b: Residue, addend: __m512i) -> Self {
        // SAFETY: as above.
        unsafe {
            let zero = _mm512_setzero_si512();
            let t0 = _mm512_madd52lo_epu64(zero, a.low, b.low);
            let t1 = _mm512_madd52hi_epu64(zero, a.low, b.low);
            let t1 = _mm512_madd52lo_epu64(t1, a.low, b.high);
            let t1 = _mm512_madd52lo_epu64(t1, a.high, b.low);
            let t2 = _mm512_madd52hi_epu64(addend, a.low, b.high);
            let t2 = _mm512_madd52hi_epu64(t2, a.high, b.low);
            Self([t0, t1, _mm512_madd52lo_epu64(t2, a.high, b.high)])
        }
    }

    /// The quotient by R of the product less m*n: its low limb, signed and before the carry, and what there is to take
    /// off the high one.
    #[inline(always)]
    unsafe fn reduce(self, modulus: &Modulus) -> (__m512i, __m512i) {
        let Self([t0, t1, t2]) = self;
        // SAFETY: as above.
        unsafe {
            let zero = _mm512_setzero_si512();
            let m0 = _mm512_madd52lo_epu64(zero, t0, modulus.inverse);
            let u1 = _mm512_madd52hi_epu64(zero, m0, modulus.low);
            let u1 = _mm512_madd52lo_epu64(u1, m0, modulus.high);
            let u2 = _mm512_madd52hi_epu64(zero, m0, modulus.high);
            let t1 = _mm512_sub_epi64(t1, u1);
            let m1 = _mm512_madd52lo_epu64(zero, t1, modulus.inverse);
            let u2 = _mm512_madd52hi_epu64(u2, m1, modulus.low);
            let u2 = _mm512_madd52lo_epu64(u2, m1, modulus.high);
            let u3 = _mm512_madd52hi_epu64(zero, m1, modulus.high);
            let carry = _mm512_srai_epi64::<52>(t1);
            (_mm512_add_epi64(_mm512_sub_epi64(t2, u2), carry), u3)
        }
    }
}

impl Residue {
    /// From limbs that are signed, but not together.
    #[inline(always)]
    unsafe fn carry(low: __m512i, high: __m512i) -> Self {
        // SAFETY: as above.
        Self { low, high: unsafe { _mm512_add_epi64(high, _mm512_srai_epi64::<52>(low)) } }
    }
}

impl Residues for Residue {
    type Lanes = __m512i;
    type Modulus = Modulus;
    /// 2n less the constant, in signed limbs.
    type Constant = [__m512i; 2];

    const LOG_R: u32 = 104;

    const TOP: u32 = 6;

    #[inline(always)]
    unsafe fn modulus(n: __m512i) -> Modulus {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_and_si512(n, _mm512_set1_epi64((1 << 52) - 1));
            Modulus { low, high: _mm512_srli_epi64::<52>(n), inverse: inverse_avx512(low) }
        }
    }

    #[inline(always)]
    unsafe fn start(exponent: __m512i) -> Self {
        // SAFETY: as above.
        unsafe {
            let one = _mm512_set1_epi64(1);
            let top = _mm512_sllv_epi64(exponent, _mm512_lzcnt_epi64(exponent));
            let top = _mm512_srli_epi64::<{ 64 - Self::TOP }>(top);
            // A shift by 64 or more, or by less than none, leaves nothing.
            Self {
                low: _mm512_sllv_epi64(one, _mm512_sub_epi64(_mm512_set1_epi64(103), top)),
                high: _mm512_sllv_epi64(one, _mm512_sub_epi64(_mm512_set1_epi64(51), top)),
            }
        }
    }

    #[inline(always)]
    unsafe fn from_lanes(form: __m512i) -> Self {
        // SAFETY: as above.
        Self { low: form, high: unsafe { _mm512_srli_epi64::<52>(form) } }
    }

    #[inline(always)]
    unsafe fn constant(form: __m512i, modulus: &Modulus) -> [__m512i; 2] {
        // SAFETY: as above.
        unsafe {
            let low = _mm512_and_si512(form, _mm512_set1_epi64((1 << 52) - 1));
            let high = _mm512_srli_epi64::<52>(form);
            [
                _mm512_sub_epi64(_mm512_add_epi64(modulus.low, modulus.low), low),
                _mm512_sub_epi64(_mm512_add_epi64(modulus.high, modulus.high), high),
            ]
        }
    }

    #[inline(always)]
    unsafe fn square_and_double(self, mask: u8, modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe {
            let (low, off) = Product::square(self, modulus.low).reduce(modulus);
            let high = _mm512_sub_epi64(modulus.high, off);
            Self::carry(avx512::double(low, mask), avx512::double(high, mask))
        }
    }

    #[inline(always)]
    unsafe fn multiply_and_subtract(self, other: Self, constant: &[__m512i; 2], modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe {
            let (low, off) = Product::of(self, other, constant[0]).reduce(modulus);
            Self::carry(low, _mm512_sub_epi64(constant[1], off))
        }
    }

    #[inline(always)]
    unsafe fn square_and_subtract(self, constant: &[__m512i; 2], modulus: &Modulus) -> Self {
        // SAFETY: as above.
        unsafe {
            let (low, off) = Product::square(self, constant[0]).reduce(modulus);
            Self::carry(low, _mm512_sub_epi64(constant[1], off))
        }
    }

    #[inline(always)]
    unsafe fn select(self, mask: u8, other: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            Self {
                low: _mm512_mask_mov_epi64(self.low, mask, other.low),
                high: _mm512_mask_mov_epi64(self.high, mask, other.high),
            }
        }
    }

    /// The residue itself is a product below R: what is left of it less m*n is in (-n, 0].
    #[inline(always)]
    unsafe fn negated(self, modulus: &Modulus) -> __m512i {
        // SAFETY: as above.
        unsafe {
            let zero = _mm512_setzero_si512();
            let (low, off) = Product([self.low, self.high, zero]).reduce(modulus);
            _mm512_sub_epi64(_mm512_slli_epi64::<52>(off), low)
        }
    }
}
