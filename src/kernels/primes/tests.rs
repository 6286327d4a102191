//! Against a sieve, and against a reference that shares no code with the kernels.

use super::candidates::BATCH;
use super::{count_at, is_prime, is_prime_at, parameter};
use crate::cpu::{Level, detected, for_each_level};
use crate::kernels::arith::pseudoprimes::PSEUDOPRIMES;
use crate::kernels::arith::random::random;
use reference::{Sieve, is_prime_by_12_bases, passes_strong_test};

mod reference;

fn answers(level: Level, numbers: &[u64]) -> Vec<u8> {
    let mut out = vec![0xFF; numbers.len()];
    is_prime_at(level, numbers, &mut out);
    out
}

/// Compares all numbers, at every level: in order, and each amid others from all over the list.
fn assert_all(name: &str, numbers: &[u64], expected: impl Fn(u64) -> bool) {
    let scattered: Vec<u64> = (0..numbers.len()).map(|i| numbers[i * 7919 % numbers.len()]).collect();
    for numbers in [numbers, &scattered] {
        let expected: Vec<u8> = numbers.iter().map(|&n| expected(n).into()).collect();
        let primes = expected.iter().map(|&is_prime| u64::from(is_prime)).sum::<u64>();
        for_each_level(|level| {
            for ((n, found), expected) in numbers.iter().zip(answers(level, numbers)).zip(&expected) {
                assert_eq!(found, *expected, "{name}, {level}: n = {n}");
            }
            assert_eq!(count_at(level, numbers), primes, "{name}, {level}");
        });
    }
}

fn assert_composite(name: &str, numbers: &[u64]) {
    assert_all(name, numbers, |_| false);
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn every_number_below_2_to_the_20_agrees_with_a_sieve() {
    let sieve = Sieve::new(1 << 20);
    let numbers: Vec<u64> = (0..1 << 20).collect();
    assert_all("sieve", &numbers, |n| sieve.is_prime(n));
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn windows_agree_with_the_reference() {
    for power in [14, 15, 16, 20, 21, 24, 31, 32, 47, 48, 49, 51, 52, 53, 62, 63] {
        let numbers: Vec<u64> = ((1 << power) - 3000..(1 << power) + 3000).collect();
        assert_all("window", &numbers, is_prime_by_12_bases);
    }
    // The residues of AVX2 end at 2^64 - 2^34.
    let limit = u64::MAX << 34;
    for numbers in [limit - 10_000..=limit + 10_000, u64::MAX - 20_000..=u64::MAX] {
        assert_all("window", &numbers.collect::<Vec<u64>>(), is_prime_by_12_bases);
    }
}

#[test]
fn known_answers() {
    let primes = [
        2,
        3,
        127,
        131,
        16_381,
        16_411,
        65_537,
        (1 << 31) - 1,
        (1 << 61) - 1,
        (1 << 48) - 59,
        (1 << 48) + 21,
        18_446_744_073_709_551_557,
        18_446_744_073_709_551_533,
        18_446_744_073_709_551_521,
        18_446_744_069_414_584_321,
    ];
    let few = if cfg!(miri) { 5 } else { primes.len() }; // the last are the largest
    assert_all("primes", &primes[primes.len() - few..], |_| true);
    let composites = [0, 1, 4, 1 << 14, (1 << 14) + 1, 1 << 63, u64::MAX, u64::MAX - 1, (1 << 32) + 1];
    assert_composite("composites", &composites);
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn random_numbers_agree_with_the_reference() {
    for seed in 1..=5 {
        let mut next = random(seed);
        let numbers: Vec<u64> =
            (0..4000).map(|i| next() >> if i % 2 == 0 { 0 } else { next() % 64 } | 1).collect();
        assert_all(&format!("seed {seed}"), &numbers, is_prime_by_12_bases);
    }
}

/// The numbers d * 2^s + 1 and d * 2^s - 1 with d < 64: a strong test may start at a power that is not odd for the
/// former, and both have the most steps to look at.
#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn neighbours_of_small_odd_multiples_of_powers_of_two_agree_with_the_reference() {
    let multiples = (1..128u64).step_by(2).flat_map(|d| (0..=d.leading_zeros()).map(move |s| d << s));
    let numbers: Vec<u64> = multiples.flat_map(|n| [n - 1, n, n + 1]).collect();
    assert_all("neighbours", &numbers, is_prime_by_12_bases);
    for_each_level(|level| {
        for &n in &numbers {
            assert_eq!(answers(level, &[n]), [is_prime_by_12_bases(n).into()], "{level}, alone: n = {n}");
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn products_of_two_primes_are_composite() {
    for power in [7, 8, 11, 16, 20, 24, 26, 28, 31, 32] {
        let below = (1u64 << power) - 1;
        let primes: Vec<u64> = (2..=below).rev().filter(|&n| is_prime_by_12_bases(n)).take(40).collect();
        let pairs = primes.iter().flat_map(|p| primes.iter().map(move |q| p * q));
        assert_composite("products", &pairs.collect::<Vec<_>>());
    }
    let sieve = Sieve::new(1 << 16);
    let squares: Vec<u64> = (2..1 << 16).filter(|&p| sieve.is_prime(p)).map(|p| p * p).collect();
    assert!([1093 * 1093, 3511 * 3511].iter().all(|square| squares.contains(square)));
    assert_composite("squares", &squares);
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn carmichael_numbers_are_composite() {
    let sieve = Sieve::new(1 << 20);
    let small: Vec<u64> = (3..1 << 20).filter(|&n| sieve.is_carmichael(n)).collect();
    assert_eq!(small[..3], [561, 1105, 1729]);
    assert_composite("Carmichael numbers below 2^20", &small);
    // Chernick: (6k+1)(12k+1)(18k+1), where all three are prime.
    let factors = (1..242_000u64).map(|k| [6 * k + 1, 12 * k + 1, 18 * k + 1]);
    let all_prime = factors.filter(|factors| factors.iter().all(|&p| p < 1 << 20 && sieve.is_prime(p)));
    let large: Vec<u64> = all_prime.map(|[p, q, r]| p * q * r).collect();
    assert!(large.len() > 500, "{}", large.len());
    assert_composite("Chernick's numbers", &large);
}

/// (k+1)(rk+1), both prime, has more chances than most to be a strong pseudoprime; those that are get as far as the
/// Lucas test. Those below 2^48 and those above take different ways.
#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn strong_pseudoprimes_to_base_2_are_composite() {
    let sieve = Sieve::new(1 << 24);
    let mut pseudoprimes = Vec::new();
    for r in 2..=40 {
        let most = ((u64::MAX / r) as f64).sqrt() as u64 - 2;
        let dense = (2..most.min(100_000)).step_by(2);
        let sparse = (100_000..most.min(((1 << 24) - 2) / r)).step_by(2);
        for (p, q) in dense.chain(sparse).map(|k| (k + 1, r * k + 1)) {
            if sieve.is_prime(p) && sieve.is_prime(q) && passes_strong_test(p * q, 2) {
                pseudoprimes.push(p * q);
            }
        }
    }
    let (mut next, narrow) = (random(2), pseudoprimes.len());
    while pseudoprimes.len() < narrow + 1000 {
        let (r, k) = (2 + next() % 8, next() >> 34 & !1);
        let (p, q) = (k + 1, r * k + 1);
        if p * q >= 1 << 48
            && is_prime_by_12_bases(p)
            && is_prime_by_12_bases(q)
            && passes_strong_test(p * q, 2)
        {
            pseudoprimes.push(p * q);
        }
    }
    assert!(narrow > 10_000, "{narrow}");
    assert_composite("strong pseudoprimes", &pseudoprimes);
}

/// Lists that are empty, full to the brim, or end at or next to the end of a vector, of a block of vectors, of a batch.
#[test]
fn every_length_answers_for_its_own_numbers() {
    let kinds = [2_305_843_009_213_693_951, 4, 281_474_976_710_597, 65_537, 18_446_744_030_759_878_681, 3, 0];
    let numbers: Vec<u64> = (0..BATCH + 50).map(|i| kinds[(i * i + i / 7) % kinds.len()]).collect();
    let lengths = (0..=80).chain((80..BATCH + 50).step_by(61)).chain(1020..1030).chain(BATCH - 3..BATCH + 4);
    for len in lengths.filter(|len| !cfg!(miri) || [0, 1, 9].contains(len)) {
        assert_each_alone(&numbers[..len]);
        if !cfg!(miri) {
            assert_each_alone(&vec![kinds[0]; len]);
            assert_each_alone(&vec![kinds[2]; len]);
        }
    }
}

#[test]
fn batches_of_one_or_two_kinds() {
    let [prime, narrow, composite] = [(1 << 61) - 1, 281_474_976_710_597, 4_294_967_291 * 4_294_967_279];
    // Strong pseudoprimes to base 2, and to others: Jaeschke, Mathematics of Computation 61, 1993.
    let [lucas, narrow_lucas] = [3_825_123_056_546_413_051, 3_215_031_751];
    let kinds = [prime, narrow, composite, lucas, narrow_lucas, 5, 4];
    let pairs = kinds.iter().flat_map(|&a| kinds.map(|b| (a, b)));
    for (a, b) in pairs.step_by(if cfg!(miri) { 25 } else { 1 }) {
        assert_each_alone(&[a, b].repeat(if cfg!(miri) { 5 } else { BATCH }));
    }
}

/// The composite numbers below 2^32 on which the Euler test to base 2 errs, and their neighbours.
#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn listed_pseudoprimes_are_composite() {
    let numbers: Vec<u64> = PSEUDOPRIMES.iter().map(|&n| n.into()).collect();
    assert_composite("pseudoprimes", &numbers);
    let neighbours: Vec<u64> = numbers.iter().flat_map(|&n| n - 20..n + 20).collect();
    assert_all("neighbours", &neighbours, is_prime_by_12_bases);
}

/// Compares the answers with the reference's, of which there are few, and with those for each number alone.
fn assert_each_alone(numbers: &[u64]) {
    let mut kinds: Vec<u64> = numbers.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    let known: Vec<u8> = kinds.iter().map(|&n| is_prime_by_12_bases(n).into()).collect();
    let expected: Vec<u8> = numbers.iter().map(|n| known[kinds.binary_search(n).unwrap()]).collect();
    for_each_level(|level| {
        let alone: Vec<u8> = kinds.iter().map(|&n| answers(level, &[n])[0]).collect();
        assert_eq!(known, alone, "{level}, alone");
        assert_eq!(answers(level, numbers), expected, "{level}, {} numbers", numbers.len());
    });
}

#[test]
#[should_panic(expected = "a byte for each answer")]
fn lengths_that_differ() {
    is_prime(&[2, 3], &mut [0]);
}

/// All strong pseudoprimes to base 2 below 2^32, as the reference finds them; run by `make test-exhaustive`.
#[test]
#[ignore = "takes minutes"]
fn every_strong_pseudoprime_below_2_to_the_32_is_composite() {
    let threads = std::thread::available_parallelism().map_or(1, |threads| threads.get());
    let segments = |first: usize| {
        let lows = (0..1u64 << 32).step_by(1 << 24).skip(first).step_by(threads);
        lows.flat_map(|low| reference::strong_pseudoprimes_of_segment(low, 1 << 24)).collect::<Vec<_>>()
    };
    let mut found = std::thread::scope(|scope| {
        let halves: Vec<_> = (0..threads).map(|first| scope.spawn(move || segments(first))).collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    found.sort_unstable();
    assert_eq!(found[..5], [2047, 3277, 4033, 4681, 8321]);
    assert_eq!(found.len(), 2314);
    assert_composite("strong pseudoprimes below 2^32", &found);
}

/// All numbers below 2^32, at every level; run by `make test-exhaustive`.
#[test]
#[ignore = "takes minutes"]
fn every_number_below_2_to_the_32_agrees_with_a_sieve() {
    const LEN: usize = 1 << 20;
    let mut out = vec![0; LEN];
    for low in (0..1u64 << 32).step_by(LEN) {
        let numbers: Vec<u64> = (low..low + LEN as u64).collect();
        let expected = reference::primes_of_segment(low, LEN);
        for level in Level::ALL.iter().copied().filter(|&level| level <= detected()) {
            is_prime_at(level, &numbers, &mut out);
            for ((&n, &found), &expected) in numbers.iter().zip(&out).zip(&expected) {
                assert_eq!(found == 1, expected && n > 1, "{level}: n = {n}");
            }
        }
    }
}

/// The quick way to a parameter finds the least one.
#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn parameters_are_the_least() {
    let mut next = random(3);
    for n in (16_385..40_001).step_by(2).chain((0..20_000).map(|_| next() | 1)) {
        // The sign of -1 by Euler's criterion, for primes alone.
        if is_prime_by_12_bases(n) {
            let least = (3..).find(|p| reference::power(p * p - 4, n / 2, n) == n - 1);
            assert_eq!(parameter::find(n), least, "n = {n}");
        }
    }
    assert_eq!(parameter::find(16_381 * 16_381), None);
}
