//! Four numbers at a time, in the stages of `avx512.rs`.

use std::arch::aarch64::*;
use std::mem::MaybeUninit;

use super::counts::{BATCH, Counts};
use super::table::{LARGER_ENDS, Run, Table};
use super::trial::DIVISORS;
use super::undecided::{self, Buffer, FEW, Undecided};
use crate::cpu::Neon;
use crate::kernels::arith::buffer;
use crate::kernels::arith::euler_neon as euler;
use crate::kernels::arith::u32x4_neon::{WIDTH, compress, gather, mask_of};

/// Vectors that go through the Euler test side by side.
const GROUPS: usize = 4;

/// Numbers that may be a run: four vectors.
const RUN: usize = 16;

/// Appends the lanes that are all ones in `mask`; the others are 0 there.
#[inline]
#[target_feature(enable = "neon")]
fn push(list: &mut Undecided, mask: uint32x4_t, numbers: uint32x4_t) {
    debug_assert!(list.len <= BATCH);
    let (mask, count) = mask_of(mask);
    // SAFETY: a list gets each number of a batch once at most, so the vector starts at BATCH at the latest; the buffer has
    // a vector's length more.
    unsafe { compress(numbers, mask, list.buffer.as_mut_ptr().add(list.len).cast()) };
    list.len += count as usize;
}

/// A number that is below no table's end and a multiple of 3: neither counts it.
const FILLER: u32 = u32::MAX;

/// Writes fillers after the end of the list, for as many vectors as are loaded at a time.
fn pad(list: &mut Undecided) {
    list.buffer[list.len..list.len + GROUPS * WIDTH].fill(MaybeUninit::new(FILLER));
}

/// The `N` vectors at a position of a padded list.
#[inline]
#[target_feature(enable = "neon")]
fn load<const N: usize>(list: &Undecided, at: usize) -> [uint32x4_t; N] {
    const { assert!(N <= GROUPS) };
    debug_assert!(at < list.len);
    let from: *const u32 = list.buffer.as_ptr().cast();
    let mut vectors = [vdupq_n_u32(0); N];
    for (i, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: the list is padded by as many vectors as are loaded at a time, from a position before its end.
        *vector = unsafe { vld1q_u32(from.add(at + i * WIDTH)) };
    }
    vectors
}

#[target_feature(enable = "neon")]
pub(super) fn count_i32_neon(_: Neon, batch: &[i32], table: Table) -> Counts {
    assert!(batch.len() <= BATCH);
    let mut buffers: [Buffer; 2] = [buffer::uninit(), buffer::uninit()];
    let [mut open, mut left] = buffers.each_mut().map(Undecided::new);
    let with_small_divisor = count_by_table(batch, table, &mut open);
    let mut counts = Counts { with_small_divisor, ..Counts::default() };
    if open.len > 0 {
        pad(&mut open);
        for (misses, end) in counts.table_misses.iter_mut().zip(LARGER_ENDS) {
            *misses = count_below(&open, end);
        }
        trial_divide(&open, &mut left);
        counts.with_small_divisor -= count_without_small_divisor(&mut left);
    }
    counts
}

/// Counts the numbers from 10 on, less those of which the table says that they have no small divisor, and lists the odd
/// ones past the table.
#[inline]
#[target_feature(enable = "neon")]
fn count_by_table(batch: &[i32], table: Table, open: &mut Undecided) -> u64 {
    let (mut lanes, mut in_runs) = (vdupq_n_u32(0), 0);
    let mut count = |numbers: &[i32; RUN]| {
        let run = Run { first: numbers[0] as u32, len: RUN as u32 };
        if run.is_covered(table) && are_consecutive(numbers) {
            let counts = run.counts(table);
            in_runs += counts.0 - counts.1;
            return;
        }
        for numbers in numbers.as_chunks::<WIDTH>().0 {
            // SAFETY: the array is a vector long.
            lanes = vaddq_u32(lanes, count_lanes(unsafe { vld1q_s32(numbers.as_ptr()) }, table, open));
        }
    };
    let (runs, rest) = batch.as_chunks::<RUN>();
    for numbers in runs {
        count(numbers);
    }
    if !rest.is_empty() {
        let mut numbers = [0; RUN]; // 0 does not count
        numbers[..rest.len()].copy_from_slice(rest);
        count(&numbers);
    }
    in_runs + u64::from(vaddvq_u32(lanes))
}

#[inline]
#[target_feature(enable = "neon")]
fn are_consecutive(numbers: &[i32; RUN]) -> bool {
    const STEPS: [i32; RUN] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    let first = vdupq_n_s32(numbers[0]);
    let mut differ = vdupq_n_s32(0);
    for (numbers, steps) in numbers.as_chunks::<WIDTH>().0.iter().zip(STEPS.as_chunks::<WIDTH>().0) {
        // SAFETY: each array is a vector long.
        let (numbers, steps) = unsafe { (vld1q_s32(numbers.as_ptr()), vld1q_s32(steps.as_ptr())) };
        differ = vorrq_s32(differ, veorq_s32(vsubq_s32(numbers, steps), first));
    }
    vmaxvq_u32(vreinterpretq_u32_s32(differ)) == 0
}

/// For each lane 1 if the number is 10 or more, less 1 if the table says that it has no small divisor. Lists the odd
/// ones past the table.
#[inline]
#[target_feature(enable = "neon")]
fn count_lanes(signed: int32x4_t, table: Table, open: &mut Undecided) -> uint32x4_t {
    let numbers = vreinterpretq_u32_s32(signed);
    let from_10_on = vshrq_n_u32::<31>(vcgtq_s32(signed, vdupq_n_s32(9)));
    // 0 <= n < end: a negative number is a large one here.
    let covered = vcltq_u32(numbers, vdupq_n_u32(table.end()));
    // SAFETY: where n is in [0, end), n / 64 is the index of a word of the table; 0 is always one.
    let words = unsafe { gather(table.words, vandq_u32(vshrq_n_u32::<6>(numbers), covered)) };
    // Bit n / 2 % 32 to the top, by a shift by its complement; the bit of an even number does not count.
    let position = vbicq_u32(vdupq_n_u32(31), vshrq_n_u32::<1>(numbers));
    let odd = vshlq_n_u32::<31>(numbers);
    let top = vandq_u32(vshlq_u32(words, vreinterpretq_s32_u32(position)), odd);
    let none = vshrq_n_u32::<31>(vandq_u32(top, covered));
    if vminvq_u32(covered) == 0 {
        let large = vbicq_u32(vcgezq_s32(signed), covered);
        push(open, vandq_u32(large, vtstq_u32(numbers, vdupq_n_u32(1))), numbers);
    }
    vsubq_u32(from_10_on, none)
}

/// How many numbers of a padded list are below the end of a table.
#[inline]
#[target_feature(enable = "neon")]
fn count_below(list: &Undecided, end: u32) -> u64 {
    let mut below = vdupq_n_u32(0); // negated
    for at in (0..list.len).step_by(WIDTH) {
        let [numbers] = load(list, at);
        below = vaddq_u32(below, vcltq_u32(numbers, vdupq_n_u32(end)));
    }
    u64::from(vaddvq_u32(below).wrapping_neg())
}

/// Lists the numbers of a padded list that no trial prime divides.
#[inline]
#[target_feature(enable = "neon")]
fn trial_divide(list: &Undecided, left: &mut Undecided) {
    for at in (0..list.len).step_by(WIDTH) {
        let [numbers] = load(list, at);
        let mut open = vdupq_n_u32(!0);
        for divisor in DIVISORS {
            let product = vmulq_n_u32(numbers, divisor.inverse);
            open = vandq_u32(open, vcgtq_u32(product, vdupq_n_u32(divisor.limit)));
        }
        push(left, open, numbers);
    }
}

/// Counts the numbers without a small divisor by the Euler test.
#[inline]
#[target_feature(enable = "neon")]
fn count_without_small_divisor(list: &mut Undecided) -> u64 {
    if list.len <= FEW {
        return list.count_without_small_divisor();
    }
    pad(list);
    let (mut count, mut at) = (0, 0);
    while at < list.len {
        if list.len - at > WIDTH {
            count += count_block::<GROUPS>(list, at);
            at += GROUPS * WIDTH;
        } else {
            count += count_block::<1>(list, at);
            at += WIDTH;
        }
    }
    count
}

/// The same for the `N` vectors at a position of a padded list.
#[inline]
#[target_feature(enable = "neon")]
fn count_block<const N: usize>(list: &Undecided, at: usize) -> u64 {
    let numbers = load::<N>(list, at);
    let passed = euler::passed(numbers);
    let mut count = 0;
    for (numbers, passed) in numbers.into_iter().zip(passed) {
        count += resolve(numbers, passed);
    }
    count
}

/// How many of the numbers have no small divisor, given those that passed the Euler test; fillers do not count.
#[inline]
#[target_feature(enable = "neon")]
fn resolve(numbers: uint32x4_t, passed: uint32x4_t) -> u64 {
    let valid = vcgezq_s32(vreinterpretq_s32_u32(numbers));
    let passed = vandq_u32(passed, valid);
    let suspects = vandq_u32(passed, euler::may_be_pseudoprimes(numbers));
    let roots = vandq_u32(vbicq_u32(valid, passed), next_to_square(numbers));
    let (mask, count) = mask_of(passed);
    if vmaxvq_u32(vorrq_u32(suspects, roots)) == 0 {
        return u64::from(count);
    }
    let mut lanes = [0; WIDTH];
    // SAFETY: the array is a vector long.
    unsafe { vst1q_u32(lanes.as_mut_ptr(), numbers) };
    let [suspects, roots] = [mask_of(suspects).0 as u16, mask_of(roots).0 as u16];
    undecided::count_lanes_without_small_divisor(&lanes, mask as u16, suspects, roots)
}

/// Lanes with n or n + 1 a square. The root in single precision is off by less than 1/100, so that it rounds
/// to the square's.
#[inline]
#[target_feature(enable = "neon")]
fn next_to_square(numbers: uint32x4_t) -> uint32x4_t {
    let root = vcvtnq_u32_f32(vsqrtq_f32(vcvtq_f32_u32(numbers)));
    let above = vsubq_u32(vmulq_u32(root, root), numbers);
    vcleq_u32(above, vdupq_n_u32(1))
}
