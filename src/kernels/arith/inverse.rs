//! Inverses of odd numbers modulo powers of two, by Newton's iteration: each step doubles the number of right bits.
//! `3n xor 2` has 5 right bits to begin with.

#[cfg(target_arch = "aarch64")]
use std::arch::aarch64::*;
#[cfg(target_arch = "x86_64")]
use std::arch::x86_64::*;

/// The inverse modulo 2^64; cut off, it is the inverse modulo any smaller power of two.
pub(in crate::kernels) const fn inverse(n: u64) -> u64 {
    let mut x = n.wrapping_mul(3) ^ 2;
    let mut bits = 5;
    while bits < u64::BITS {
        x = x.wrapping_mul(2u64.wrapping_sub(n.wrapping_mul(x)));
        bits *= 2;
    }
    x
}

/// The inverse of -n modulo 2^32, in 64-bit lanes; the high halves of n are 0, those of the result are not defined.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn negative_inverse_avx2(n: __m256i) -> __m256i {
    let two = _mm256_set1_epi64x(2);
    let mut x = _mm256_xor_si256(_mm256_add_epi64(n, _mm256_add_epi64(n, n)), two);
    for _ in 0..3 {
        x = _mm256_mul_epu32(x, _mm256_sub_epi64(two, _mm256_mul_epu32(n, x)));
    }
    _mm256_sub_epi64(_mm256_setzero_si256(), x)
}

/// The inverse modulo 2^52, in 64-bit lanes.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512ifma")]
pub(in crate::kernels) fn inverse_avx512(n: __m512i) -> __m512i {
    let (zero, two) = (_mm512_setzero_si512(), _mm512_set1_epi64(2));
    let mut x = _mm512_xor_si512(_mm512_add_epi64(n, _mm512_add_epi64(n, n)), two);
    for _ in 0..4 {
        let difference = _mm512_sub_epi64(two, _mm512_madd52lo_epu64(zero, n, x));
        x = _mm512_madd52lo_epu64(zero, x, difference);
    }
    x
}

/// The inverse of -n modulo 2^32, in 32-bit lanes.
#[cfg(target_arch = "aarch64")]
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) fn negative_inverse_neon(n: uint32x4_t) -> uint32x4_t {
    let two = vdupq_n_u32(2);
    let mut x = veorq_u32(vaddq_u32(n, vaddq_u32(n, n)), two);
    for _ in 0..3 {
        x = vmulq_u32(x, vmlsq_u32(two, n, x));
    }
    vsubq_u32(vdupq_n_u32(0), x)
}
