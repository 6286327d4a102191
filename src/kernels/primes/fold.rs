//! Trial division in lanes of 52 bits, as products of 64-bit lanes take longer.

use std::arch::x86_64::*;

use super::trial::{self, Divisor};

/// Primes that share a fold.
const COUNT: usize = 4;

/// Primes with a product M below 2^37, and what takes n to a smaller number with the same remainder by each: as
/// 2^50 = c modulo M, the low 50 bits and c times the others make less than 2^52. There, a number is a multiple of p
/// if and only if its product with the inverse modulo 2^52 is at most the limit; see [`Divisor`].
#[derive(Clone, Copy)]
pub(super) struct Fold {
    c: u64,
    divisors: [Divisor; COUNT],
}

const LOW: u32 = 50;

impl Fold {
    const fn new(primes: [u64; COUNT]) -> Self {
        let (mut product, mut i) = (1, 0);
        let mut divisors = [Divisor { inverse: 0, limit: 0 }; COUNT];
        while i < COUNT {
            product *= primes[i];
            let Divisor { inverse, limit } = Divisor::new(primes[i]);
            divisors[i] = Divisor { inverse, limit: limit >> 12 };
            i += 1;
        }
        assert!(product < 1 << 37);
        Self { c: (1 << LOW) % product, divisors }
    }
}

/// Folds of the odd primes that follow `after`.
pub(super) const fn folds<const FOLDS: usize>(mut after: u64) -> [Fold; FOLDS] {
    let mut folds = [Fold::new([1; COUNT]); FOLDS];
    let mut i = 0;
    while i < FOLDS {
        let primes = trial::primes(after);
        folds[i] = Fold::new(primes);
        after = primes[COUNT - 1];
        i += 1;
    }
    folds
}

/// Lanes that are no multiple of any of the primes.
///
/// # Safety
/// The CPU has AVX-512 F and IFMA.
#[inline(always)]
pub(super) unsafe fn indivisible(numbers: __m512i, by: &[Fold]) -> u8 {
    let mut open = [!0; COUNT]; // several chains of comparisons wait less than one
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let zero = _mm512_setzero_si512();
        let low = _mm512_and_si512(numbers, _mm512_set1_epi64((1 << LOW) - 1));
        let high = _mm512_srli_epi64::<LOW>(numbers);
        for fold in by {
            let folded = _mm512_madd52lo_epu64(low, high, _mm512_set1_epi64(fold.c as i64));
            for (open, by) in open.iter_mut().zip(&fold.divisors) {
                let product = _mm512_madd52lo_epu64(zero, folded, _mm512_set1_epi64(by.inverse as i64));
                *open = _mm512_mask_cmpgt_epu64_mask(*open, product, _mm512_set1_epi64(by.limit as i64));
            }
        }
    }
    open[0] & open[1] & open[2] & open[3]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Level, for_each_level};

    #[test]
    fn agrees_with_the_remainder() {
        static FOLDS: [Fold; 16] = folds(2);
        let primes: [u64; 16 * COUNT] = trial::primes(2);
        let multiples = primes.iter().flat_map(|p| [1 << 14, 1 << 50, 1 << 52, u64::MAX].map(|n| n - n % p));
        let numbers: Vec<u64> = multiples.flat_map(|n| (n - 8..n).chain(n..=n.saturating_add(8))).collect();
        for_each_level(|level| {
            for &n in numbers.iter().filter(|_| level == Level::Avx512) {
                for (fold, primes) in FOLDS.iter().zip(primes.chunks(COUNT)) {
                    // SAFETY: the machine has the level.
                    let open =
                        unsafe { indivisible(_mm512_set1_epi64(n as i64), std::slice::from_ref(fold)) };
                    let expected = if primes.iter().all(|p| n % p != 0) { !0 } else { 0 };
                    assert_eq!(open, expected, "n = {n}, primes {primes:?}");
                }
            }
        });
    }
}
