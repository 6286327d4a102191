//! Numbers below 2^31 in vectors of four; the others one by one, in groups of which the products overlap: a vector has no
//! multiplications of 64-bit lanes, and two products of halves at a time are no faster than a scalar one.

use std::arch::aarch64::*;

use super::candidates::{self, Candidates};
use super::words::{self, List};
use super::{pipeline, table};
use crate::cpu::{Neon, Scalar};
use crate::kernels::arith::mont64::Mont64;
use crate::kernels::arith::u32x4_neon::{WIDTH, lane_numbers, mask_of};

#[target_feature(enable = "neon")]
pub(super) fn is_prime_u64_neon(_: Neon, numbers: &[u64], out: &mut [u8]) {
    assert!(numbers.len() <= candidates::BATCH && numbers.len() == out.len());
    let (mut words, mut wide) = (words::uninit(), candidates::uninit());
    let (mut words, mut wide) = (List::new(&mut words), Candidates::new(&mut wide));
    out.fill(0);
    let (vectors, rest) = numbers.as_chunks::<WIDTH>();
    for (i, vector) in vectors.iter().enumerate() {
        partition(vector, i * WIDTH, out, &mut words, &mut wide);
    }
    if !rest.is_empty() {
        let mut last = [table::END; WIDTH]; // it is neither looked up nor listed, as it is even and not small
        last[..rest.len()].copy_from_slice(rest);
        partition(&last, vectors.len() * WIDTH, out, &mut words, &mut wide);
    }
    words.mark_primes(out);
    pipeline::mark_wide::<Mont64, { pipeline::SCALAR_GROUPS }, { pipeline::SCALAR_GROUPS }>(
        Scalar, &mut wide, out,
    );
}

/// Looks up the small numbers of a vector, and lists the other odd ones by their size; of those from 2^31 on, the ones
/// that none of the first trial primes divides.
#[inline]
#[target_feature(enable = "neon")]
fn partition(numbers: &[u64; WIDTH], at: usize, out: &mut [u8], words: &mut List, wide: &mut Candidates) {
    // SAFETY: each half of the array is a vector long.
    let (first, second) =
        unsafe { (vld1q_u64(numbers.as_ptr()), vld1q_u64(numbers.as_ptr().add(WIDTH / 2))) };
    let (first, second) = (vreinterpretq_u32_u64(first), vreinterpretq_u32_u64(second));
    let (low, high) = (vuzp1q_u32(first, second), vuzp2q_u32(first, second));
    // The bits from the 31st on: none, if the number has a place in a vector.
    let above = vorrq_u32(high, vshrq_n_u32::<31>(low));
    let is_word = vceqzq_u32(above);
    let is_small = vceqzq_u32(vorrq_u32(above, vshrq_n_u32::<{ table::END.ilog2() as i32 }>(low)));
    if vmaxvq_u32(is_small) != 0 {
        pipeline::look_up(&numbers[..], &mut out[at..], mask_of(is_small).0 as u8);
    }
    let odd = vbicq_u32(vtstq_u32(low, vdupq_n_u32(1)), is_small);
    let open = vandq_u32(odd, is_word);
    if vmaxvq_u32(open) != 0 {
        // SAFETY: the list gets each number of the batch once at most.
        unsafe { words.push(open, low, vaddq_u32(lane_numbers(), vdupq_n_u32(at as u32))) };
    }
    let open = vbicq_u32(odd, is_word);
    if vmaxvq_u32(open) != 0 {
        let mask = mask_of(open).0 as u8;
        for (lane, &number) in numbers.iter().enumerate() {
            // SAFETY: the list gets each number of the batch once at most.
            unsafe { pipeline::list_open(wide, mask >> lane & 1, number, at + lane) };
        }
    }
}
