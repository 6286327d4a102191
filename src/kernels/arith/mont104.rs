//! Residues modulo odd numbers of up to 64 bits, in two limbs of AVX-512 IFMA, of 52 bits each: R = 2^104.
//!
//! A product T = a*b goes to (T - m*n)/R + c, where m is such that the low 104 bits of T and of m*n are the same: with
//! two limbs of m, one after the other, the low limbs cancel, and leave nothing to carry but what the second limb of T
//! has beyond 52 bits. The result is below T/R + c, and above 0 for c >= n.
//!
//! A start is at most 2^71, so powers are below max(2^72, 5n): T/R is below 2^40. The high limbs are below 2^20, and
//! the product of two of them has no high half. In signed lanes, limbs of T less m*n are below 2^55.

use std::arch::x86_64::*;

use super::inverse::inverse_avx512;
use super::montgomery::Montgomery;
use super::u64_vector::U64Vector;
use super::u64x8::U64x8;

/// Eight residues in Montgomery form. A limb is 52 bits; the low limb may have more, which multiplications ignore.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Mont104 {
    low: U64x8,
    high: U64x8,
}

#[derive(Clone, Copy)]
pub(in crate::kernels) struct Modulus104 {
    low: U64x8,
    high: U64x8,
    /// The inverse of the low limb.
    inverse: U64x8,
}

/// The limbs of a product, from 2^0, 2^52 and 2^104 on, before carries.
#[derive(Clone, Copy)]
struct Product([U64x8; 3]);

impl Product {
    /// The square, plus `addend * R`.
    #[inline(always)]
    fn square(a: Mont104, addend: U64x8) -> Self {
        let (isa, low, high) = (a.low.isa(), a.low.lanes(), a.high.lanes());
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F and IFMA.
        unsafe {
            let zero = _mm512_setzero_si512();
            let twice = _mm512_add_epi64(high, high);
            let t0 = _mm512_madd52lo_epu64(zero, low, low);
            let t1 = _mm512_madd52hi_epu64(zero, low, low);
            let t1 = _mm512_madd52lo_epu64(t1, low, twice);
            let t2 = _mm512_madd52hi_epu64(addend.lanes(), low, twice);
            let t2 = _mm512_madd52lo_epu64(t2, high, high);
            Self([U64x8::new(isa, t0), U64x8::new(isa, t1), U64x8::new(isa, t2)])
        }
    }

    /// The product, plus `addend * R`.
    #[inline(always)]
    fn of(a: Mont104, b: Mont104, addend: U64x8) -> Self {
        let (isa, a_low, a_high) = (a.low.isa(), a.low.lanes(), a.high.lanes());
        let (b_low, b_high) = (b.low.lanes(), b.high.lanes());
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F and IFMA.
        unsafe {
            let zero = _mm512_setzero_si512();
            let t0 = _mm512_madd52lo_epu64(zero, a_low, b_low);
            let t1 = _mm512_madd52hi_epu64(zero, a_low, b_low);
            let t1 = _mm512_madd52lo_epu64(t1, a_low, b_high);
            let t1 = _mm512_madd52lo_epu64(t1, a_high, b_low);
            let t2 = _mm512_madd52hi_epu64(addend.lanes(), a_low, b_high);
            let t2 = _mm512_madd52hi_epu64(t2, a_high, b_low);
            let t2 = _mm512_madd52lo_epu64(t2, a_high, b_high);
            Self([U64x8::new(isa, t0), U64x8::new(isa, t1), U64x8::new(isa, t2)])
        }
    }

    /// The quotient by R of the product less m*n: its low limb, signed and before the carry, and what there is to take
    /// off the high one.
    #[inline(always)]
    fn reduce(self, modulus: &Modulus104) -> (U64x8, U64x8) {
        let Self([t0, t1, t2]) = self;
        let (isa, low, high) = (t0.isa(), modulus.low.lanes(), modulus.high.lanes());
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F and IFMA.
        let (quotient, off) = unsafe {
            let zero = _mm512_setzero_si512();
            let m0 = _mm512_madd52lo_epu64(zero, t0.lanes(), modulus.inverse.lanes());
            let u1 = _mm512_madd52hi_epu64(zero, m0, low);
            let u1 = _mm512_madd52lo_epu64(u1, m0, high);
            let u2 = _mm512_madd52hi_epu64(zero, m0, high);
            let t1 = _mm512_sub_epi64(t1.lanes(), u1);
            let m1 = _mm512_madd52lo_epu64(zero, t1, modulus.inverse.lanes());
            let u2 = _mm512_madd52hi_epu64(u2, m1, low);
            let u2 = _mm512_madd52lo_epu64(u2, m1, high);
            let u3 = _mm512_madd52hi_epu64(zero, m1, high);
            let carry = _mm512_srai_epi64::<52>(t1);
            (_mm512_add_epi64(_mm512_sub_epi64(t2.lanes(), u2), carry), u3)
        };
        (U64x8::new(isa, quotient), U64x8::new(isa, off))
    }
}

impl Mont104 {
    /// From limbs of which each may be negative, though the number is not.
    #[inline(always)]
    fn carry(low: U64x8, high: U64x8) -> Self {
        // SAFETY: `low` is a vector, which exists only where the CPU has AVX-512 F.
        let carry = unsafe { _mm512_srai_epi64::<52>(low.lanes()) };
        Self { low, high: high.add(U64x8::new(low.isa(), carry)) }
    }
}

/// The low 52 bits, and the others.
#[inline(always)]
fn limbs(n: U64x8) -> (U64x8, U64x8) {
    (n.and(U64x8::splat(n.isa(), (1 << 52) - 1)), high_limb(n))
}

#[inline(always)]
fn high_limb(n: U64x8) -> U64x8 {
    // SAFETY: `n` is a vector, which exists only where the CPU has AVX-512 F.
    U64x8::new(n.isa(), unsafe { _mm512_srli_epi64::<52>(n.lanes()) })
}

impl Montgomery for Mont104 {
    type Vector = U64x8;
    type Modulus = Modulus104;
    /// 2n less the constant, in signed limbs.
    type Constant = [U64x8; 2];

    const LOG_R: u32 = 104;

    const TOP: u32 = 6;

    #[inline(always)]
    fn modulus(n: U64x8) -> Modulus104 {
        let (low, high) = limbs(n);
        // SAFETY: `n` is a vector, which exists only where the CPU has AVX-512 F and IFMA.
        let inverse = unsafe { inverse_avx512(low.lanes()) };
        Modulus104 { low, high, inverse: U64x8::new(n.isa(), inverse) }
    }

    #[inline(always)]
    fn power_from_leading_bits(bits: U64x8) -> Self {
        // SAFETY: `bits` is a vector, which exists only where the CPU has AVX-512 F.
        let (low, high) = unsafe {
            let one = _mm512_set1_epi64(1);
            let top = _mm512_srli_epi64::<{ 64 - Self::TOP }>(bits.normalized().lanes());
            // A shift by 64 or more, or by a negative number, gives 0.
            (
                _mm512_sllv_epi64(one, _mm512_sub_epi64(_mm512_set1_epi64(103), top)),
                _mm512_sllv_epi64(one, _mm512_sub_epi64(_mm512_set1_epi64(51), top)),
            )
        };
        Self { low: U64x8::new(bits.isa(), low), high: U64x8::new(bits.isa(), high) }
    }

    #[inline(always)]
    fn from_montgomery(residues: U64x8) -> Self {
        Self { low: residues, high: high_limb(residues) }
    }

    #[inline(always)]
    fn constant(residues: U64x8, modulus: &Modulus104) -> [U64x8; 2] {
        let (low, high) = limbs(residues);
        [modulus.low.add(modulus.low).sub(low), modulus.high.add(modulus.high).sub(high)]
    }

    #[inline(always)]
    fn square_and_shift(self, unset: u8, modulus: &Modulus104) -> Self {
        let (low, off) = Product::square(self, modulus.low).reduce(modulus);
        Self::carry(low.double_in(unset), modulus.high.sub(off).double_in(unset))
    }

    #[inline(always)]
    fn multiply_and_subtract(self, other: Self, constant: &[U64x8; 2], modulus: &Modulus104) -> Self {
        let (low, off) = Product::of(self, other, constant[0]).reduce(modulus);
        Self::carry(low, constant[1].sub(off))
    }

    #[inline(always)]
    fn square_and_subtract(self, constant: &[U64x8; 2], modulus: &Modulus104) -> Self {
        let (low, off) = Product::square(self, constant[0]).reduce(modulus);
        Self::carry(low, constant[1].sub(off))
    }

    #[inline(always)]
    fn select(self, mask: u8, other: Self) -> Self {
        Self { low: self.low.select(mask, other.low), high: self.high.select(mask, other.high) }
    }

    /// The residue itself is a product below R: what is left of it less m*n is in (-n, 0].
    #[inline(always)]
    fn negated(self, modulus: &Modulus104) -> U64x8 {
        let zero = U64x8::splat(self.low.isa(), 0);
        let (low, off) = Product([self.low, self.high, zero]).reduce(modulus);
        // SAFETY: `off` is a vector, which exists only where the CPU has AVX-512 F.
        let off = U64x8::new(off.isa(), unsafe { _mm512_slli_epi64::<52>(off.lanes()) });
        off.sub(low)
    }
}
