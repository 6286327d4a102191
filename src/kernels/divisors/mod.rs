//! Numbers with a small divisor: the `n` that some `d` with `2 <= d < floor(sqrt(n))` divides.
//!
//! These are the composite numbers, but for those whose least prime factor `p` is `floor(sqrt(n))` itself:
//! `p^2`, `p*(p+2)` for twin primes, 6 and 8. (`floor(sqrt(n)) = p` leaves only `p^2`, `p*(p+1)` and
//! `p*(p+2)` as multiples of `p`, and a factor of `p+1` or `p+2` below `p` would be a smaller one.)
//!
//! From 10 on every number counts, but for the odd ones that have no small divisor: call those bare. So the kernels
//! count the numbers from 10 on, and take off the bare ones. Is an odd number bare?
//!
//! | odd number | what tells |
//! |---|---|
//! | below the end of the largest [`table`] that is built | a bit of the table |
//! | above | division by the primes of [`trial`]; then an Euler test to base 2 ([`euler`]), with its [`exceptions`] |

mod euler;
mod exceptions;
mod scalar;
mod table;
mod trial;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod list;

use std::ops::Add;

use crate::cpu::{self, Level};
#[cfg(target_arch = "x86_64")]
pub(super) use avx512::inverse as inverse_avx512;
pub(super) use trial::inverse;

use table::Table;

/// Numbers that a kernel gets at a time: its lists of what is left to do stay in the L1 cache.
const CHUNK: usize = 1024;

/// Numbers after which a larger table is looked for.
const RUN: usize = 16 * CHUNK;

/// What a kernel finds in a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Tally {
    /// Numbers with a small divisor.
    counted: u64,
    /// Odd numbers that the table did not cover, but one up to each of `table::LARGER_ENDS` would.
    missed: [u64; 2],
}

impl Add for Tally {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        let missed = std::array::from_fn(|table| self.missed[table] + other.missed[table]);
        Self { counted: self.counted + other.counted, missed }
    }
}

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`; negative numbers have none.
///
/// Cost: about half a cycle per number where a table answers, else 4 cycles with AVX-512, 10 with AVX2, 80 without
/// either. A table is built by the call whose numbers make it worth its price; tables take 1.1 MB at most.
pub fn count_with_small_divisor(numbers: &[i32]) -> u64 {
    count_with_small_divisor_at(cpu::active(), numbers)
}

/// [`count_with_small_divisor`] at a level, or at the machine's if that is lower.
pub fn count_with_small_divisor_at(level: Level, numbers: &[i32]) -> u64 {
    let level = level.min(cpu::detected());
    let count_run = |run: &[i32]| {
        let table = table::largest();
        let all = run.chunks(CHUNK).map(|chunk| tally(level, chunk, table)).fold(Tally::default(), Add::add);
        table::missed(all.missed);
        all.counted
    };
    numbers.chunks(RUN).map(count_run).sum()
}

fn tally(level: Level, chunk: &[i32], table: Table) -> Tally {
    match level {
        // SAFETY: the machine has the level's features, as the caller made sure.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::tally_i32_avx512(chunk, table) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::tally_i32_avx2(chunk, table) },
        _ => scalar::tally_i32_scalar(chunk, table),
    }
}

/// Whether an odd number past the small table, which no trial prime divides, is bare.
fn is_bare(n: u32) -> bool {
    if euler::passes(n) { !exceptions::contains(n) } else { least_factor_is_root(n) }
}

/// Whether the least prime factor of an odd composite number is `floor(sqrt(n))`.
///
/// Then `n` is `p^2` or `p*(p+2)`, so `n` or `n + 1` is a square: a cheap way to see that it is not.
fn least_factor_is_root(n: u32) -> bool {
    let root = n.isqrt();
    n % root == 0 && is_prime(root) && is_prime(n / root)
}

/// Trial division, for the roots of 32-bit numbers.
fn is_prime(n: u32) -> bool {
    n > 1 && (2..).take_while(|d| d * d <= n).all(|d| n % d != 0)
}

#[cfg(test)]
mod tests;
