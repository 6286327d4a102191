//! Primality of 64-bit numbers, deterministic and correct for all of them.
//!
//! | number | method |
//! |---|---|
//! | below 2^14 | a bit of a `table` |
//! | above | division by small primes (`trial`); the `strong` test to base 2; the extra strong `lucas` test |
//! | the same up to 2^32 with AVX2, to 2^31 with NEON | division by small primes; an Euler test, with a list of its errors (`words`) |
//!
//! With AVX-512, the latter is for batches that have no larger number.
//!
//! Every prime passes the strong test and the Lucas test, which together are a variant of the Baillie-PSW test
//! (Baillie and Wagstaff, "Lucas pseudoprimes", Mathematics of Computation 35, 1980). That no composite number below
//! 2^64 passes both is known by computation: Feitsma, by the methods of Galway, listed all pseudoprimes to base 2
//! below 2^64, and among the strong ones Jacobsen found no extra strong Lucas pseudoprime with the parameters used
//! here ("Pseudoprime statistics, tables, and data", ntheory.org/pseudoprimes.html; github.com/golang/go/issues/13229,
//! 2015). Another implementation was run on all of them: github.com/libtom/libtommath/pull/541, 2023. On the strong
//! instead of the extra strong test: Baillie, Fiori and Wagstaff, "Strengthening the Baillie-PSW primality test",
//! Mathematics of Computation 90, 2021.
//!
//! `pipeline` has the stages of a batch, once for all levels, and `candidates` the lists between them.
//! The kernels take u64; operations convert other types of numbers (`ops/primes.rs`).

mod candidates;
mod lucas;
mod parameter;
mod pipeline;
mod primality_test;
mod scalar;
mod strong;
mod table;
mod trial;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(target_arch = "x86_64")]
mod prime_product;
#[cfg(target_arch = "x86_64")]
mod prime_product_avx2;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod words;
#[cfg(target_arch = "x86_64")]
mod words_avx2;
#[cfg(target_arch = "aarch64")]
mod words_neon;

use crate::cpu::{Isa, Level};
use candidates::BATCH;

/// Writes 1 for each prime, 0 for each other number.
///
/// Cost: per random odd 64-bit number about 45 cycles with AVX-512, 75 with AVX2, 140 without; per 64-bit prime 390, 720
/// and 1000. Per random number below 2^31 about 6 cycles with AVX2, 60 without; with NEON a quarter of the instructions.
///
/// # Panics
/// Unless both slices have the same length.
pub fn is_prime(numbers: &[u64], out: &mut [u8]) {
    is_prime_with(Isa::active(), numbers, out);
}

/// [`is_prime`] at a level, or at the machine's if that is lower.
///
/// # Panics
/// Unless both slices have the same length.
pub fn is_prime_at(level: Level, numbers: &[u64], out: &mut [u8]) {
    is_prime_with(Isa::at(level), numbers, out);
}

fn is_prime_with(isa: Isa, numbers: &[u64], out: &mut [u8]) {
    assert_eq!(numbers.len(), out.len(), "a byte for each answer");
    for (numbers, out) in numbers.chunks(BATCH).zip(out.chunks_mut(BATCH)) {
        mark(isa, numbers, out);
    }
}

/// How many of the numbers are prime, at the cost of [`is_prime`].
pub fn count(numbers: &[u64]) -> u64 {
    count_with(Isa::active(), numbers)
}

/// [`count`] at a level, or at the machine's if that is lower.
pub fn count_at(level: Level, numbers: &[u64]) -> u64 {
    count_with(Isa::at(level), numbers)
}

fn count_with(isa: Isa, numbers: &[u64]) -> u64 {
    let mut buffer = [0; BATCH];
    let count_batch = |numbers: &[u64]| {
        let out = &mut buffer[..numbers.len()];
        mark(isa, numbers, out);
        out.iter().map(|&is_prime| u64::from(is_prime)).sum::<u64>()
    };
    numbers.chunks(BATCH).map(count_batch).sum()
}

/// [`is_prime`] of a batch.
fn mark(isa: Isa, numbers: &[u64], out: &mut [u8]) {
    match isa {
        // SAFETY: the level's witness has the features of AVX2, too.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) if all_words(numbers) => unsafe {
            avx2::is_prime_u64_avx2(isa.into(), numbers, out)
        },
        // SAFETY: `isa` is a witness that the CPU has all features of this kernel.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { avx512::is_prime_u64_avx512(isa, numbers, out) },
        // SAFETY: `isa` is a witness that the CPU has all features of this kernel.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) if avx2::has_residues(numbers) => unsafe {
            avx2::is_prime_u64_avx2(isa, numbers, out)
        },
        // SAFETY: `isa` is a witness that the CPU has NEON.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(isa) => unsafe { neon::is_prime_u64_neon(isa, numbers, out) },
        _ => scalar::is_prime_u64_scalar(numbers, out),
    }
}

/// Whether all numbers are below 2^32.
#[cfg(target_arch = "x86_64")]
fn all_words(numbers: &[u64]) -> bool {
    numbers.iter().fold(0, |bits, number| bits | number) <= u64::from(u32::MAX)
}

#[cfg(test)]
mod tests;
