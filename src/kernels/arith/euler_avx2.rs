//! The Euler test to base 2 of 32-bit numbers, in doubles: an odd prime n divides 2^((n-1)/2) - (2/n), where the Legendre
//! symbol (2/n) is 1 for n = 1, 7 mod 8 and -1 for n = 3, 5 mod 8.
//!
//! A residue a is squared as h + l, the rounded square and its rounding error, which a fused multiplication and
//! subtraction gives exactly. With q, the integer next to h/n or the one beside it, h - q*n is an integer too small to be
//! rounded, and so is the sum with l. (Dekker, "A floating-point technique for extending the available precision",
//! Numerische Mathematik 18, 1971.) Residues are of either sign, and a little above n/2 at most, so they are not
//! corrected; to double one is to add 1 to its exponent. The first bits of (n-1)/2 make up a start that is a power of
//! two below 2^32, and takes no multiplication.
//!
//! For n from 2^12 on and residues up to 2^32, h is at most 2^64 and q at most 2^52/1.5: the error of h/n is below 1/2.

use std::arch::x86_64::*;

use super::pseudoprimes;
use super::u32x8_avx2::mask_of;

/// Numbers with a bit at this position in the exponent's place are doubles twice as large.
const EXPONENT: u32 = 52;

/// A double has this added to its exponent.
const EXPONENT_BIAS: i64 = 1023;

/// Adding and subtracting it rounds a double below 2^51 to an integer.
const ROUNDER: f64 = 1.5 * (1u64 << EXPONENT) as f64;

/// Four numbers under test.
#[derive(Clone, Copy)]
struct Lanes {
    n: __m256d,
    /// 1/n.
    inverse: __m256d,
    /// (n - 1)/2, in 64 bits.
    exponent: __m256i,
}

impl Lanes {
    /// Of the four numbers in the low halves.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn new(numbers: __m128i) -> Self {
        let exponent = _mm256_cvtepu32_epi64(_mm_srli_epi32::<1>(numbers));
        // The numbers are signed to the conversion.
        let signed = _mm256_cvtepi32_pd(_mm_xor_si128(numbers, _mm_set1_epi32(i32::MIN)));
        let n = _mm256_add_pd(signed, _mm256_set1_pd((1u64 << 31) as f64));
        Self { n, inverse: _mm256_div_pd(_mm256_set1_pd(1.0), n), exponent }
    }

    /// 2 to the first bits of the exponent: those from bit `steps` on, which are five at most.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn start(&self, steps: u32) -> __m256d {
        let first = _mm256_srl_epi64(self.exponent, _mm_cvtsi32_si128(steps as i32));
        let biased = _mm256_add_epi64(first, _mm256_set1_epi64x(EXPONENT_BIAS));
        _mm256_castsi256_pd(_mm256_slli_epi64::<{ EXPONENT as i32 }>(biased))
    }

    /// The square modulo n, doubled if bit `i` of the exponent is set.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn step(&self, a: __m256d, i: u32) -> __m256d {
        let high = _mm256_mul_pd(a, a);
        let low = _mm256_fmsub_pd(a, a, high);
        let square = _mm256_add_pd(self.remainder(high), low);
        let bit = _mm256_sll_epi64(self.exponent, _mm_cvtsi32_si128((EXPONENT - i) as i32));
        let bit = _mm256_and_si256(bit, _mm256_set1_epi64x(1 << EXPONENT));
        _mm256_castsi256_pd(_mm256_add_epi64(_mm256_castpd_si256(square), bit))
    }

    /// a less the multiple of n next to it.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn remainder(&self, a: __m256d) -> __m256d {
        let rounder = _mm256_set1_pd(ROUNDER);
        let quotient = _mm256_sub_pd(_mm256_fmadd_pd(a, self.inverse, rounder), rounder);
        _mm256_fnmadd_pd(quotient, self.n, a)
    }

    /// Whether the power is 1 or -1, as it is for a prime.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    fn has_symbol(&self, power: __m256d) -> u8 {
        // Bits 1 and 2 of n differ if n is 3 or 5 modulo 8; they are the lowest ones of the exponent.
        let differ = _mm256_xor_si256(self.exponent, _mm256_srli_epi64::<1>(self.exponent));
        let sign = _mm256_castsi256_pd(_mm256_slli_epi64::<63>(differ));
        let symbol = _mm256_or_pd(_mm256_set1_pd(1.0), sign);
        _mm256_movemask_pd(_mm256_cmp_pd::<_CMP_EQ_OQ>(self.remainder(power), symbol)) as u8
    }
}

/// The lanes that pass, of vectors of eight odd numbers from 2^12 up to 2^32; a bit each.
///
/// Cost: a step takes nine instructions per register of four numbers. It has a long chain of them, which four vectors
/// side by side make up for.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(in crate::kernels) fn passed<const VECTORS: usize>(numbers: [__m256i; VECTORS]) -> [u8; VECTORS] {
    let lanes: [[Lanes; 2]; VECTORS] = std::array::from_fn(|v| {
        let (low, high) = (_mm256_castsi256_si128(numbers[v]), _mm256_extracti128_si256::<1>(numbers[v]));
        [Lanes::new(low), Lanes::new(high)]
    });
    let any_large = numbers.iter().fold(numbers[0], |any, &numbers| _mm256_or_si256(any, numbers));
    let is_large = mask_of(any_large) != 0;
    let steps = if is_large { 26 } else { 25 };
    let mut powers: [[__m256d; 2]; VECTORS] =
        std::array::from_fn(|v| lanes[v].map(|lanes| lanes.start(steps)));
    for i in (0..steps).rev() {
        for (powers, lanes) in powers.iter_mut().zip(&lanes) {
            for (power, lanes) in powers.iter_mut().zip(lanes) {
                *power = lanes.step(*power, i);
            }
        }
    }
    std::array::from_fn(|v| {
        let [(low, a), (high, b)] = [(lanes[v][0], powers[v][0]), (lanes[v][1], powers[v][1])];
        low.has_symbol(a) | high.has_symbol(b) << 4
    })
}

/// Lanes that may be in the list of composite numbers that pass.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn may_be_pseudoprimes(numbers: __m256i) -> u8 {
    let hash = _mm256_mullo_epi32(numbers, _mm256_set1_epi32(pseudoprimes::HASH as i32));
    let hash = _mm256_srli_epi32::<{ 32 - pseudoprimes::FILTER_BITS as i32 }>(hash);
    // SAFETY: a hash has FILTER_BITS bits, so hash / 32 is the index of a word of the filter.
    let words = unsafe {
        _mm256_i32gather_epi32::<4>(pseudoprimes::FILTER.as_ptr().cast(), _mm256_srli_epi32::<5>(hash))
    };
    let position = _mm256_andnot_si256(hash, _mm256_set1_epi32(31));
    mask_of(_mm256_sllv_epi32(words, position))
}
