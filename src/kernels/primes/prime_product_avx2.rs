//! Trial division in lanes of 32 bits, after a reduction modulo a product of primes: AVX2 has no multiplications of
//! 64-bit lanes.

use std::arch::x86_64::*;

use super::trial::{self, TrialDivision};
use crate::kernels::arith::divisor::Divisor;
use crate::kernels::arith::inverse::inverse;
use crate::kernels::arith::u32x8_avx2::mask_of;
use crate::kernels::arith::u64x8_avx2::U64x8Avx2;

/// The most primes that share a reduction: as many as have a product below 2^32.
const MOST: usize = 9;

/// Primes with a product M below 2^32, for a reduction modulo M: a number less the multiple of M with the same low 32
/// bits is 2^32 times a number with the same divisors among the primes.
#[derive(Clone, Copy)]
pub(super) struct PrimeProduct {
    product: u32,
    inverse: u32,
    divisors: [Divisor<u32>; MOST],
    count: usize,
}

impl PrimeProduct {
    /// Of as many of the primes from the one at `first` on as fit.
    const fn new(primes: &[u64], first: usize) -> Self {
        let (mut product, mut count) = (1, 0);
        let mut divisors = [Divisor::<u32>::new(1); MOST];
        while count < MOST && first + count < primes.len() && product * primes[first + count] < 1 << 32 {
            divisors[count] = Divisor::<u32>::new(primes[first + count] as u32);
            product *= primes[first + count];
            count += 1;
        }
        Self { product: product as u32, inverse: inverse(product) as u32, divisors, count }
    }
}

/// Products of the odd primes that follow `after`.
const fn products<const PRODUCTS: usize>(after: u64) -> [PrimeProduct; PRODUCTS] {
    let primes = trial::primes::<{ 64 + MOST }>(after);
    let mut products = [PrimeProduct::new(&[], 0); PRODUCTS];
    let (mut i, mut next) = (0, 0);
    while i < PRODUCTS {
        products[i] = PrimeProduct::new(&primes, next);
        next += products[i].count;
        i += 1;
    }
    assert!(next < primes.len());
    products
}

impl TrialDivision for U64x8Avx2 {
    type Divisors = PrimeProduct;

    const FIRST: &'static [PrimeProduct] = &products::<1>(2);
    const SECOND: &'static [PrimeProduct] = &products::<3>(29);
    const THIRD: &'static [PrimeProduct] = &products::<12>(97);

    #[inline(always)]
    fn indivisible(self, by: &[PrimeProduct]) -> u8 {
        // SAFETY: `self` is a vector, which exists only where the CPU has AVX2.
        unsafe { indivisible(self.words(), by) }
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn indivisible([low, high]: [__m256i; 2], by: &[PrimeProduct]) -> u8 {
    let top = _mm256_set1_epi32(i32::MIN);
    let mut open = _mm256_set1_epi32(-1);
    for product in by {
        let reduced = reduce(low, high, product);
        for by in &product.divisors[..product.count] {
            let quotient = _mm256_mullo_epi32(reduced, _mm256_set1_epi32(by.inverse as i32));
            let limit = _mm256_set1_epi32((by.limit ^ 1 << 31) as i32); // unsigned comparison by a signed one
            open = _mm256_and_si256(open, _mm256_cmpgt_epi32(_mm256_xor_si256(quotient, top), limit));
        }
    }
    mask_of(open)
}

/// A number below 2^32 that is divisible by those of the primes that divide the one with these halves.
#[inline]
#[target_feature(enable = "avx2")]
fn reduce(low: __m256i, high: __m256i, by: &PrimeProduct) -> __m256i {
    let product = _mm256_set1_epi32(by.product as i32);
    let m = _mm256_mullo_epi32(low, _mm256_set1_epi32(by.inverse as i32));
    // The high halves of m * product.
    let even = _mm256_srli_epi64::<32>(_mm256_mul_epu32(m, product));
    let odd = _mm256_mul_epu32(_mm256_srli_epi64::<32>(m), product);
    let off = _mm256_blend_epi32::<0b1010_1010>(even, odd);
    let enough = _mm256_cmpeq_epi32(_mm256_max_epu32(high, off), high);
    _mm256_add_epi32(_mm256_sub_epi32(high, off), _mm256_andnot_si256(enough, product))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpu::{Isa, for_each_level};
    use crate::kernels::arith::u64_vector::U64Vector;

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn agrees_with_the_remainder() {
        let all = [U64x8Avx2::FIRST, U64x8Avx2::SECOND, U64x8Avx2::THIRD].concat();
        let primes: [u64; 67] = trial::primes(2);
        assert_eq!(all.iter().map(|product| product.count).sum::<usize>(), primes.len());
        let multiples = primes.iter().flat_map(|p| [1 << 14, 1 << 32, 1 << 52, u64::MAX].map(|n| n - n % p));
        let numbers: Vec<u64> = multiples.flat_map(|n| (n - 8..n).chain(n..=n.saturating_add(8))).collect();
        for_each_level(|level| {
            let Isa::Avx2(isa) = Isa::at(level) else { return };
            for numbers in numbers.as_chunks::<8>().0 {
                // SAFETY: the array is as long as a vector.
                let vector = unsafe { U64x8Avx2::load(isa, numbers.as_ptr()) };
                let mut primes = primes.as_slice();
                for product in &all {
                    let (own, rest) = primes.split_at(product.count);
                    let is_open = |n: &u64| own.iter().all(|p| n % p != 0);
                    let expected = (0..8).map(|i| u8::from(is_open(&numbers[i])) << i).sum::<u8>();
                    assert_eq!(
                        vector.indivisible(std::slice::from_ref(product)),
                        expected,
                        "{numbers:?}, {own:?}"
                    );
                    primes = rest;
                }
            }
        });
    }
}
