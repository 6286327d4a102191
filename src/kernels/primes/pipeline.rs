//! The stages that a batch goes through: each lists the numbers that it leaves open, without gaps, for the next one.

use super::candidates::{self, BATCH, Candidates};
use super::lucas::Lucas;
use super::primality_test::PrimalityTest;
use super::strong::Strong;
use super::table;
use super::trial::TrialDivision;
use crate::cpu::Scalar;
use crate::kernels::arith::mont64::Mont64;
use crate::kernels::arith::montgomery::Montgomery;
use crate::kernels::arith::u64_vector::{MAX_WIDTH, U64Vector};

/// Numbers that a test takes at a time where they are not in vectors.
pub(super) const SCALAR_GROUPS: usize = 4;

/// Writes whether each number of the batch is prime. `Narrow` residues are for numbers below 2^`NARROW`; `S` and `L`
/// are the numbers of vectors that the strong test and the Lucas test take at a time, at most four.
#[inline(always)]
pub(super) fn is_prime<V, Narrow, Wide, const NARROW: u32, const S: usize, const L: usize>(
    isa: V::Isa,
    numbers: &[u64],
    out: &mut [u8],
) where
    V: TrialDivision,
    Narrow: Montgomery<Vector = V>,
    Wide: Montgomery<Vector = V>,
{
    const { assert!(V::WIDTH <= MAX_WIDTH && S <= 4 && L <= 4) };
    assert!(numbers.len() <= BATCH && numbers.len() == out.len());
    let mut buffers = [candidates::uninit(), candidates::uninit()];
    let [mut wide, mut narrow] = buffers.each_mut().map(Candidates::new);
    out.fill(0);
    partition_small::<V>(isa, numbers, out, &mut wide);
    trial_divide::<V>(isa, &mut wide, V::SECOND, None);
    trial_divide::<V>(isa, &mut wide, V::THIRD, (NARROW > 0).then_some((1 << NARROW, &mut narrow)));
    mark_primes::<Wide, S, L>(isa, &mut wide, out);
    if NARROW > 0 {
        mark_primes::<Narrow, S, L>(isa, &mut narrow, out);
    }
}

/// The indices of the first vector's lanes.
const INDICES: [u64; MAX_WIDTH] = [0, 1, 2, 3, 4, 5, 6, 7];

/// Looks up the small numbers; lists those of the odd others that none of the first trial primes divides.
#[inline(always)]
fn partition_small<V: TrialDivision>(isa: V::Isa, numbers: &[u64], out: &mut [u8], open: &mut Candidates) {
    const FILLER: u64 = table::END; // it is neither looked up nor listed, as it is even and not small
    let whole = numbers.len() - numbers.len() % V::WIDTH;
    let mut last = [FILLER; MAX_WIDTH];
    last[..numbers.len() - whole].copy_from_slice(&numbers[whole..]);
    // SAFETY: a vector is at most as long as the array.
    let mut indices = unsafe { V::load(isa, INDICES.as_ptr()) };
    for at in (0..numbers.len()).step_by(V::WIDTH) {
        // SAFETY: below `whole`, there is a whole vector in `numbers`; `last` is at least as long as a vector.
        let vector = unsafe {
            let from = if at < whole { numbers.as_ptr().add(at) } else { last.as_ptr() };
            V::load(isa, from)
        };
        let small = vector.below(table::END);
        if small != 0 {
            look_up(&numbers[at..], &mut out[at..], small);
        }
        let even = vector.has_none_of(1);
        // SAFETY: the list gets each number of the batch once at most.
        unsafe { open.push(vector.indivisible(V::FIRST) & !even & !small, vector, indices) };
        indices = indices.add(V::splat(isa, V::WIDTH as u64));
    }
}

/// Answers for the small numbers in the mask.
pub(super) fn look_up(numbers: &[u64], out: &mut [u8], mask: u8) {
    for (lane, (&n, out)) in numbers.iter().zip(out).take(u8::BITS as usize).enumerate() {
        if mask >> lane & 1 == 1 {
            *out = table::is_prime(n).into();
        }
    }
}

/// Lists those of the lanes in the mask, odd numbers of which the first has this index, that none of the first trial
/// primes divides.
///
/// # Safety
/// The list stays at most a batch long.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) unsafe fn list_open<V: TrialDivision>(open: &mut Candidates, mask: u8, vector: V, index: usize) {
    let isa = vector.isa();
    // SAFETY: a vector is at most as long as the array; this function has the same contract.
    unsafe {
        let indices = V::load(isa, INDICES.as_ptr()).add(V::splat(isa, index as u64));
        open.push(vector.indivisible(V::FIRST) & mask, vector, indices);
    }
}

/// Marks the primes of a list of odd numbers that none of the first trial primes divides.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[inline(always)]
pub(super) fn mark_wide<M: Montgomery, const S: usize, const L: usize>(
    isa: <M::Vector as U64Vector>::Isa,
    open: &mut Candidates,
    out: &mut [u8],
) where
    M::Vector: TrialDivision,
{
    trial_divide::<M::Vector>(isa, open, M::Vector::SECOND, None);
    trial_divide::<M::Vector>(isa, open, M::Vector::THIRD, None);
    mark_primes::<M, S, L>(isa, open, out);
}

/// Keeps the numbers that no prime divides; those of them that are below the limit go to the other list.
#[inline(always)]
fn trial_divide<V: TrialDivision>(
    isa: V::Isa,
    open: &mut Candidates,
    by: &[V::Divisors],
    mut below: Option<(u64, &mut Candidates)>,
) {
    let len = open.len;
    if len == 0 {
        return;
    }
    open.pad();
    open.len = 0;
    for at in (0..len).step_by(V::WIDTH) {
        // SAFETY: the list was padded by more than a vector, and numbers that were pushed since lie before `at`.
        let (numbers, indices) = unsafe { open.vectors::<V>(isa, at) };
        let left = numbers.indivisible(by) & valid(len - at);
        let mut rest = left;
        if let Some((limit, list)) = &mut below {
            rest &= !numbers.below(*limit);
            if left != rest {
                // SAFETY: the list gets each number of the batch once at most.
                unsafe { list.push(left & !rest, numbers, indices) };
            }
        }
        // SAFETY: the list gets back at most the numbers that it had.
        unsafe { open.push(rest, numbers, indices) };
    }
}

/// The mask of a vector's lanes that are among the next numbers.
fn valid(count: usize) -> u8 {
    (1u32 << count.min(MAX_WIDTH)).wrapping_sub(1) as u8
}

/// Marks the primes of the list.
#[inline(always)]
fn mark_primes<M: Montgomery, const S: usize, const L: usize>(
    isa: <M::Vector as U64Vector>::Isa,
    list: &mut Candidates,
    out: &mut [u8],
) {
    filter::<Strong, M, S>(isa, list);
    filter::<Lucas, M, L>(isa, list);
    list.indices().for_each(|index| out[index] = 1);
}

/// Keeps the numbers that pass the test. The last few are tested without vectors: a vector's chain of dependent
/// products takes longer.
#[inline(always)]
fn filter<T: PrimalityTest, M: Montgomery, const GROUPS: usize>(
    isa: <M::Vector as U64Vector>::Isa,
    list: &mut Candidates,
) {
    let len = list.len;
    if len == 0 {
        return;
    }
    list.pad();
    list.len = 0;
    let mut at = 0;
    while at < len {
        let left = len - at;
        // SAFETY: the list was padded by at least as many numbers as a block has, and numbers that were pushed since
        // lie before `at`.
        at += unsafe {
            if left <= SCALAR_GROUPS {
                filter_scalar::<T>(list, at, left)
            } else if left > 2 * M::Vector::WIDTH {
                filter_block::<T, M, GROUPS>(isa, list, at, left)
            } else if left > M::Vector::WIDTH {
                filter_block::<T, M, 2>(isa, list, at, left)
            } else {
                filter_block::<T, M, 1>(isa, list, at, left)
            }
        };
    }
}

/// Tests up to `SCALAR_GROUPS` numbers. Not inlined, as a compiler that may use vectors would make slow ones of them.
///
/// # Safety
/// As for [`filter_block`].
#[inline(never)]
unsafe fn filter_scalar<T: PrimalityTest>(list: &mut Candidates, at: usize, count: usize) -> usize {
    // SAFETY: this function has the same contract.
    unsafe { filter_block::<T, Mont64, SCALAR_GROUPS>(Scalar, list, at, count) }
}

/// Tests `GROUPS` vectors from a position on, of which the first `count` numbers count, and appends those that pass.
/// Returns how many numbers it took.
///
/// # Safety
/// The list is initialised to the end of the block, and ends at `at` or before.
#[inline(always)]
unsafe fn filter_block<T: PrimalityTest, M: Montgomery, const GROUPS: usize>(
    isa: <M::Vector as U64Vector>::Isa,
    list: &mut Candidates,
    at: usize,
    count: usize,
) -> usize {
    let width = M::Vector::WIDTH;
    // SAFETY: by this function's contract, the block is initialised.
    let mut vectors = unsafe { [list.vectors::<M::Vector>(isa, at).0; GROUPS] };
    for (g, vector) in vectors.iter_mut().enumerate() {
        // SAFETY: by this function's contract, the block is initialised.
        *vector = unsafe { list.vectors(isa, at + g * width).0 };
    }
    let passed = T::passes::<M, GROUPS>(vectors);
    for (g, passed) in passed.into_iter().enumerate() {
        let mask = passed & valid(count.saturating_sub(g * width));
        // SAFETY: the vector is initialised, as it is one of the block, and numbers that were pushed lie before it. The
        // list gets at most the numbers of the block, which had room after its end.
        unsafe {
            let (numbers, indices) = list.vectors::<M::Vector>(isa, at + g * width);
            list.push(mask, numbers, indices);
        }
    }
    GROUPS * width
}
