//! Tables with a bit for each odd number from 11 on: whether it has no small divisor.
//!
//! A small table is part of the library. A larger one is built by a sieve when the numbers that it would have answered
//! add up to its price, so that a short array never pays for it. It is published by one atomic pointer and never freed.
//! No lock is held meanwhile: if two threads build the same table at the same time, one copy is dropped, and a fork
//! during that does no harm.

use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::decide::is_prime;

/// The tables' ends: the largest takes 2^24 / 16 bytes = 1 MiB.
const SMALL_END: u32 = 1 << 12;
pub(super) const LARGER_ENDS: [u32; 2] = [1 << 20, 1 << 24];

/// How many misses a table is worth: about the cost of its sieve, in numbers that are answered without it.
const PRICES: [u64; 2] = [1 << 15, 1 << 21];

/// Bit `n / 2 % 32` of word `n / 64` is that of the odd number `n`, for the n below `end`.
#[derive(Clone, Copy)]
pub(super) struct Table {
    pub(super) words: &'static [u32],
}

impl Table {
    pub(super) fn end(self) -> u32 {
        self.words.len() as u32 * 64
    }

    /// Whether the odd number `n < end` has no small divisor; below 10 the answer is no.
    pub(super) fn has_no_small_divisor(self, n: u32) -> bool {
        self.words[(n / 64) as usize] >> (n / 2 % 32) & 1 == 1
    }
}

/// Consecutive numbers, as in a range: their bits are consecutive, too, and need not be gathered.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
#[derive(Clone, Copy)]
pub(super) struct Run {
    pub(super) first: u32,
    /// At most 64.
    pub(super) len: u32,
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
impl Run {
    /// Whether the table covers all numbers of the run.
    pub(super) fn is_covered(self, table: Table) -> bool {
        self.first <= table.end() - self.len
    }

    /// How many of the numbers are 10 or more, and for how many the table's bit is set, for a run of even length that
    /// is covered.
    pub(super) fn counts(self, table: Table) -> (u64, u64) {
        let position = self.first / 2; // of the first odd number's bit
        let word = |i: u32| u64::from(table.words.get(i as usize).copied().unwrap_or(0));
        let bits = (word(position / 32) | word(position / 32 + 1) << 32) >> (position % 32);
        let set = bits & ((1 << (self.len / 2)) - 1);
        let end = self.first + self.len;
        (u64::from(self.len.min(end.saturating_sub(10))), u64::from(set.count_ones()))
    }
}

static SMALL: [u32; SMALL_END as usize / 64] = {
    let mut words = [0; SMALL_END as usize / 64];
    let mut d = 3;
    while d * d < SMALL_END {
        strike(&mut words, d);
        d += 2;
    }
    let mut i = 0;
    while i < words.len() {
        words[i] = !words[i];
        i += 1;
    }
    words[0] &= !0b11111; // 1, 3, 5, 7, 9
    words
};

/// Marks the odd multiples of `d` whose root is above `d`: `m >= (d + 1)^2`, so from `d * (d + 4)` on.
const fn strike(words: &mut [u32], d: u32) {
    let end = words.len() as u32 * 64;
    let mut m = d * (d + 4);
    while m < end {
        words[(m / 64) as usize] |= 1 << (m / 2 % 32);
        m += 2 * d;
    }
}

/// The table up to `end`, by a sieve over words: multiples of small primes are dense, and are struck out as patterns.
/// `None` if there is no memory for it.
fn build(end: u32) -> Option<Box<[u32]>> {
    let len = end as usize / 64;
    let mut words = Vec::new();
    words.try_reserve_exact(len).ok()?;
    words.resize(len, 0);
    let mut words = words.into_boxed_slice();
    let primes = |from: u32, to: u32| (from..to).step_by(2).filter(|&p| is_prime(p));
    for p in primes(3, 32) {
        // The pattern of the odd multiples of p repeats after p words.
        let mut pattern = [0u32; 32];
        (0..p * 32)
            .filter(|bit| (2 * bit + 1) % p == 0)
            .for_each(|bit| pattern[bit as usize / 32] |= 1 << (bit % 32));
        for period in words.chunks_mut(p as usize) {
            period.iter_mut().zip(pattern).for_each(|(word, bits)| *word |= bits);
        }
    }
    for p in primes(33, end.isqrt() + 1) {
        strike(&mut words, p);
    }
    words.iter_mut().for_each(|word| *word = !*word);
    // The patterns also struck out the primes themselves and their first multiples: all below the small table's end.
    words[..SMALL.len()].copy_from_slice(&SMALL);
    Some(words)
}

/// A table that is built when it is worth its price.
struct Lazy {
    end: u32,
    price: u64,
    misses: AtomicU64,
    /// The first word, or null.
    words: AtomicPtr<u32>,
}

impl Lazy {
    const fn new(end: u32, price: u64) -> Self {
        Self { end, price, misses: AtomicU64::new(0), words: AtomicPtr::new(ptr::null_mut()) }
    }

    fn words(&self) -> Option<&'static [u32]> {
        let first = self.words.load(Ordering::Acquire);
        // SAFETY: a pointer that is not null is that of the slice of this length that `publish` leaked, which is never
        // freed or written to.
        (!first.is_null()).then(|| unsafe { std::slice::from_raw_parts(first, self.end as usize / 64) })
    }

    fn add_misses(&self, misses: u64) {
        let before = self.misses.fetch_add(misses, Ordering::Relaxed);
        // The call that reaches the price builds. If it is lost in a fork, the one that reaches the next multiple does.
        let paid = before / self.price != (before + misses) / self.price;
        if paid
            && self.words().is_none()
            && let Some(words) = build(self.end)
        {
            self.publish(words);
        }
    }

    fn publish(&self, words: Box<[u32]>) {
        let first = Box::leak(words).as_mut_ptr();
        let published =
            self.words.compare_exchange(ptr::null_mut(), first, Ordering::AcqRel, Ordering::Acquire);
        if published.is_err() {
            // SAFETY: another thread was first, so this pointer, of the box that was leaked just above, was not
            // published.
            drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(first, self.end as usize / 64)) });
        }
    }
}

static LARGER: [Lazy; 2] = [Lazy::new(LARGER_ENDS[0], PRICES[0]), Lazy::new(LARGER_ENDS[1], PRICES[1])];

/// The largest table that has been built.
pub(super) fn largest() -> Table {
    let words = LARGER[1].words().or_else(|| LARGER[0].words());
    Table { words: words.unwrap_or(&SMALL) }
}

/// Adds to how many odd numbers below each of `LARGER_ENDS` were answered without a table.
pub(super) fn add_misses(misses: [u64; 2]) {
    let wanted = LARGER.iter().zip(misses).filter(|(_, misses)| *misses > 0);
    wanted.for_each(|(table, misses)| table.add_misses(misses));
}

/// The table that need not be built.
#[cfg(test)]
pub(super) fn small() -> Table {
    Table { words: &SMALL }
}

/// The largest table, built for the tests.
#[cfg(test)]
pub(super) fn large() -> Table {
    static TABLE: std::sync::OnceLock<Box<[u32]>> = std::sync::OnceLock::new();
    Table { words: TABLE.get_or_init(|| build(LARGER_ENDS[1]).unwrap()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn tables_agree_with_the_rule_up_to_their_ends() {
        for end in [SMALL_END, LARGER_ENDS[0]] {
            let table = Table { words: Box::leak(build(end).unwrap()) };
            assert_eq!(table.end(), end);
            for n in (1..end).step_by(2) {
                let expected = n >= 10 && (2..n.isqrt()).all(|d| n % d != 0);
                assert_eq!(table.has_no_small_divisor(n), expected, "n = {n}");
            }
        }
    }

    #[test]
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn runs_agree_with_single_numbers() {
        let table = small();
        for len in [8, 16, 64] {
            for first in 0..=table.end() - len {
                let run = Run { first, len };
                let numbers = first..first + len;
                let from_10_on = numbers.clone().filter(|&n| n >= 10).count() as u64;
                let none = numbers.filter(|&n| n % 2 == 1 && table.has_no_small_divisor(n)).count() as u64;
                assert!(run.is_covered(table));
                assert_eq!(run.counts(table), (from_10_on, none), "{len} numbers from {first}");
            }
            assert!(!Run { first: table.end() - len + 1, len }.is_covered(table));
            assert!(!Run { first: -5i32 as u32, len }.is_covered(table));
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn a_table_is_built_when_its_price_is_paid() {
        let lazy = Lazy::new(LARGER_ENDS[0], 100);
        lazy.add_misses(60);
        assert!(lazy.words().is_none());
        lazy.add_misses(60);
        assert_eq!(lazy.words().unwrap()[..SMALL.len()], SMALL);
    }
}
