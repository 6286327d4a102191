//! The vector of AVX-512: eight lanes of 64 bits.

use std::arch::asm;
use std::arch::x86_64::*;

use super::lanewise::lanewise_avx512;
use super::u64_vector::U64Vector;
use crate::cpu::Avx512;

/// Eight lanes, and the witness that the CPU has AVX-512.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct U64x8 {
    lanes: __m512i,
    isa: Avx512,
}

impl U64x8 {
    #[inline(always)]
    pub(in crate::kernels) fn new(isa: Avx512, lanes: __m512i) -> Self {
        Self { lanes, isa }
    }

    /// The vector as intrinsics take it.
    #[inline(always)]
    pub(in crate::kernels) fn lanes(self) -> __m512i {
        self.lanes
    }

    /// Twice the number in the lanes of the mask, the number in the others.
    #[inline(always)]
    pub(in crate::kernels) fn double_in(self, mask: u8) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { double_in(self.lanes, mask) }, ..self }
    }

    /// The lanes of `other` in the mask, those of `self` elsewhere.
    #[inline(always)]
    pub(in crate::kernels) fn select(self, mask: u8, other: Self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_mask_mov_epi64(self.lanes, mask, other.lanes) }, ..self }
    }

    /// The number shifted by its leading zeros to the left, so that it begins at the top bit.
    #[inline(always)]
    pub(in crate::kernels) fn normalized(self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F and CD.
        let lanes = unsafe { _mm512_sllv_epi64(self.lanes, _mm512_lzcnt_epi64(self.lanes)) };
        Self { lanes, ..self }
    }
}

/// One addition under a mask, of which a compiler would make four instructions: a mask made a vector, and a shift.
#[inline]
#[target_feature(enable = "avx512f")]
fn double_in(mut lanes: __m512i, mask: u8) -> __m512i {
    // SAFETY: the instruction adds registers, reads no memory and changes no flags; it is one of AVX-512 F, which this
    // function enables.
    unsafe {
        asm!(
            "vpaddq {lanes}{{{mask}}}, {lanes}, {lanes}",
            lanes = inout(zmm_reg) lanes,
            mask = in(kreg) mask,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    lanes
}

impl U64Vector for U64x8 {
    type Isa = Avx512;
    type Choice = u8;

    const WIDTH: usize = 8;

    lanewise_avx512! {
        add: _mm512_add_epi64;
        sub: _mm512_sub_epi64;
        xor: _mm512_xor_si512;
        and: _mm512_and_si512;
        max: _mm512_max_epu64;
        min: _mm512_min_epu64;
    }

    #[inline(always)]
    fn isa(self) -> Avx512 {
        self.isa
    }

    #[inline(always)]
    fn splat(isa: Avx512, value: u64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_set1_epi64(value as i64) }, isa }
    }

    #[inline(always)]
    unsafe fn load(isa: Avx512, from: *const u64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F; by this method's contract a vector can be read.
        Self { lanes: unsafe { _mm512_loadu_si512(from.cast()) }, isa }
    }

    #[inline(always)]
    unsafe fn compress(self, mask: u8, to: *mut u64) {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F; by this method's contract a vector can be
        // written.
        unsafe { _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi64(mask, self.lanes)) };
    }

    #[inline(always)]
    fn half(self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_srli_epi64::<1>(self.lanes) }, ..self }
    }

    #[inline(always)]
    fn add_modulo(self, other: Self, n: Self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        let lanes = unsafe {
            let sum = _mm512_add_epi64(self.lanes, other.lanes);
            let too_large = _mm512_cmpge_epu64_mask(self.lanes, _mm512_sub_epi64(n.lanes, other.lanes));
            _mm512_mask_sub_epi64(sum, too_large, sum, n.lanes)
        };
        Self { lanes, ..self }
    }

    #[inline(always)]
    fn zero_in(self, mask: u8) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        Self { lanes: unsafe { _mm512_maskz_mov_epi64(!mask, self.lanes) }, ..self }
    }

    #[inline(always)]
    fn largest(self) -> u64 {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_reduce_max_epu64(self.lanes) }
    }

    #[inline(always)]
    fn smallest(self) -> u64 {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_reduce_min_epu64(self.lanes) }
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_cmpeq_epi64_mask(self.lanes, other.lanes) }
    }

    #[inline(always)]
    fn below(self, limit: u64) -> u8 {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_cmplt_epu64_mask(self.lanes, Self::splat(self.isa, limit).lanes) }
    }

    #[inline(always)]
    fn has_none_of(self, bits: u64) -> u8 {
        // SAFETY: `self.isa` is a witness that the CPU has AVX-512 F.
        unsafe { _mm512_testn_epi64_mask(self.lanes, Self::splat(self.isa, bits).lanes) }
    }

    #[inline(always)]
    fn choose_below(self, limit: u64) -> u8 {
        self.below(limit)
    }

    #[inline(always)]
    fn choose_none_of(self, bits: u64) -> u8 {
        self.has_none_of(bits)
    }
}
