//! Eight numbers at a time, in the stages of `avx512.rs`.

use std::arch::x86_64::*;

use super::counts::{BATCH, Counts};
use super::euler::STEPS;
use super::exceptions;
use super::table::{LARGER_ENDS, Run, Table};
use super::trial::DIVISORS;
use super::undecided::{self, Buffer, FEW, Undecided};
use crate::cpu::Avx2;
use crate::kernels::arith::buffer;
use crate::kernels::arith::inverse::negative_inverse_avx2;

/// Numbers per vector.
const WIDTH: usize = 8;

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

/// Appends the lanes in `mask`, a bit each.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn push(list: &mut Undecided, mask: u8, numbers: __m256i) {
    debug_assert!(list.len <= BATCH);
    let lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(PACKED_LANES[usize::from(mask)] as i64));
    // SAFETY: a list gets each number of a batch once at most, so the vector starts at BATCH at the latest; the
    // buffer has a vector's length more.
    unsafe {
        let end = list.buffer.as_mut_ptr().add(list.len);
        _mm256_storeu_si256(end.cast(), _mm256_permutevar8x32_epi32(numbers, lanes));
    }
    list.len += mask.count_ones() as usize;
}

/// The vectors that make up the list, each with a mask of the lanes that are in it; the others are 0.
#[inline]
#[target_feature(enable = "avx2")]
fn vectors(list: &Undecided) -> impl Iterator<Item = (u8, __m256i)> {
    let pointer = list.buffer.as_ptr().cast();
    // SAFETY: `from` is below `len`, and the first `len` numbers of the buffer are initialised.
    (0..list.len).step_by(WIDTH).map(move |from| unsafe { load(pointer, from, list.len) })
}

/// The vector at `from`, and a mask of the lanes below `len`; the others are 0 and not read.
///
/// # Safety
/// `from < len`, and `len` numbers can be read.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(numbers: *const i32, from: usize, len: usize) -> (u8, __m256i) {
    let count = WIDTH.min(len - from);
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes);
    // SAFETY: the lanes inside are below `len`; the others are not read.
    ((0xFFu32 >> (WIDTH - count)) as u8, unsafe { _mm256_maskload_epi32(numbers.add(from), inside) })
}

/// A bit for each lane with its top bit set.
#[inline]
#[target_feature(enable = "avx2")]
fn mask_of(lanes: __m256i) -> u8 {
    _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as u8
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn count_i32_avx2(_: Avx2, batch: &[i32], table: Table) -> Counts {
    assert!(batch.len() <= BATCH);
    let mut buffers: [Buffer; 2] = [buffer::uninit(), buffer::uninit()];
    let [mut open, mut left] = buffers.each_mut().map(Undecided::new);
    let with_small_divisor = count_by_table(batch, table, &mut open);
    let mut counts = Counts { with_small_divisor, ..Counts::default() };
    if open.len > 0 {
        counts.table_misses = LARGER_ENDS.map(|end| count_below(&open, end));
        trial_divide(&open, &mut left);
        counts.with_small_divisor -= count_without_small_divisor(&left);
    }
    counts
}

/// Counts the numbers from 10 on, less those of which the table says that they have no small divisor, and lists the odd
/// ones past the table.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_by_table(batch: &[i32], table: Table, open: &mut Undecided) -> u64 {
    let (end, nine) = (_mm256_set1_epi32(table.end() as i32), _mm256_set1_epi32(9));
    let zero = _mm256_setzero_si256();
    let (mut from_10_on, mut none, mut in_runs) = (zero, zero, 0); // the first two are negated
    let mut count_vector = |numbers| {
        let run = Run { first: _mm256_cvtsi256_si32(numbers) as u32, len: WIDTH as u32 };
        if are_consecutive(numbers) && run.is_covered(table) {
            let counts = run.counts(table);
            in_runs += counts.0 - counts.1;
            return;
        }
        from_10_on = _mm256_add_epi32(from_10_on, _mm256_cmpgt_epi32(numbers, nine));
        // 0 <= n < end: the others have no word.
        let covered = _mm256_andnot_si256(_mm256_srai_epi32::<31>(numbers), _mm256_cmpgt_epi32(end, numbers));
        let index = _mm256_srli_epi32::<6>(numbers);
        let words = table.words.as_ptr().cast();
        // SAFETY: where n is in [0, end), n / 64 is the index of a word of the table; the other lanes are not read.
        let words = unsafe { _mm256_mask_i32gather_epi32::<4>(zero, words, index, covered) };
        // Bit n / 2 % 32 to the top, by a shift by its complement; the bit of an even number does not count.
        let position = _mm256_andnot_si256(_mm256_srli_epi32::<1>(numbers), _mm256_set1_epi32(31));
        let odd = _mm256_slli_epi32::<31>(numbers);
        let top = _mm256_and_si256(_mm256_sllv_epi32(words, position), odd);
        none = _mm256_add_epi32(none, _mm256_srai_epi32::<31>(top));
        if mask_of(covered) != !0 {
            let large = _mm256_andnot_si256(_mm256_or_si256(covered, numbers), odd);
            push(open, mask_of(large), numbers);
        }
    };
    let (vectors, rest) = batch.as_chunks::<WIDTH>();
    for vector in vectors {
        // SAFETY: the array is a vector long.
        count_vector(unsafe { _mm256_loadu_si256(vector.as_ptr().cast()) });
    }
    if !rest.is_empty() {
        // Lanes after the end of the rest are 0, which does not count.
        // SAFETY: the rest is not empty, and can be read.
        count_vector(unsafe { load(rest.as_ptr(), 0, rest.len()) }.1);
    }
    in_runs + sum_of_lanes(_mm256_sub_epi32(none, from_10_on))
}

#[inline]
#[target_feature(enable = "avx2")]
fn are_consecutive(numbers: __m256i) -> bool {
    let first = _mm256_set1_epi32(_mm256_cvtsi256_si32(numbers));
    let expected = _mm256_add_epi32(first, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    mask_of(_mm256_cmpeq_epi32(numbers, expected)) == !0
}

#[inline]
#[target_feature(enable = "avx2")]
fn sum_of_lanes(vector: __m256i) -> u64 {
    let mut lanes = [0u32; WIDTH];
    // SAFETY: the array is a vector long.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), vector) };
    lanes.into_iter().map(u64::from).sum()
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_below(list: &Undecided, end: u32) -> u64 {
    let end = _mm256_set1_epi32(end as i32);
    let below = |mask: u8, numbers| (mask_of(_mm256_cmpgt_epi32(end, numbers)) & mask).count_ones();
    vectors(list).map(|(mask, numbers)| u64::from(below(mask, numbers))).sum()
}

/// Lists the numbers that no trial prime divides.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn trial_divide(list: &Undecided, left: &mut Undecided) {
    // Unsigned comparison by signed: add 2^31 to both sides. As n is odd, adding it to the inverse adds it to
    // the product.
    const TOP: u32 = 1 << 31;
    for (mask, numbers) in vectors(list) {
        let mut open = _mm256_set1_epi32(-1);
        for divisor in DIVISORS {
            let product = _mm256_mullo_epi32(numbers, _mm256_set1_epi32((divisor.inverse ^ TOP) as i32));
            let above = _mm256_cmpgt_epi32(product, _mm256_set1_epi32((divisor.limit ^ TOP) as i32));
            open = _mm256_and_si256(open, above);
        }
        push(left, mask_of(open) & mask, numbers);
    }
}

/// Counts the numbers without a small divisor by the Euler test, two vectors at a time.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_without_small_divisor(list: &Undecided) -> u64 {
    if list.len <= FEW {
        return list.count_without_small_divisor();
    }
    let mut vectors = vectors(list);
    let mut count = 0;
    while let Some((mask, numbers)) = vectors.next() {
        if let Some((next_mask, next)) = vectors.next() {
            let [a, b, c, d] = euler([low(numbers), high(numbers), low(next), high(next)]);
            count += resolve(numbers, mask, a | b << 4) + resolve(next, next_mask, c | d << 4);
        } else {
            let [a, b] = euler([low(numbers), high(numbers)]);
            count += resolve(numbers, mask, a | b << 4);
        }
    }
    count
}

#[inline]
#[target_feature(enable = "avx2")]
fn low(numbers: __m256i) -> __m256i {
    _mm256_cvtepu32_epi64(_mm256_castsi256_si128(numbers))
}

#[inline]
#[target_feature(enable = "avx2")]
fn high(numbers: __m256i) -> __m256i {
    _mm256_cvtepu32_epi64(_mm256_extracti128_si256::<1>(numbers))
}

/// How many of the lanes in `mask` have no small divisor, given those that passed the Euler test.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn resolve(numbers: __m256i, mask: u8, passed: u8) -> u64 {
    let (passed, failed) = (mask & passed, mask & !passed);
    let suspects = passed & exceptions_filter(numbers);
    let roots = failed & next_to_square(numbers);
    if suspects | roots == 0 {
        return u64::from(passed.count_ones());
    }
    let mut lanes = [0; WIDTH];
    // SAFETY: the array is a vector long.
    unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), numbers) };
    undecided::count_lanes_without_small_divisor(&lanes, passed.into(), suspects.into(), roots.into())
}

/// Lanes that may be exceptions of the Euler test.
#[inline]
#[target_feature(enable = "avx2")]
fn exceptions_filter(numbers: __m256i) -> u8 {
    let hash = _mm256_mullo_epi32(numbers, _mm256_set1_epi32(exceptions::HASH as i32));
    let hash = _mm256_srli_epi32::<{ 32 - exceptions::FILTER_BITS as i32 }>(hash);
    // SAFETY: a hash has FILTER_BITS bits, so hash / 32 is the index of a word of the filter.
    let words = unsafe {
        _mm256_i32gather_epi32::<4>(exceptions::FILTER.as_ptr().cast(), _mm256_srli_epi32::<5>(hash))
    };
    let position = _mm256_andnot_si256(hash, _mm256_set1_epi32(31));
    mask_of(_mm256_sllv_epi32(words, position))
}

/// Lanes with n or n + 1 a square. The root in single precision is off by less than 1/100, so that it rounds
/// to the square's.
#[inline]
#[target_feature(enable = "avx2")]
fn next_to_square(numbers: __m256i) -> u8 {
    let root = _mm256_cvtps_epi32(_mm256_sqrt_ps(_mm256_cvtepi32_ps(numbers)));
    let above = _mm256_sub_epi32(_mm256_mullo_epi32(root, root), numbers);
    let is = |difference| _mm256_cmpeq_epi32(above, _mm256_set1_epi32(difference));
    mask_of(_mm256_or_si256(is(0), is(1)))
}

/// The Euler test (see `euler.rs`) with R = 2^32, on odd numbers below 2^31 in 64-bit lanes; a bit per lane.
///
/// A step takes a < 2^31, or the start of 2^31, to a*a, doubled if the bit is set: at most 2^63. The multiple of n
/// that makes it divisible by R is below 2^63, so the quotient is below 2^31 + n; a subtraction of n, where the
/// quotient is not below n, brings it below 2^31.
#[inline]
#[target_feature(enable = "avx2")]
fn euler<const GROUPS: usize>(n: [__m256i; GROUPS]) -> [u8; GROUPS] {
    let zero = _mm256_setzero_si256();
    let inverse: [_; GROUPS] = std::array::from_fn(|g| negative_inverse_avx2(n[g]));
    let reduce = |t: __m256i, g: usize| {
        let m = _mm256_mul_epu32(t, inverse[g]);
        let quotient = _mm256_srli_epi64::<32>(_mm256_add_epi64(t, _mm256_mul_epu32(m, n[g])));
        _mm256_min_epu32(quotient, _mm256_sub_epi32(quotient, n[g]))
    };
    // -E as 32-bit numbers in the low halves, shifted so that the bit of the step is at the top of the high half.
    let bits: [_; GROUPS] = std::array::from_fn(|g| _mm256_sub_epi64(zero, _mm256_srli_epi64::<1>(n[g])));
    let mut bit: [_; GROUPS] = std::array::from_fn(|g| _mm256_slli_epi64::<{ 64 - STEPS as i32 }>(bits[g]));
    let mut a: [_; GROUPS] = std::array::from_fn(|g| {
        let prefix = _mm256_srai_epi32::<{ STEPS as i32 }>(bits[g]);
        let x = _mm256_add_epi32(_mm256_set1_epi32(32), prefix);
        _mm256_sllv_epi64(_mm256_set1_epi64x(1), _mm256_and_si256(x, _mm256_set1_epi64x(63)))
    });
    for _ in 0..STEPS {
        for g in 0..GROUPS {
            let square = _mm256_mul_epu32(a[g], a[g]);
            // All ones where the top bit is set: 0 > bit, as signed numbers.
            let set = _mm256_cmpgt_epi64(zero, bit[g]);
            bit[g] = _mm256_add_epi64(bit[g], bit[g]);
            a[g] = reduce(_mm256_add_epi64(square, _mm256_and_si256(square, set)), g);
        }
    }
    std::array::from_fn(|g| {
        // a / R, in [0, n): where the quotient is n, the subtraction makes it 0.
        let power = reduce(a[g], g);
        let one = _mm256_set1_epi64x(1);
        let differ = _mm256_xor_si256(n[g], _mm256_srli_epi64::<1>(n[g]));
        let minus =
            _mm256_cmpeq_epi64(_mm256_and_si256(differ, _mm256_set1_epi64x(2)), _mm256_set1_epi64x(2));
        let expected = _mm256_blendv_epi8(one, _mm256_sub_epi64(n[g], one), minus);
        _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(power, expected))) as u8
    })
}
