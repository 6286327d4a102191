//! Numbers below 2^32 in vectors of their own, the others in two registers of four. The residues of these are not for the
//! last numbers below 2^64.

use std::arch::x86_64::*;

use super::candidates::{self, Candidates};
use super::words::{self, List};
use super::{pipeline, table};
use crate::cpu::Avx2;
use crate::kernels::arith::mont64_avx2::{self, Mont64Avx2};
use crate::kernels::arith::u32x8_avx2::mask_of;
use crate::kernels::arith::u64_vector::U64Vector;
use crate::kernels::arith::u64x8_avx2::U64x8Avx2;

const WIDTH: usize = U64x8Avx2::WIDTH;

/// Whether the kernel is for all these numbers.
pub(super) fn has_residues(numbers: &[u64]) -> bool {
    // Not `all`, which ends at the first other one, and so takes them one by one.
    numbers.iter().fold(true, |all, &n| all & (n < mont64_avx2::END))
}

/// Of numbers for which there are residues.
#[target_feature(enable = "avx2,fma,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn is_prime_u64_avx2(isa: Avx2, numbers: &[u64], out: &mut [u8]) {
    assert!(numbers.len() <= candidates::BATCH && numbers.len() == out.len());
    debug_assert!(has_residues(numbers));
    let (mut words, mut wide) = (words::uninit(), candidates::uninit());
    let (mut words, mut wide) = (List::new(&mut words), Candidates::new(&mut wide));
    out.fill(0);
    let (vectors, rest) = numbers.as_chunks::<WIDTH>();
    for (i, vector) in vectors.iter().enumerate() {
        partition(isa, vector, i * WIDTH, out, &mut words, &mut wide);
    }
    if !rest.is_empty() {
        let mut last = [table::END; WIDTH]; // it is neither looked up nor listed, as it is even and not small
        last[..rest.len()].copy_from_slice(rest);
        partition(isa, &last, vectors.len() * WIDTH, out, &mut words, &mut wide);
    }
    words.mark_primes(out);
    pipeline::mark_wide::<Mont64Avx2, 4, 2>(isa, &mut wide, out);
}

/// Looks up the small numbers of a vector, and lists the other odd ones by their size; of those from 2^32 on, the ones
/// that none of the first trial primes divides.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn partition(
    isa: Avx2,
    numbers: &[u64; WIDTH],
    at: usize,
    out: &mut [u8],
    words: &mut List,
    wide: &mut Candidates,
) {
    // SAFETY: the array is as long as a vector.
    let vector = unsafe { U64x8Avx2::load(isa, numbers.as_ptr()) };
    let [low, high] = vector.words();
    let zero = _mm256_setzero_si256();
    let is_word = _mm256_cmpeq_epi32(high, zero);
    let is_small = _mm256_cmpeq_epi32(_mm256_srli_epi32::<{ table::END.ilog2() as i32 }>(low), zero);
    let small = mask_of(_mm256_and_si256(is_word, is_small));
    if small != 0 {
        pipeline::look_up(&numbers[..], &mut out[at..], small);
    }
    let (odd, word) = (mask_of(_mm256_slli_epi32::<31>(low)), mask_of(is_word));
    let open = odd & word & !small;
    if open != 0 {
        let indices = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        // SAFETY: the list gets each number of the batch once at most.
        unsafe { words.push(open, low, _mm256_add_epi32(indices, _mm256_set1_epi32(at as i32))) };
    }
    if odd & !word != 0 {
        // SAFETY: the list gets each number of the batch once at most.
        unsafe { pipeline::list_open(wide, odd & !word, vector, at) };
    }
}
