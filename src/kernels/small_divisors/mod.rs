//! Numbers with a small divisor: the `n` that some `d` with `2 <= d < floor(sqrt(n))` divides.
//!
//! These are the composite numbers, except for those whose least prime factor `p` is `floor(sqrt(n))` itself:
//! `p^2`, `p*(p+2)` for twin primes, 6 and 8. (`floor(sqrt(n)) = p` leaves only `p^2`, `p*(p+1)` and
//! `p*(p+2)` as multiples of `p`, and a factor of `p+1` or `p+2` below `p` would be a smaller one.)
//!
//! From 10 on, all numbers have a small divisor except for some odd ones. So the kernels count the numbers from 10 on,
//! and subtract the odd numbers without a small divisor. These are found as follows:
//!
//! | odd number | method |
//! |---|---|
//! | below the end of the largest `table` that is built | a bit of the table |
//! | above | division by the primes of `trial`; then an Euler test to base 2 (`arith/euler.rs`), with its `exceptions` |
//!
//! `counts` has the result of a kernel, `decide` what follows the trial division of one number, and `undecided` lists
//! for the vector kernels.

mod counts;
mod decide;
mod exceptions;
mod scalar;
mod table;
mod trial;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod undecided;

use std::ops::Add;

use crate::cpu::{Isa, Level};

use counts::{BATCH, Counts};
use table::Table;

/// Numbers after which to check whether a larger table has been built.
const TABLE_CHECK_INTERVAL: usize = 16 * BATCH;

/// How many of the numbers have a divisor `d` with `2 <= d < floor(sqrt(n))`; negative numbers have none.
///
/// Cost: about half a cycle per number where a table answers, else 5 cycles with AVX-512, 7 with AVX2, 80 without
/// either. A table is built by the call whose numbers make it worth its price; tables take 1.1 MB at most.
pub fn count_with_small_divisor(numbers: &[i32]) -> u64 {
    count_with(Isa::active(), numbers)
}

/// [`count_with_small_divisor`] at a level, or at the machine's if that is lower.
pub fn count_with_small_divisor_at(level: Level, numbers: &[i32]) -> u64 {
    count_with(Isa::at(level), numbers)
}

fn count_with(isa: Isa, numbers: &[i32]) -> u64 {
    let count_part = |part: &[i32]| {
        let table = table::largest();
        let batches = part.chunks(BATCH).map(|batch| count_batch(isa, batch, table));
        let all = batches.fold(Counts::default(), Add::add);
        table::add_misses(all.table_misses);
        all.with_small_divisor
    };
    numbers.chunks(TABLE_CHECK_INTERVAL).map(count_part).sum()
}

fn count_batch(isa: Isa, batch: &[i32], table: Table) -> Counts {
    match isa {
        // SAFETY: `isa` is a witness that the CPU has all features of this kernel.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { avx512::count_i32_avx512(isa, batch, table) },
        // SAFETY: `isa` is a witness that the CPU has all features of this kernel.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { avx2::count_i32_avx2(isa, batch, table) },
        // SAFETY: `isa` is a witness that the CPU has NEON.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(isa) => unsafe { neon::count_i32_neon(isa, batch, table) },
        _ => scalar::count_i32_scalar(batch, table),
    }
}

#[cfg(test)]
mod tests;
