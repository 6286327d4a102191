//! Eight lanes of 64 bits in two registers of AVX2: as many as in one of AVX-512, so that lists are cut alike.

use std::arch::x86_64::*;

use super::u64_vector::U64Vector;
use crate::cpu::Avx2;

/// Eight lanes, and the witness that the CPU has AVX2.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct U64x8Avx2 {
    /// Lanes 0 to 3, and lanes 4 to 7.
    halves: [__m256i; 2],
    isa: Avx2,
}

/// Row `mask` has the positions, as halves of lanes, of the lanes in the mask, in order.
static PACKED_LANES: [[u32; 8]; 16] = {
    let mut rows = [[0; 8]; 16];
    let mut mask = 0;
    while mask < 16 {
        let (mut lane, mut count) = (0, 0);
        while lane < 4 {
            if mask >> lane & 1 == 1 {
                rows[mask][2 * count] = 2 * lane;
                rows[mask][2 * count + 1] = 2 * lane + 1;
                count += 1;
            }
            lane += 1;
        }
        mask += 1;
    }
    rows
};

/// The top bit alone: unsigned comparisons are signed ones of numbers with this bit inverted.
const TOP: i64 = i64::MIN;

/// All bits of the lanes where `a > b`.
#[inline]
#[target_feature(enable = "avx2")]
fn above(a: __m256i, b: __m256i) -> __m256i {
    let top = _mm256_set1_epi64x(TOP);
    _mm256_cmpgt_epi64(_mm256_xor_si256(a, top), _mm256_xor_si256(b, top))
}

/// A bit for each lane with its top bit set.
#[inline]
#[target_feature(enable = "avx2")]
fn mask_of(lanes: __m256i) -> u8 {
    _mm256_movemask_pd(_mm256_castsi256_pd(lanes)) as u8
}

/// The lanes of `b` where the top bit of `choice` is set, else those of `a`.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) fn blend(a: __m256i, b: __m256i, choice: __m256i) -> __m256i {
    let [a, b, choice] = [_mm256_castsi256_pd(a), _mm256_castsi256_pd(b), _mm256_castsi256_pd(choice)];
    _mm256_castpd_si256(_mm256_blendv_pd(a, b, choice))
}

#[inline]
#[target_feature(enable = "avx2")]
fn max(a: __m256i, b: __m256i) -> __m256i {
    blend(a, b, above(b, a))
}

#[inline]
#[target_feature(enable = "avx2")]
fn min(a: __m256i, b: __m256i) -> __m256i {
    blend(b, a, above(b, a))
}

/// a + b modulo n, for a, b < n.
#[inline]
#[target_feature(enable = "avx2")]
fn add_modulo(a: __m256i, b: __m256i, n: __m256i) -> __m256i {
    let negative = _mm256_sub_epi64(n, b);
    let sum = _mm256_sub_epi64(a, negative);
    _mm256_add_epi64(sum, _mm256_and_si256(above(negative, a), n))
}

/// All bits of the lanes that have none of the bits.
#[inline]
#[target_feature(enable = "avx2")]
fn none_of(lanes: __m256i, bits: u64) -> __m256i {
    let common = _mm256_and_si256(lanes, _mm256_set1_epi64x(bits as i64));
    _mm256_cmpeq_epi64(common, _mm256_setzero_si256())
}

/// Writes the lanes in the mask, in order, and then any values.
///
/// # Safety
/// A vector can be written.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn compress(lanes: __m256i, mask: u8, to: *mut u64) {
    // SAFETY: a row is as long as a vector; by this function's contract one can be written.
    unsafe {
        let order = _mm256_loadu_si256(PACKED_LANES[usize::from(mask & 15)].as_ptr().cast());
        _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(lanes, order));
    }
}

impl U64x8Avx2 {
    #[inline(always)]
    pub(in crate::kernels) fn new(isa: Avx2, halves: [__m256i; 2]) -> Self {
        Self { halves, isa }
    }

    /// The registers as intrinsics take them.
    #[inline(always)]
    pub(in crate::kernels) fn halves(self) -> [__m256i; 2] {
        self.halves
    }

    /// The low halves of the lanes, and the high ones, in order.
    #[inline]
    #[target_feature(enable = "avx2")]
    pub(in crate::kernels) fn words(self) -> [__m256i; 2] {
        let [a, b] = self.halves.map(|half| _mm256_castsi256_ps(half));
        // Lanes 0, 1, 4, 5, 2, 3, 6, 7.
        let (low, high) =
            (_mm256_shuffle_ps::<0b10_00_10_00>(a, b), _mm256_shuffle_ps::<0b11_01_11_01>(a, b));
        [low, high].map(|words| _mm256_permute4x64_epi64::<0b11_01_10_00>(_mm256_castps_si256(words)))
    }

    /// The lanes as numbers.
    #[inline(always)]
    pub(in crate::kernels) fn to_array(self) -> [u64; 8] {
        let mut lanes = [0; 8];
        // SAFETY: the array is as long as a vector.
        unsafe { self.compress(!0, lanes.as_mut_ptr()) };
        lanes
    }
}

/// Methods that are a function of registers with AVX2, for each half.
macro_rules! lanewise {
    ($($name:ident: $function:ident;)*) => {$(
        #[inline(always)]
        fn $name(self, other: Self) -> Self {
            let ([a, b], [c, d]) = (self.halves, other.halves);
            // SAFETY: `self.isa` is a witness that the CPU has AVX2.
            Self { halves: unsafe { [$function(a, c), $function(b, d)] }, ..self }
        }
    )*};
}

impl U64Vector for U64x8Avx2 {
    type Isa = Avx2;
    /// The top bit of each lane counts.
    type Choice = [__m256i; 2];

    const WIDTH: usize = 8;

    lanewise! {
        add: _mm256_add_epi64;
        sub: _mm256_sub_epi64;
        xor: _mm256_xor_si256;
        and: _mm256_and_si256;
        max: max;
        min: min;
    }

    #[inline(always)]
    fn isa(self) -> Avx2 {
        self.isa
    }

    #[inline(always)]
    fn splat(isa: Avx2, value: u64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX2.
        let lanes = unsafe { _mm256_set1_epi64x(value as i64) };
        Self { halves: [lanes; 2], isa }
    }

    #[inline(always)]
    unsafe fn load(isa: Avx2, from: *const u64) -> Self {
        // SAFETY: `isa` is a witness that the CPU has AVX2; by this method's contract eight numbers can be read.
        let halves = unsafe { [_mm256_loadu_si256(from.cast()), _mm256_loadu_si256(from.add(4).cast())] };
        Self { halves, isa }
    }

    #[inline(always)]
    unsafe fn compress(self, mask: u8, to: *mut u64) {
        let first = (mask & 15).count_ones() as usize;
        // SAFETY: `self.isa` is a witness that the CPU has AVX2; by this method's contract eight numbers can be
        // written, and the second four begin at number 4 at most.
        unsafe {
            compress(self.halves[0], mask, to);
            compress(self.halves[1], mask >> 4, to.add(first));
        }
    }

    #[inline(always)]
    fn half(self) -> Self {
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        let halves = unsafe { self.halves.map(|lanes| _mm256_srli_epi64::<1>(lanes)) };
        Self { halves, ..self }
    }

    #[inline(always)]
    fn add_modulo(self, other: Self, n: Self) -> Self {
        let ([a, b], [c, d], [m, n]) = (self.halves, other.halves, n.halves);
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        Self { halves: unsafe { [add_modulo(a, c, m), add_modulo(b, d, n)] }, ..self }
    }

    #[inline(always)]
    fn zero_in(self, [first, second]: Self::Choice) -> Self {
        let [a, b] = self.halves;
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        let halves = unsafe {
            let zero = _mm256_setzero_si256();
            [blend(a, zero, first), blend(b, zero, second)]
        };
        Self { halves, ..self }
    }

    #[inline(always)]
    fn largest(self) -> u64 {
        self.to_array().into_iter().fold(0, Ord::max)
    }

    #[inline(always)]
    fn smallest(self) -> u64 {
        self.to_array().into_iter().fold(u64::MAX, Ord::min)
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        let ([a, b], [c, d]) = (self.halves, other.halves);
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        unsafe { mask_of(_mm256_cmpeq_epi64(a, c)) | mask_of(_mm256_cmpeq_epi64(b, d)) << 4 }
    }

    #[inline(always)]
    fn below(self, limit: u64) -> u8 {
        let [a, b] = self.choose_below(limit);
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        unsafe { mask_of(a) | mask_of(b) << 4 }
    }

    #[inline(always)]
    fn has_none_of(self, bits: u64) -> u8 {
        let [a, b] = self.choose_none_of(bits);
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        unsafe { mask_of(a) | mask_of(b) << 4 }
    }

    #[inline(always)]
    fn choose_below(self, limit: u64) -> Self::Choice {
        let ([a, b], [limit, _]) = (self.halves, Self::splat(self.isa, limit).halves);
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        unsafe { [above(limit, a), above(limit, b)] }
    }

    #[inline(always)]
    fn choose_none_of(self, bits: u64) -> Self::Choice {
        let [a, b] = self.halves;
        // SAFETY: `self.isa` is a witness that the CPU has AVX2.
        unsafe { [none_of(a, bits), none_of(b, bits)] }
    }
}
