//! Trial division in lanes of 52 bits, after a reduction modulo a product of primes: multiplications of 64-bit lanes
//! take longer.

use std::arch::x86_64::*;

use super::trial::{self, TrialDivision};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::u64x8::U64x8;

/// Primes that share a reduction.
const COUNT: usize = 4;

/// Primes with a product M below 2^37, and a reduction modulo M to 52 bits: as 2^50 = c modulo M, the low 50 bits of n
/// plus c times the others make a number below 2^52 with the same remainder by each of the primes.
#[derive(Clone, Copy)]
pub(super) struct PrimeProduct {
    c: u64,
    divisors: [Divisor<u64>; COUNT],
}

/// The low bits, which the reduction leaves as they are.
const LOW: u32 = 50;

impl PrimeProduct {
    const fn new(primes: [u64; COUNT]) -> Self {
        let (mut product, mut i) = (1, 0);
        let mut divisors = [Divisor::of_52_bits(1); COUNT];
        while i < COUNT {
            product *= primes[i];
            divisors[i] = Divisor::of_52_bits(primes[i]);
            i += 1;
        }
        assert!(product < 1 << 37);
        Self { c: (1 << LOW) % product, divisors }
    }
}

/// Products of the odd primes that follow `after`.
const fn products<const PRODUCTS: usize>(mut after: u64) -> [PrimeProduct; PRODUCTS] {
    let mut products = [PrimeProduct::new([1; COUNT]); PRODUCTS];
    let mut i = 0;
    while i < PRODUCTS {
        let primes = trial::primes(after);
        products[i] = PrimeProduct::new(primes);
        after = primes[COUNT - 1];
        i += 1;
    }
    products
}

impl TrialDivision for U64x8 {
    type Divisors = PrimeProduct;

    const FIRST: &'static [PrimeProduct] = &products::<2>(2);
    const SECOND: &'static [PrimeProduct] = &products::<4>(23);
    const THIRD: &'static [PrimeProduct] = &products::<10>(83);

    #[inline(always)]
    fn indivisible(self, by: &[PrimeProduct]) -> u8 {
        let numbers = self.lanes();
        let mut open = [!0; COUNT]; // several chains of comparisons wait less than one
        // SAFETY: `self` is a vector, which exists only where the CPU has AVX-512 F and IFMA.
        unsafe {
            let zero = _mm512_setzero_si512();
            let low = _mm512_and_si512(numbers, _mm512_set1_epi64((1 << LOW) - 1));
            let high = _mm512_srli_epi64::<LOW>(numbers);
            for product in by {
                let reduced = _mm512_madd52lo_epu64(low, high, _mm512_set1_epi64(product.c as i64));
                for (open, by) in open.iter_mut().zip(&product.divisors) {
                    let product = _mm512_madd52lo_epu64(zero, reduced, _mm512_set1_epi64(by.inverse as i64));
                    *open = _mm512_mask_cmpgt_epu64_mask(*open, product, _mm512_set1_epi64(by.limit as i64));
                }
            }
        }
        open[0] & open[1] & open[2] & open[3]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, for_each_level};
    use crate::kernels::arith::u64_vector::U64Vector;

    #[test]
    #[cfg_attr(miri, ignore = "Miri knows no AVX-512")]
    fn agrees_with_the_remainder() {
        static PRODUCTS: [PrimeProduct; 16] = products(2);
        let primes: [u64; 16 * COUNT] = trial::primes(2);
        let multiples = primes.iter().flat_map(|p| [1 << 14, 1 << 50, 1 << 52, u64::MAX].map(|n| n - n % p));
        let numbers: Vec<u64> = multiples.flat_map(|n| (n - 8..n).chain(n..=n.saturating_add(8))).collect();
        for_each_level(|level| {
            let Isa::Avx512(isa) = Isa::at(level) else { return };
            for &n in &numbers {
                for (product, primes) in PRODUCTS.iter().zip(primes.chunks(COUNT)) {
                    let open = U64x8::splat(isa, n).indivisible(std::slice::from_ref(product));
                    let expected = if primes.iter().all(|p| n % p != 0) { !0 } else { 0 };
                    assert_eq!(open, expected, "n = {n}, primes {primes:?}");
                }
            }
        });
    }
}
