//! Sixteen numbers at a time. Those that the table does not cover are listed, by compressed stores, for trial
//! division; those that it leaves open are listed for the Euler test.

use std::arch::x86_64::*;

use super::counts::{BATCH, Counts};
use super::table::{LARGER_ENDS, Run, Table};
use super::trial::DIVISORS;
use super::undecided::{self, Buffer, FEW, Undecided};
use crate::cpu::Avx512;
use crate::kernels::arith::buffer;
use crate::kernels::arith::euler::STEPS;
use crate::kernels::arith::inverse::inverse_avx512;
use crate::kernels::arith::pseudoprimes;

/// Numbers per vector.
const WIDTH: usize = 16;

/// Appends the lanes in `mask`.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn push(list: &mut Undecided, mask: __mmask16, numbers: __m512i) {
    debug_assert!(list.len <= BATCH);
    // SAFETY: a list gets each number of a batch once at most, so the vector starts at BATCH at the latest; the
    // buffer has a vector's length more.
    unsafe {
        let end = list.buffer.as_mut_ptr().add(list.len);
        _mm512_storeu_si512(end.cast(), _mm512_maskz_compress_epi32(mask, numbers));
    }
    list.len += mask.count_ones() as usize;
}

/// The vectors that make up the list, the last one filled up with `filler`.
#[inline]
#[target_feature(enable = "avx512f")]
fn vectors(list: &mut Undecided, filler: i32) -> impl Iterator<Item = __m512i> {
    let first = list.buffer.as_mut_ptr().cast::<i32>();
    // SAFETY: a list has a batch of numbers at most, and the buffer a vector's length more.
    unsafe { _mm512_storeu_si512(first.add(list.len).cast(), _mm512_set1_epi32(filler)) };
    // SAFETY: the first `len` numbers of the buffer are initialised, and the vector after them is by now.
    (0..list.len).step_by(WIDTH).map(move |from| unsafe { _mm512_loadu_si512(first.add(from).cast()) })
}

#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512ifma,lzcnt,popcnt")]
pub(super) fn count_i32_avx512(_: Avx512, batch: &[i32], table: Table) -> Counts {
    assert!(batch.len() <= BATCH);
    let mut buffers: [Buffer; 2] = [buffer::uninit(), buffer::uninit()];
    let [mut open, mut left] = buffers.each_mut().map(Undecided::new);
    let with_small_divisor = count_by_table(batch, table, &mut open);
    let mut counts = Counts { with_small_divisor, ..Counts::default() };
    if open.len > 0 {
        counts.table_misses = trial_divide(&mut open, &mut left);
        counts.with_small_divisor -= count_without_small_divisor(&mut left);
    }
    counts
}

/// Counts the numbers from 10 on, less those of which the table says that they have no small divisor, and lists the odd
/// ones past the table.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn count_by_table(batch: &[i32], table: Table, open: &mut Undecided) -> u64 {
    let (end, one, nine) =
        (_mm512_set1_epi32(table.end() as i32), _mm512_set1_epi32(1), _mm512_set1_epi32(9));
    let (mut from_10_on, mut none, mut none_in_runs) = (0, _mm512_setzero_si512(), 0);
    let mut count_vector = |numbers| {
        let run = Run { first: _mm512_cvtsi512_si32(numbers) as u32, len: WIDTH as u32 };
        if are_consecutive(numbers) && run.is_covered(table) {
            let counts = run.counts(table);
            (from_10_on, none_in_runs) = (from_10_on + counts.0, none_in_runs + counts.1);
            return;
        }
        from_10_on += u64::from(_mm512_cmpgt_epi32_mask(numbers, nine).count_ones());
        let covered = _mm512_cmplt_epu32_mask(numbers, end);
        let index = _mm512_srli_epi32::<6>(numbers);
        let words = table.words.as_ptr().cast();
        // SAFETY: where n is in [0, end), n / 64 is the index of a word of the table; the other lanes are not read.
        let words =
            unsafe { _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), covered, index, words) };
        // Bit n / 2 % 32 comes first; the bit of an even number does not count.
        let first = _mm512_rorv_epi32(words, _mm512_srli_epi32::<1>(numbers));
        none = _mm512_add_epi32(none, _mm512_and_si512(_mm512_and_si512(first, numbers), one));
        if covered != !0 {
            let odd = _mm512_test_epi32_mask(numbers, one);
            push(open, _mm512_mask_cmpge_epi32_mask(odd, numbers, end), numbers);
        }
    };
    let (vectors, rest) = batch.as_chunks::<WIDTH>();
    for vector in vectors {
        // SAFETY: the array is a vector long.
        count_vector(unsafe { _mm512_loadu_si512(vector.as_ptr().cast()) });
    }
    if !rest.is_empty() {
        // Lanes after the end of the rest are 0, which does not count.
        // SAFETY: the lanes in the mask are in the rest; the others are not read.
        count_vector(unsafe { _mm512_maskz_loadu_epi32((1 << rest.len()) - 1, rest.as_ptr()) });
    }
    from_10_on - none_in_runs - _mm512_reduce_add_epi32(none) as u64
}

#[inline]
#[target_feature(enable = "avx512f")]
fn are_consecutive(numbers: __m512i) -> bool {
    let first = _mm512_set1_epi32(_mm512_cvtsi512_si32(numbers));
    let steps = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    _mm512_cmpeq_epi32_mask(numbers, _mm512_add_epi32(first, steps)) == !0
}

/// Lists the numbers that no trial prime divides, and counts those below each of the larger tables' ends.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn trial_divide(list: &mut Undecided, left: &mut Undecided) -> [u64; 2] {
    const MULTIPLE_OF_3: i32 = i32::MAX - i32::MAX % 3; // a large one: it is neither listed nor counted
    let mut below = [0; 2];
    for numbers in vectors(list, MULTIPLE_OF_3) {
        let mut open = [!0; 2]; // two chains of comparisons wait half as long
        for (i, divisor) in DIVISORS.iter().enumerate() {
            let product = _mm512_mullo_epi32(numbers, _mm512_set1_epi32(divisor.inverse as i32));
            let limit = _mm512_set1_epi32(divisor.limit as i32);
            open[i % 2] = _mm512_mask_cmpgt_epu32_mask(open[i % 2], product, limit);
        }
        push(left, open[0] & open[1], numbers);
        for (below, end) in below.iter_mut().zip(LARGER_ENDS) {
            let smaller = _mm512_cmplt_epi32_mask(numbers, _mm512_set1_epi32(end as i32));
            *below += u64::from(smaller.count_ones());
        }
    }
    below
}

/// Counts the numbers without a small divisor by the Euler test: of four vectors of 64-bit lanes side by side, to
/// hide the latency of the multiplications.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512ifma,lzcnt,popcnt")]
fn count_without_small_divisor(list: &mut Undecided) -> u64 {
    if list.len <= FEW {
        return list.count_without_small_divisor();
    }
    const COMPOSITE: i32 = i32::MAX - 2; // 5 * 429496729: as a filler, it is not counted
    let mut vectors = vectors(list, COMPOSITE);
    let mut count = 0;
    while let Some(numbers) = vectors.next() {
        if let Some(next) = vectors.next() {
            let [a, b, c, d] = euler([low(numbers), high(numbers), low(next), high(next)]);
            count += resolve(numbers, join(a, b)) + resolve(next, join(c, d));
        } else {
            let [a, b] = euler([low(numbers), high(numbers)]);
            count += resolve(numbers, join(a, b));
        }
    }
    count
}

#[inline]
#[target_feature(enable = "avx512f")]
fn low(numbers: __m512i) -> __m512i {
    _mm512_cvtepu32_epi64(_mm512_castsi512_si256(numbers))
}

#[inline]
#[target_feature(enable = "avx512f")]
fn high(numbers: __m512i) -> __m512i {
    _mm512_cvtepu32_epi64(_mm512_extracti64x4_epi64::<1>(numbers))
}

fn join(low: __mmask8, high: __mmask8) -> __mmask16 {
    u16::from_le_bytes([low, high])
}

/// How many lanes have no small divisor, given those that passed the Euler test.
#[inline]
#[target_feature(enable = "avx512f,popcnt")]
fn resolve(numbers: __m512i, passed: __mmask16) -> u64 {
    let suspects = passed & exceptions_filter(numbers, passed);
    let roots = !passed & next_to_square(numbers);
    if suspects | roots == 0 {
        return u64::from(passed.count_ones());
    }
    let mut lanes = [0; WIDTH];
    // SAFETY: the array is a vector long.
    unsafe { _mm512_storeu_si512(lanes.as_mut_ptr().cast(), numbers) };
    undecided::count_lanes_without_small_divisor(&lanes, passed, suspects, roots)
}

/// Lanes that may be exceptions of the Euler test.
#[inline]
#[target_feature(enable = "avx512f")]
fn exceptions_filter(numbers: __m512i, mask: __mmask16) -> __mmask16 {
    let hash = _mm512_mullo_epi32(numbers, _mm512_set1_epi32(pseudoprimes::HASH as i32));
    let hash = _mm512_srli_epi32::<{ 32 - pseudoprimes::FILTER_BITS }>(hash);
    // SAFETY: a hash has FILTER_BITS bits, so hash / 32 is the index of a word of the filter.
    let words = unsafe {
        let filter = pseudoprimes::FILTER.as_ptr().cast();
        _mm512_mask_i32gather_epi32::<4>(_mm512_setzero_si512(), mask, _mm512_srli_epi32::<5>(hash), filter)
    };
    let position = _mm512_and_si512(hash, _mm512_set1_epi32(31));
    _mm512_test_epi32_mask(words, _mm512_sllv_epi32(_mm512_set1_epi32(1), position))
}

/// Lanes with n or n + 1 a square. The root in single precision is off by less than 1/100, so that it rounds
/// to the square's.
#[inline]
#[target_feature(enable = "avx512f")]
fn next_to_square(numbers: __m512i) -> __mmask16 {
    let root = _mm512_cvtps_epi32(_mm512_sqrt_ps(_mm512_cvtepi32_ps(numbers)));
    let above = _mm512_sub_epi32(_mm512_mullo_epi32(root, root), numbers);
    _mm512_cmple_epu32_mask(above, _mm512_set1_epi32(1))
}

/// The Euler test (see `euler.rs`) with R = 2^52, on odd numbers below 2^31 in 64-bit lanes.
///
/// A step takes a to hi(a*a) + n - hi(m*n), where m*n = a*a mod 2^52: the low halves of the two products are the
/// same, so the difference of the high ones is exact. Then it doubles, if the bit is set. Where a starts at 2^51,
/// the largest start, it stays at 2^51 + 2^28 at most while bits are set; without, and from a lower start, the
/// square's part shrinks with each step until a is about 2n. So a < 2^52 always.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn euler<const GROUPS: usize>(n: [__m512i; GROUPS]) -> [__mmask8; GROUPS] {
    let (zero, one) = (_mm512_setzero_si512(), _mm512_set1_epi64(1));
    let inverse: [_; GROUPS] = std::array::from_fn(|g| inverse_avx512(n[g]));
    let bits: [_; GROUPS] = std::array::from_fn(|g| _mm512_sub_epi64(zero, _mm512_srli_epi64::<1>(n[g])));
    let mut a: [_; GROUPS] = std::array::from_fn(|g| {
        let x = _mm512_add_epi64(_mm512_set1_epi64(52), _mm512_srai_epi64::<STEPS>(bits[g]));
        _mm512_sllv_epi64(one, x)
    });
    for i in (0..STEPS).rev() {
        let position = _mm512_set1_epi64(i64::from(i));
        for g in 0..GROUPS {
            let doublings = _mm512_and_si512(_mm512_srlv_epi64(bits[g], position), one);
            let high = _mm512_madd52hi_epu64(n[g], a[g], a[g]);
            let m = _mm512_madd52lo_epu64(zero, _mm512_madd52lo_epu64(zero, a[g], a[g]), inverse[g]);
            let reduced = _mm512_sub_epi64(high, _mm512_madd52hi_epu64(zero, m, n[g]));
            a[g] = _mm512_sllv_epi64(reduced, doublings);
        }
    }
    std::array::from_fn(|g| {
        // a / R = -high mod n, to be compared with 1 or -1.
        let high = _mm512_madd52hi_epu64(zero, _mm512_madd52lo_epu64(zero, a[g], inverse[g]), n[g]);
        let differ = _mm512_xor_si512(n[g], _mm512_srli_epi64::<1>(n[g]));
        let plus = _mm512_testn_epi64_mask(differ, _mm512_set1_epi64(2)); // n = 1, 7 mod 8
        let expected = _mm512_mask_sub_epi64(one, plus, n[g], one);
        _mm512_cmpeq_epi64_mask(high, expected)
    })
}
