//! Eight numbers at a time, in the stages of `avx512.rs`.

use std::arch::x86_64::*;
use std::mem::MaybeUninit;

use super::euler::STEPS;
use super::table::Table;
use super::trial::DIVISORS;
use super::{CHUNK, FEW, Tally, composite_without_trial_factor, exceptions, least_factor_is_root};

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

/// Room for a chunk of numbers. Vectors are stored whole, so there is room for one more behind the last number.
type Room = [MaybeUninit<u32>; CHUNK + WIDTH];

/// Numbers that are still to be looked at. (The length lies apart from the room, so that it stays in a register.)
struct List<'a> {
    room: &'a mut Room,
    len: usize,
}

impl<'a> List<'a> {
    fn new(room: &'a mut Room) -> Self {
        Self { room, len: 0 }
    }

    /// Appends the lanes in `mask`, a bit each.
    #[inline]
    #[target_feature(enable = "avx2,popcnt")]
    fn push(&mut self, mask: u8, numbers: __m256i) {
        debug_assert!(self.len <= CHUNK);
        let lanes = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(PACKED_LANES[usize::from(mask)] as i64));
        // SAFETY: `len` is at most CHUNK, behind which a vector has room.
        unsafe {
            let end = self.room.as_mut_ptr().add(self.len);
            _mm256_storeu_si256(end.cast(), _mm256_permutevar8x32_epi32(numbers, lanes));
        }
        self.len += mask.count_ones() as usize;
    }

    /// Counts one by one.
    fn count_few(&self) -> u64 {
        // SAFETY: the first `len` values are initialised.
        let numbers = self.room[..self.len].iter().map(|n| unsafe { n.assume_init() });
        numbers.filter(|&n| composite_without_trial_factor(n)).count() as u64
    }

    /// The vectors that make up the list, each with a mask of the lanes that are in it; the others are 0.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn vectors(&self) -> impl Iterator<Item = (u8, __m256i)> {
        let pointer = self.room.as_ptr().cast();
        // SAFETY: the first `len` values are initialised.
        (0..self.len).step_by(WIDTH).map(move |from| unsafe { load(pointer, from, self.len) })
    }
}

/// The vector at `from`, and a mask of the lanes below `len`; the others are 0 and not read.
///
/// # Safety
/// `from < len`, and `len` numbers can be read. The CPU has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn load(numbers: *const i32, from: usize, len: usize) -> (u8, __m256i) {
    let count = WIDTH.min(len - from);
    let lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    let inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(count as i32), lanes);
    // SAFETY: lanes that are not inside are not read.
    ((0xFFu32 >> (WIDTH - count)) as u8, unsafe { _mm256_maskload_epi32(numbers.add(from), inside) })
}

/// A bit for each lane with its top bit set.
#[inline]
#[target_feature(enable = "avx2")]
fn mask_of(lanes: __m256i) -> u8 {
    _mm256_movemask_ps(_mm256_castsi256_ps(lanes)) as u8
}

#[target_feature(enable = "avx2,bmi1,bmi2,lzcnt,popcnt")]
pub(super) fn tally_i32_avx2(chunk: &[i32], table: Table) -> Tally {
    assert!(chunk.len() <= CHUNK);
    let mut rooms = [[MaybeUninit::uninit(); CHUNK + WIDTH]; 3];
    let [mut covered, mut open, mut left] = rooms.each_mut().map(List::new);
    let even = split(chunk, table.end(), &mut covered, &mut open);
    let mut tally = Tally { counted: even + count_in_table(&covered, table), missed: 0 };
    if open.len > 0 {
        tally.missed = count_below(&open, table.next_end);
        tally.counted += divide(&open, &mut left) + test(&left);
    }
    tally
}

/// Counts the even numbers, and lists the odd ones: below `end`, and the rest. Negative numbers are left out.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn split(chunk: &[i32], end: u32, covered: &mut List, open: &mut List) -> u64 {
    let (last, nine) = (_mm256_set1_epi32(end as i32 - 1), _mm256_set1_epi32(9));
    let mut even = 0;
    for from in (0..chunk.len()).step_by(WIDTH) {
        // SAFETY: `from` is in the chunk. Lanes behind its end are 0, which is even and not above 9.
        let (_, numbers) = unsafe { load(chunk.as_ptr(), from, chunk.len()) };
        let odd = mask_of(_mm256_slli_epi32::<31>(numbers)) & !mask_of(numbers);
        even += u64::from((mask_of(_mm256_cmpgt_epi32(numbers, nine)) & !odd).count_ones());
        let large = mask_of(_mm256_cmpgt_epi32(numbers, last)) & odd;
        covered.push(odd & !large, numbers);
        if large != 0 {
            open.push(large, numbers);
        }
    }
    even
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_below(list: &List, end: u32) -> u64 {
    let end = _mm256_set1_epi32(end as i32);
    let below = |mask: u8, numbers| (mask_of(_mm256_cmpgt_epi32(end, numbers)) & mask).count_ones();
    list.vectors().map(|(mask, numbers)| u64::from(below(mask, numbers))).sum()
}

#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn count_in_table(list: &List, table: Table) -> u64 {
    let mut counted = 0;
    for (mask, numbers) in list.vectors() {
        // SAFETY: the list's numbers are below the table's end, and so are the lanes of 0: n / 64 is a word of it.
        let words = unsafe {
            _mm256_i32gather_epi32::<4>(table.words.as_ptr().cast(), _mm256_srli_epi32::<6>(numbers))
        };
        // Bit n / 2 % 32 to the top: shift left by its complement.
        let place = _mm256_andnot_si256(_mm256_srli_epi32::<1>(numbers), _mm256_set1_epi32(31));
        counted += u64::from((mask_of(_mm256_sllv_epi32(words, place)) & mask).count_ones());
    }
    counted
}

/// Counts the numbers that a trial prime divides, and lists the others.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn divide(list: &List, left: &mut List) -> u64 {
    // Unsigned comparison by signed: add 2^31 to both sides. As n is odd, adding it to the inverse adds it to the product.
    const TOP: u32 = 1 << 31;
    for (mask, numbers) in list.vectors() {
        let mut open = _mm256_set1_epi32(-1);
        for divisor in DIVISORS {
            let product = _mm256_mullo_epi32(numbers, _mm256_set1_epi32((divisor.inverse ^ TOP) as i32));
            let above = _mm256_cmpgt_epi32(product, _mm256_set1_epi32((divisor.limit ^ TOP) as i32));
            open = _mm256_and_si256(open, above);
        }
        left.push(mask_of(open) & mask, numbers);
    }
    (list.len - left.len) as u64
}

/// Counts by the Euler test, two vectors at a time.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn test(list: &List) -> u64 {
    if list.len <= FEW {
        return list.count_few();
    }
    let mut vectors = list.vectors();
    let mut counted = 0;
    while let Some((mask, numbers)) = vectors.next() {
        if let Some((next_mask, next)) = vectors.next() {
            let [a, b, c, d] = euler([low(numbers), high(numbers), low(next), high(next)]);
            counted += resolve(numbers, mask, a | b << 4) + resolve(next, next_mask, c | d << 4);
        } else {
            let [a, b] = euler([low(numbers), high(numbers)]);
            counted += resolve(numbers, mask, a | b << 4);
        }
    }
    counted
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

/// How many of the lanes in `mask` have a small divisor, given those that passed the Euler test.
#[inline]
#[target_feature(enable = "avx2,popcnt")]
fn resolve(numbers: __m256i, mask: u8, passed: u8) -> u64 {
    let (passed, failed) = (mask & passed, mask & !passed);
    let suspects = passed & exceptions_filter(numbers);
    let roots = failed & next_to_square(numbers);
    let mut counted = u64::from(failed.count_ones());
    if suspects | roots != 0 {
        let mut lanes = [0u32; WIDTH];
        // SAFETY: the array is a vector long.
        unsafe { _mm256_storeu_si256(lanes.as_mut_ptr().cast(), numbers) };
        let lane_in = |mask: u8| (0..WIDTH).filter(move |lane| mask >> lane & 1 == 1);
        counted += lane_in(suspects).filter(|&lane| exceptions::contains(lanes[lane])).count() as u64;
        counted -= lane_in(roots).filter(|&lane| least_factor_is_root(lanes[lane])).count() as u64;
    }
    counted
}

/// Lanes that may be exceptions of the Euler test.
#[inline]
#[target_feature(enable = "avx2")]
fn exceptions_filter(numbers: __m256i) -> u8 {
    let hash = _mm256_mullo_epi32(numbers, _mm256_set1_epi32(exceptions::HASH as i32));
    let hash = _mm256_srli_epi32::<{ 32 - exceptions::FILTER_BITS as i32 }>(hash);
    // SAFETY: a hash has FILTER_BITS bits, so hash / 32 is a word of the filter.
    let words = unsafe {
        _mm256_i32gather_epi32::<4>(exceptions::FILTER.as_ptr().cast(), _mm256_srli_epi32::<5>(hash))
    };
    let place = _mm256_andnot_si256(hash, _mm256_set1_epi32(31));
    mask_of(_mm256_sllv_epi32(words, place))
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
    let inverse: [_; GROUPS] = std::array::from_fn(|g| negative_inverse(n[g]));
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
        // a / R is in [0, n] now; n stands for 0, which no power of 2 is.
        let power = reduce(a[g], g);
        let one = _mm256_set1_epi64x(1);
        let differ = _mm256_xor_si256(n[g], _mm256_srli_epi64::<1>(n[g]));
        let minus =
            _mm256_cmpeq_epi64(_mm256_and_si256(differ, _mm256_set1_epi64x(2)), _mm256_set1_epi64x(2));
        let expected = _mm256_blendv_epi8(one, _mm256_sub_epi64(n[g], one), minus);
        _mm256_movemask_pd(_mm256_castsi256_pd(_mm256_cmpeq_epi64(power, expected))) as u8
    })
}

/// The inverse of minus an odd number modulo 2^32, by Newton's iteration from 5 right bits on.
#[inline]
#[target_feature(enable = "avx2")]
fn negative_inverse(n: __m256i) -> __m256i {
    let two = _mm256_set1_epi64x(2);
    let mut x = _mm256_xor_si256(_mm256_add_epi64(n, _mm256_add_epi64(n, n)), two);
    for _ in 0..3 {
        x = _mm256_mul_epu32(x, _mm256_sub_epi64(two, _mm256_mul_epu32(n, x)));
    }
    _mm256_sub_epi64(_mm256_setzero_si256(), x)
}
