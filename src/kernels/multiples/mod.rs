//! Sums of the multiples of a number in a range: by visiting the range, and in closed form.

mod closed_form;
mod scalar;

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod generic;
#[cfg(target_arch = "aarch64")]
mod neon;

pub use closed_form::sum_multiples;

use std::ops::Range;

use crate::cpu::{self, Isa, Level};

/// The sum of the `i` in `[from, to)` with `i % 3 == 0`, modulo 2^32; 0 if `from >= to`.
///
/// It visits every number of the range, so its time is linear in `to - from`: it is meant as a load.
pub fn sum_multiples_of_3(from: i32, to: i32) -> i32 {
    sum_multiples_of_3_at(cpu::active(), from, to)
}

/// How many numbers [`sum_multiples_of_3`] visits.
pub fn visited(from: i32, to: i32) -> u64 {
    (i64::from(to) - i64::from(from)).max(0) as u64
}

/// [`sum_multiples_of_3`] over part of the range that begins at `from`: the numbers with these offsets from it.
pub fn sum_multiples_of_3_in(from: i32, offsets: Range<u64>) -> i32 {
    let number = |offset: u64| (i64::from(from) + offset as i64) as i32;
    sum_multiples_of_3(number(offsets.start), number(offsets.end))
}

/// [`sum_multiples_of_3`] at a level, or at the machine's if that is lower.
pub fn sum_multiples_of_3_at(level: Level, from: i32, to: i32) -> i32 {
    match Isa::at(level) {
        // SAFETY: `isa` is a witness that the CPU has AVX-512 F.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => unsafe { avx512::sum_multiples_of_3_i32_avx512(isa, from, to) },
        // SAFETY: `isa` is a witness that the CPU has AVX2.
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => unsafe { avx2::sum_multiples_of_3_i32_avx2(isa, from, to) },
        // SAFETY: `isa` is a witness that the CPU has NEON.
        #[cfg(target_arch = "aarch64")]
        Isa::Neon(isa) => unsafe { neon::sum_multiples_of_3_i32_neon(isa, from, to) },
        _ => scalar::sum_multiples_of_3_i32_scalar(from, to),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::for_each_level;

    /// The closed form, reduced to 32 bits.
    fn reference(from: i32, to: i32) -> i32 {
        sum_multiples(i64::from(from), i64::from(to), 3).unwrap() as i32
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn every_small_range() {
        for_each_level(|level| {
            for from in -70..70 {
                for to in -70..300 {
                    let expected = (from..to).filter(|i| i % 3 == 0).sum();
                    assert_eq!(sum_multiples_of_3_at(level, from, to), expected, "{level} [{from}, {to})");
                }
            }
        });
    }

    #[test]
    fn the_ends_of_the_type() {
        for_each_level(|level| {
            for shift in (0..70).step_by(if cfg!(miri) { 69 } else { 1 }) {
                let lengths = [0, 1, 2, 3, 15, 16, 17, 23, 24, 25, 47, 48, 49, 1023, 1024, 1025];
                for length in lengths.into_iter().filter(|&length| !cfg!(miri) || length < 50) {
                    let (low, high) = (i32::MIN + shift, i32::MAX - shift);
                    for (from, to) in [(low, low + length), (high - length, high)] {
                        assert_eq!(
                            sum_multiples_of_3_at(level, from, to),
                            reference(from, to),
                            "{level} [{from}, {to})"
                        );
                    }
                }
            }
        });
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn whole_domain() {
        for_each_level(|level| {
            assert_eq!(sum_multiples_of_3_at(level, i32::MIN, i32::MAX), reference(i32::MIN, i32::MAX));
            assert_eq!(sum_multiples_of_3_at(level, 0, 1_000_000_000), 1_350_552_661);
            assert_eq!(sum_multiples_of_3_at(level, i32::MAX, i32::MIN), 0);
        });
    }
}
