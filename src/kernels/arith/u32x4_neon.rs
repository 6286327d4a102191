//! Lists of 32-bit numbers, and tables of them, in vectors of NEON.

use std::arch::aarch64::*;

/// Numbers per vector.
pub(in crate::kernels) const WIDTH: usize = 4;

/// Row `mask` has the bytes of the lanes in the mask, in order; the rest is any lane's.
static PACKED_LANES: [[u8; 16]; 16] = {
    let mut rows = [[0; 16]; 16];
    let mut mask = 0;
    while mask < 16 {
        let (mut byte, mut count) = (0, 0);
        while byte < 16 {
            if mask >> (byte / 4) & 1 == 1 {
                rows[mask][count] = byte as u8;
                count += 1;
            }
            byte += 1;
        }
        mask += 1;
    }
    rows
};

/// The lanes that are all ones, a bit each, and how many they are; the others are 0.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) fn mask_of(lanes: uint32x4_t) -> (u32, u32) {
    const EACH: [u32; WIDTH] = [0x11, 0x12, 0x14, 0x18];
    // SAFETY: the array is a vector long.
    let sum = vaddvq_u32(vandq_u32(lanes, unsafe { vld1q_u32(EACH.as_ptr()) }));
    (sum & 0xF, sum >> 4)
}

/// Writes the lanes in the mask, in order, and then any values.
///
/// # Safety
/// A vector can be written.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) unsafe fn compress(numbers: uint32x4_t, mask: u32, to: *mut u32) {
    // SAFETY: a row is a vector long; by this function's contract a vector can be written.
    unsafe {
        let lanes = vld1q_u8(PACKED_LANES[mask as usize & 0xF].as_ptr());
        vst1q_u32(to, vreinterpretq_u32_u8(vqtbl1q_u8(vreinterpretq_u8_u32(numbers), lanes)));
    }
}

/// 0, 1, 2, 3.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) fn lane_numbers() -> uint32x4_t {
    const NUMBERS: [u32; WIDTH] = [0, 1, 2, 3];
    // SAFETY: the array is a vector long.
    unsafe { vld1q_u32(NUMBERS.as_ptr()) }
}

/// The words at these indices.
///
/// # Safety
/// Each is the index of a word.
#[inline]
#[target_feature(enable = "neon")]
pub(in crate::kernels) unsafe fn gather(words: &[u32], indices: uint32x4_t) -> uint32x4_t {
    let word = |i: u32| {
        debug_assert!((i as usize) < words.len());
        // SAFETY: by this function's contract it is the index of a word.
        unsafe { words.as_ptr().add(i as usize) }
    };
    // SAFETY: the pointers are to words.
    unsafe {
        let found = vld1q_dup_u32(word(vgetq_lane_u32::<0>(indices)));
        let found = vld1q_lane_u32::<1>(word(vgetq_lane_u32::<1>(indices)), found);
        let found = vld1q_lane_u32::<2>(word(vgetq_lane_u32::<2>(indices)), found);
        vld1q_lane_u32::<3>(word(vgetq_lane_u32::<3>(indices)), found)
    }
}
