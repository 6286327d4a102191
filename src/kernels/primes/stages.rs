//! The stages of a chunk: what a stage leaves open is listed, without gaps, for the next one.

use super::lanes::{Lanes, Residues, WIDEST};
use super::list::{self, List};
use super::lucas::Lucas;
use super::strong::Strong;
use super::{CHUNK, scalar, small};

/// A test that every prime passes, of `GROUPS` vectors side by side: where one waits for a product, another goes on.
pub(super) trait Test {
    /// Lanes that pass, of odd numbers from `small::END` on without a factor among the trial primes.
    ///
    /// # Safety
    /// The CPU has the features of `F`.
    unsafe fn passes<F: Residues, const GROUPS: usize>(numbers: [F::Lanes; GROUPS]) -> [u8; GROUPS];
}

/// Writes whether each number of the chunk is prime. `Narrow` residues are for numbers below 2^`NARROW`; `S` and `L`
/// are the vectors that the strong test and the Lucas test take at a time, at most four.
///
/// # Safety
/// The CPU has the features of both types of residues.
#[inline(always)]
pub(super) unsafe fn is_prime<V, Narrow, Wide, const NARROW: u32, const S: usize, const L: usize>(
    numbers: &[u64],
    out: &mut [u8],
) where
    V: Lanes,
    Narrow: Residues<Lanes = V>,
    Wide: Residues<Lanes = V>,
{
    assert!(numbers.len() <= CHUNK && numbers.len() == out.len());
    let mut rooms = [[list::EMPTY; 2]; 2];
    let [mut wide, mut narrow] = rooms.each_mut().map(List::new);
    out.fill(0);
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        sort_out::<V>(numbers, out, &mut wide);
        divide::<V>(&mut wide, V::SECOND, None);
        divide::<V>(&mut wide, V::THIRD, (NARROW > 0).then_some((1 << NARROW, &mut narrow)));
        mark_primes::<Wide, S, L>(&mut wide, out);
        if NARROW > 0 {
            mark_primes::<Narrow, S, L>(&mut narrow, out);
        }
    }
}

/// Looks up the small numbers; lists the odd ones from there on that none of the first trial primes divides.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
unsafe fn sort_out<V: Lanes>(numbers: &[u64], out: &mut [u8], open: &mut List) {
    const NEITHER: u64 = small::END; // an even one that is not small
    const PLACES: [u64; WIDEST] = [0, 1, 2, 3, 4, 5, 6, 7];
    let whole = numbers.len() - numbers.len() % V::WIDTH;
    let mut last = [NEITHER; WIDEST];
    last[..numbers.len() - whole].copy_from_slice(&numbers[whole..]);
    // SAFETY: a vector is at most WIDEST lanes, and whole ones are read from `numbers`; there are at most as many
    // numbers as in a chunk. The caller vouches for the CPU.
    unsafe {
        let mut places = V::load(PLACES.as_ptr());
        for at in (0..numbers.len()).step_by(V::WIDTH) {
            let from = if at < whole { numbers.as_ptr().add(at) } else { last.as_ptr() };
            let vector = V::load(from);
            let small = vector.below(small::END);
            if small != 0 {
                look_up(&numbers[at..], &mut out[at..], small);
            }
            let even = vector.without(1);
            open.push(vector.indivisible(V::FIRST) & !even & !small, vector, places);
            places = places.add(V::splat(V::WIDTH as u64));
        }
    }
}

/// Answers for the small numbers in the mask.
fn look_up(numbers: &[u64], out: &mut [u8], mask: u8) {
    for (lane, (&n, out)) in numbers.iter().zip(out).take(u8::BITS as usize).enumerate() {
        if mask >> lane & 1 == 1 {
            *out = small::is_prime(n).into();
        }
    }
}

/// Keeps in the list what no prime divides; but what is below the limit goes to the other list.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
unsafe fn divide<V: Lanes>(open: &mut List, by: &[V::Divisors], mut below: Option<(u64, &mut List)>) {
    let len = open.len;
    if len == 0 {
        return;
    }
    open.pad();
    open.len = 0;
    // SAFETY: the list was padded, and what is pushed overwrites only what was read. The caller vouches for the CPU.
    unsafe {
        for at in (0..len).step_by(V::WIDTH) {
            let (numbers, places) = open.vectors::<V>(at);
            let left = numbers.indivisible(by) & valid(len - at);
            let mut rest = left;
            if let Some((limit, list)) = &mut below {
                rest &= !numbers.below(*limit);
                if left != rest {
                    list.push(left & !rest, numbers, places);
                }
            }
            open.push(rest, numbers, places);
        }
    }
}

/// The mask of a vector's lanes that are among the next numbers.
fn valid(count: usize) -> u8 {
    (1u32 << count.min(WIDEST)).wrapping_sub(1) as u8
}

/// Marks the primes of the list.
///
/// # Safety
/// The CPU has the features of `F`.
#[inline(always)]
unsafe fn mark_primes<F: Residues, const S: usize, const L: usize>(list: &mut List, out: &mut [u8]) {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        retain::<Strong, F, S>(list);
        retain::<Lucas, F, L>(list);
    }
    list.places().for_each(|place| out[place] = 1);
}

/// Keeps in the list what passes the test. So few numbers as are tested at a time without vectors are: a vector's
/// chain of dependent products takes longer.
///
/// # Safety
/// The CPU has the features of `F`.
#[inline(always)]
unsafe fn retain<T: Test, F: Residues, const GROUPS: usize>(list: &mut List) {
    let len = list.len;
    if len == 0 {
        return;
    }
    list.pad();
    list.len = 0;
    let mut at = 0;
    while at < len {
        let left = len - at;
        // SAFETY: the list was padded by as much as a block has. The caller vouches for the CPU.
        at += unsafe {
            if left <= scalar::GROUPS {
                retain_few::<T>(list, at, left)
            } else if left > F::Lanes::WIDTH {
                retain_block::<T, F, GROUPS>(list, at, left)
            } else {
                retain_block::<T, F, 1>(list, at, left)
            }
        };
    }
}

/// Tests up to `scalar::GROUPS` numbers. Not inlined, as a compiler that may use vectors would make slow ones of them.
///
/// # Safety
/// So much can be read.
#[inline(never)]
unsafe fn retain_few<T: Test>(list: &mut List, at: usize, count: usize) -> usize {
    // SAFETY: the caller vouches for the list; these lanes ask nothing of the CPU.
    unsafe { retain_block::<T, scalar::Residue, { scalar::GROUPS }>(list, at, count) }
}

/// Tests `GROUPS` vectors, of which the first `count` numbers count. Returns how many it took.
///
/// # Safety
/// The CPU has the features of `F`; so much can be read, and has been read before by whoever reads the list.
#[inline(always)]
unsafe fn retain_block<T: Test, F: Residues, const GROUPS: usize>(
    list: &mut List,
    at: usize,
    count: usize,
) -> usize {
    let width = F::Lanes::WIDTH;
    // SAFETY: what is pushed overwrites only what was read. The caller vouches for the rest.
    unsafe {
        let mut vectors = [list.vectors::<F::Lanes>(at).0; GROUPS];
        for (g, vector) in vectors.iter_mut().enumerate() {
            *vector = list.vectors(at + g * width).0;
        }
        let passed = T::passes::<F, GROUPS>(vectors);
        for (g, passed) in passed.into_iter().enumerate() {
            let mask = passed & valid(count.saturating_sub(g * width));
            let (numbers, places) = list.vectors::<F::Lanes>(at + g * width);
            list.push(mask, numbers, places);
        }
    }
    GROUPS * width
}
