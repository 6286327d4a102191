//! Residues modulo odd numbers from 2^14 up to 2^48, in one limb of AVX-512 IFMA: R = 2^52.
//!
//! A product takes a and b to hi(a*b) + c - hi(m*n), where m*n = a*b mod 2^52: the low halves of the two products are
//! the same, so the difference of the high ones is exact. It is below a*b/R + c, and above 0 for c >= n.
//!
//! So for a, b < 4n, as n < R/16, the product's part is at most n: with c = n, the square is below 2n, and doubled
//! below 4n; with c in (n, 2n], a constant less, the product is below 3n. A start is at most 2^35; the next power is
//! below 2^19 + 2n, and from then on they are below 4n + 1. All of it is below 2^52.

use std::arch::x86_64::*;

use super::inverse::inverse_avx512;
use super::montgomery::Montgomery;
use super::u64_vector::U64Vector;
use super::u64x8::U64x8;

/// Moduli have at most this many bits.
pub(in crate::kernels) const BITS: u32 = 48;

/// Eight residues in Montgomery form.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Mont52(U64x8);

#[derive(Clone, Copy)]
pub(in crate::kernels) struct Modulus52 {
    n: U64x8,
    inverse: U64x8,
}

impl Mont52 {
    /// a * b / R + addend.
    #[inline(always)]
    fn multiply_and_add(self, other: Self, addend: U64x8, modulus: &Modulus52) -> Self {
        let (a, b, n) = (self.0.lanes(), other.0.lanes(), modulus.n.lanes());
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX-512 F and IFMA.
        let lanes = unsafe {
            let zero = _mm512_setzero_si512();
            let high = _mm512_madd52hi_epu64(addend.lanes(), a, b);
            let low = _mm512_madd52lo_epu64(zero, a, b);
            let m = _mm512_madd52lo_epu64(zero, low, modulus.inverse.lanes());
            _mm512_sub_epi64(high, _mm512_madd52hi_epu64(zero, m, n))
        };
        Self(U64x8::new(self.0.isa(), lanes))
    }
}

impl Montgomery for Mont52 {
    type Vector = U64x8;
    type Modulus = Modulus52;
    type Constant = U64x8;

    const LOG_R: u32 = 52;

    const TOP: u32 = 5;

    #[inline(always)]
    fn modulus(n: U64x8) -> Modulus52 {
        // SAFETY: `n` is a vector, which exists only where the CPU has AVX-512 F and IFMA.
        let inverse = unsafe { inverse_avx512(n.lanes()) };
        Modulus52 { n, inverse: U64x8::new(n.isa(), inverse) }
    }

    #[inline(always)]
    fn power_from_leading_bits(bits: U64x8) -> Self {
        // SAFETY: `bits` is a vector, which exists only where the CPU has AVX-512 F.
        let lanes = unsafe {
            let top = _mm512_srli_epi64::<{ 64 - Self::TOP }>(bits.normalized().lanes());
            _mm512_sllv_epi64(_mm512_set1_epi64(1), _mm512_sub_epi64(_mm512_set1_epi64(51), top))
        };
        Self(U64x8::new(bits.isa(), lanes))
    }

    #[inline(always)]
    fn from_montgomery(residues: U64x8) -> Self {
        Self(residues)
    }

    /// 2n less the constant.
    #[inline(always)]
    fn constant(residues: U64x8, modulus: &Modulus52) -> U64x8 {
        modulus.n.add(modulus.n).sub(residues)
    }

    #[inline(always)]
    fn square_and_shift(self, unset: u8, modulus: &Modulus52) -> Self {
        Self(self.multiply_and_add(self, modulus.n, modulus).0.double_in(unset))
    }

    #[inline(always)]
    fn multiply_and_subtract(self, other: Self, constant: &U64x8, modulus: &Modulus52) -> Self {
        self.multiply_and_add(other, *constant, modulus)
    }

    #[inline(always)]
    fn square_and_subtract(self, constant: &U64x8, modulus: &Modulus52) -> Self {
        self.multiply_and_add(self, *constant, modulus)
    }

    #[inline(always)]
    fn select(self, mask: u8, other: Self) -> Self {
        Self(self.0.select(mask, other.0))
    }

    #[inline(always)]
    fn negated(self, modulus: &Modulus52) -> U64x8 {
        // SAFETY: `self` is made of vectors, which exist only where the CPU has AVX-512 F and IFMA.
        let lanes = unsafe {
            let zero = _mm512_setzero_si512();
            let m = _mm512_madd52lo_epu64(zero, self.0.lanes(), modulus.inverse.lanes());
            _mm512_madd52hi_epu64(zero, m, modulus.n.lanes())
        };
        U64x8::new(self.0.isa(), lanes)
    }
}
