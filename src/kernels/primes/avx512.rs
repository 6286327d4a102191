use std::arch::x86_64::*;

use super::lanes::Lanes;
use super::trial::Divisor;
use super::{narrow, stages, wide};

impl Lanes for __m512i {
    const WIDTH: usize = 8;

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
    unsafe fn indivisible(self, by: &[Divisor]) -> u8 {
        let mut open = [!0; 2]; // two chains of comparisons wait half as long
        for (i, by) in by.iter().enumerate() {
            // SAFETY: as above.
            unsafe {
                let product = _mm512_mullo_epi64(self, Self::splat(by.inverse));
                open[i % 2] = _mm512_mask_cmpgt_epu64_mask(open[i % 2], product, Self::splat(by.limit));
            }
        }
        open[0] & open[1]
    }
}

/// The inverse of an odd number modulo 2^52, by Newton's iteration from 5 right bits on.
///
/// # Safety
/// The CPU has AVX-512 F and IFMA.
#[inline(always)]
pub(super) unsafe fn inverse(n: __m512i) -> __m512i {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let (zero, two) = (_mm512_setzero_si512(), _mm512_set1_epi64(2));
        let mut x = _mm512_xor_si512(_mm512_add_epi64(n, _mm512_add_epi64(n, n)), two);
        for _ in 0..4 {
            let error = _mm512_sub_epi64(two, _mm512_madd52lo_epu64(zero, n, x));
            x = _mm512_madd52lo_epu64(zero, x, error);
        }
        x
    }
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
