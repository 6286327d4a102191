//! Lists of 32-bit numbers in vectors of AVX2.

use std::arch::x86_64::*;

/// Row `mask` has the numbers of the lanes in the mask, in order, as bytes.
static PACKED_LANES: [u64; 256] = {
    let mut rows = [0; 256];
    let mut mask = 0;
    while mask < 256 {
        let (mut lane, mut count) = (0, 0);
        while lane < 8 {
            if mask >> lane & 1 == 1 {
                rows[mask] |= lane << (8 * count);
                count += 1;
            }
            lane += 1;
        }
        mask += 1;
    }
    rows
};

/// Writes the lanes in the mask, in order, and then any values.
///
/// # Safety
/// A vector can be written.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::kernels) unsafe fn compress(lanes: __m256i, mask: u8, to: *mut u32) {
    let order = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(PACKED_LANES[usize::from(mask)] as i64));
    // SAFETY: by this function's contract a vector can be written.
    unsafe { _mm256_storeu_si256(to.cast(), _mm256_permutevar8x32_epi32(lanes, order)) };
}

/// A bit for each lane with its top bit set.
#[inline]
#[target_feature(enable = "avx2")]
pub(in crate::kernels) fn mask_of(lanes: __m256i) -> u8 {
    _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as u8
}
