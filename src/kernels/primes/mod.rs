//! Primality of 64-bit numbers: deterministic, and right for all of them.
//!
//! | number | what tells |
//! |---|---|
//! | below 2^14 | a bit of the table in [`small`] |
//! | above | division by small primes ([`trial`]); the [`strong`] test to base 2; the extra strong [`lucas`] test |
//!
//! Every prime passes the last two, which together are a variant of the Baillie-PSW test (Baillie and Wagstaff,
//! "Lucas pseudoprimes", Mathematics of Computation 35, 1980). That no composite number below 2^64 passes both is known
//! by computation: Feitsma, by the methods of Galway, listed all pseudoprimes to base 2 below 2^64, and among the
//! strong ones Jacobsen found no extra strong Lucas pseudoprime with the parameters used here ("Pseudoprime
//! statistics, tables, and data", ntheory.org/pseudoprimes.html; github.com/golang/go/issues/13229, 2015). Another
//! implementation was run on all of them: github.com/libtom/libtommath/pull/541, 2023. On the strong instead of the
//! extra strong test: Baillie, Fiori and Wagstaff, "Strengthening the Baillie-PSW primality test", Mathematics of
//! Computation 90, 2021.
//!
//! The stages of a chunk stand in [`stages`], once for all levels.

mod lanes;
mod list;
mod lucas;
mod parameter;
mod scalar;
mod small;
mod stages;
mod strong;
mod trial;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod fold;
#[cfg(target_arch = "x86_64")]
mod narrow;
#[cfg(target_arch = "x86_64")]
mod wide;

use crate::cpu::{self, Level};

/// Numbers that a kernel gets at a time: its lists of what is left to do stay in the L1 cache.
const CHUNK: usize = 1024;

/// Writes 1 for each prime, 0 for each other number.
///
/// Cost: per random odd 64-bit number about 45 cycles with AVX-512, 140 without; per 64-bit prime 390 and 1000.
///
/// # Panics
/// Unless both slices are of one length.
pub fn is_prime(numbers: &[u64], out: &mut [u8]) {
    is_prime_at(cpu::active(), numbers, out);
}

/// [`is_prime`] at a level, or at the machine's if that is lower.
///
/// # Panics
/// Unless both slices are of one length.
pub fn is_prime_at(level: Level, numbers: &[u64], out: &mut [u8]) {
    assert_eq!(numbers.len(), out.len(), "a place for each answer");
    let level = level.min(cpu::detected());
    for (numbers, out) in numbers.chunks(CHUNK).zip(out.chunks_mut(CHUNK)) {
        mark(level, numbers, out);
    }
}

/// How many of the numbers are prime, at the cost of [`is_prime`].
pub fn count(numbers: &[u64]) -> u64 {
    count_at(cpu::active(), numbers)
}

/// [`count`] at a level, or at the machine's if that is lower.
pub fn count_at(level: Level, numbers: &[u64]) -> u64 {
    let level = level.min(cpu::detected());
    let mut room = [0; CHUNK];
    let count_chunk = |numbers: &[u64]| {
        let out = &mut room[..numbers.len()];
        mark(level, numbers, out);
        out.iter().map(|&is_prime| u64::from(is_prime)).sum::<u64>()
    };
    numbers.chunks(CHUNK).map(count_chunk).sum()
}

/// [`is_prime`] of a chunk.
fn mark(level: Level, numbers: &[u64], out: &mut [u8]) {
    match level {
        // SAFETY: the machine has the level's features, as the caller made sure.
        #[cfg(target_arch = "x86_64")]
        Level::Avx512 => unsafe { avx512::is_prime_u64_avx512(numbers, out) },
        // SAFETY: as above.
        #[cfg(target_arch = "x86_64")]
        Level::Avx2 => unsafe { avx2::is_prime_u64_avx2(numbers, out) },
        _ => scalar::is_prime_u64_scalar(numbers, out),
    }
}

#[cfg(test)]
mod tests;
