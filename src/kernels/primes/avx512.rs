use std::arch::asm;
use std::arch::x86_64::*;

use super::fold::{self, Fold};
use super::lanes::Lanes;
use super::{narrow, stages, wide};

impl Lanes for __m512i {
    type Divisors = Fold;

    const WIDTH: usize = 8;
    const FIRST: &'static [Fold] = &fold::folds::<2>(2);
    const SECOND: &'static [Fold] = &fold::folds::<4>(23);
    const THIRD: &'static [Fold] = &fold::folds::<10>(83);

    #[inline(always)]
    unsafe fn splat(value: u64) -> Self {
        // SAFETY: the caller vouches for the CPU, here and below.
        unsafe { _mm512_set1_epi64(value as i64) }
    }

    #[inline(always)]
    unsafe fn load(from: *const u64) -> Self {
        // SAFETY: the caller vouches for the pointer, too.
        unsafe { _mm512_loadu_si512(from.cast()) }
    }

    #[inline(always)]
    unsafe fn compress(self, mask: u8, to: *mut u64) {
        // SAFETY: as above; a vector may be overwritten.
        unsafe { _mm512_storeu_si512(to.cast(), _mm512_maskz_compress_epi64(mask, self)) };
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        // SAFETY: the caller vouches for the CPU, here and below.
        unsafe { _mm512_add_epi64(self, other) }
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_sub_epi64(self, other) }
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_xor_si512(self, other) }
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_and_si512(self, other) }
    }

    #[inline(always)]
    unsafe fn half(self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_srli_epi64::<1>(self) }
    }

    #[inline(always)]
    unsafe fn add_modulo(self, other: Self, n: Self) -> Self {
        // SAFETY: as above.
        unsafe {
            let sum = _mm512_add_epi64(self, other);
            let too_much = _mm512_cmpge_epu64_mask(self, _mm512_sub_epi64(n, other));
            _mm512_mask_sub_epi64(sum, too_much, sum, n)
        }
    }

    #[inline(always)]
    unsafe fn zero_in(self, mask: u8) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_maskz_mov_epi64(!mask, self) }
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_max_epu64(self, other) }
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        // SAFETY: as above.
        unsafe { _mm512_min_epu64(self, other) }
    }

    #[inline(always)]
    unsafe fn largest(self) -> u64 {
        // SAFETY: as above.
        unsafe { _mm512_reduce_max_epu64(self) }
    }

    #[inline(always)]
    unsafe fn smallest(self) -> u64 {
        // SAFETY: as above.
        unsafe { _mm512_reduce_min_epu64(self) }
    }

    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u8 {
        // SAFETY: as above.
        unsafe { _mm512_cmpeq_epi64_mask(self, other) }
    }

    #[inline(always)]
    unsafe fn below(self, limit: u64) -> u8 {
        // SAFETY: as above.
        unsafe { _mm512_cmplt_epu64_mask(self, Self::splat(limit)) }
    }

    #[inline(always)]
    unsafe fn without(self, bits: u64) -> u8 {
        // SAFETY: as above.
        unsafe { _mm512_testn_epi64_mask(self, Self::splat(bits)) }
    }

    #[inline(always)]
    unsafe fn indivisible(self, by: &[Fold]) -> u8 {
        // SAFETY: as above.
        unsafe { fold::indivisible(self, by) }
    }
}

/// Doubles the lanes in the mask. A compiler makes four instructions of it: it shifts by the mask, made a vector.
#[inline]
#[target_feature(enable = "avx512f")]
pub(super) fn double(mut lanes: __m512i, mask: u8) -> __m512i {
    // SAFETY: an addition of registers.
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

/// # Safety
/// The CPU has the features of `Level::Avx512`.
#[target_feature(enable = "avx512f,avx512bw,avx512cd,avx512dq,avx512vl,avx512ifma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) unsafe fn is_prime_u64_avx512(numbers: &[u64], out: &mut [u8]) {
    // SAFETY: this function's own features are those of the vectors.
    unsafe {
        stages::is_prime::<__m512i, narrow::Residue, wide::Residue, { narrow::BITS }, 4, 2>(numbers, out);
    }
}
