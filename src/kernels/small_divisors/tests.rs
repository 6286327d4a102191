use super::counts::BATCH;
use super::table::{self, LARGER_ENDS, Table};
use super::{count_with_small_divisor, count_with_small_divisor_at, exceptions, trial};
use crate::cpu::{Isa, Level, for_each_level};
use crate::kernels::arith::random::random;

/// Whether each number counts, at a level and by a table; each number is in a batch with its neighbours.
fn counted_at(level: Level, numbers: &[i32], table: Table) -> Vec<bool> {
    // A number's own count is that of the batch up to it, less that of the batch before it.
    let count = |numbers: &[i32]| super::count_batch(Isa::at(level), numbers, table).with_small_divisor;
    let of_batch = |batch: &[i32]| {
        (0..batch.len()).map(|i| count(&batch[..=i]) != count(&batch[..i])).collect::<Vec<_>>()
    };
    numbers.chunks(64).flat_map(of_batch).collect()
}

/// The rule to the letter.
fn by_division(n: i32) -> bool {
    n >= 0 && (2..f64::from(n).sqrt().floor() as i32).any(|d| n % d == 0)
}

/// Each number, at every level, with the small table and with the large one.
fn assert_all(numbers: &[i32], expected: impl Fn(i32) -> bool) {
    let expected: Vec<bool> = numbers.iter().map(|&n| expected(n)).collect();
    for_each_level(|level| {
        for table in [table::small(), table::large()] {
            let found = counted_at(level, numbers, table);
            for ((n, found), expected) in numbers.iter().zip(found).zip(&expected) {
                assert_eq!(found, *expected, "{level}, table to {}, n = {n}", table.end());
            }
        }
    });
}

/// The odd numbers in `[low, low + 2 * LEN)` with a small divisor, by a segmented sieve that shares nothing with
/// the kernels: a prime p counts for its multiples from (p + 1)^2 on. Element i is that of low + 2i + 1; low is even.
struct Sieve {
    primes: Vec<u32>,
}

impl Sieve {
    fn new() -> Self {
        let mut composite = vec![false; 46_342];
        let mut primes = Vec::new();
        for p in 2..composite.len() {
            if !composite[p] {
                primes.push(p as u32);
                (p * p..composite.len()).step_by(p).for_each(|multiple| composite[multiple] = true);
            }
        }
        Self { primes }
    }

    fn odd_numbers(&self, low: u64, len: usize) -> Vec<bool> {
        let mut counted = vec![false; len];
        for p in self.primes[1..].iter().map(|&p| u64::from(p)) {
            let from = low.max((p + 1) * (p + 1) - 1);
            let multiple = (from / p + 1) * p; // the first one above `from`
            let odd = if multiple % 2 == 0 { multiple + p } else { multiple };
            (((odd - low) / 2) as usize..len).step_by(p as usize).for_each(|i| counted[i] = true);
        }
        counted
    }
}

/// Compares all numbers in `[low, low + 2^20)` at a level, by whole batches: a kernel's lists are full then, as they are
/// in large arrays. Each batch is tested in order and scattered, as kernels have a shortcut for a run.
fn assert_segment(level: Level, sieve: &Sieve, low: u64, table: Table) {
    const LEN: usize = 1 << 20;
    let odd = sieve.odd_numbers(low, LEN / 2);
    let expected = |n: i32| if n % 2 == 0 { n >= 10 } else { odd[(n as u64 - low) as usize / 2] };
    for first in (low..).step_by(BATCH).take(LEN / BATCH) {
        let in_order: [i32; BATCH] = std::array::from_fn(|i| (first + i as u64) as i32);
        let scattered: [i32; BATCH] = std::array::from_fn(|i| in_order[i * 389 % BATCH]);
        let wanted = in_order.iter().filter(|&&n| expected(n)).count() as u64;
        for batch in [in_order, scattered] {
            let found = super::count_batch(Isa::at(level), &batch, table).with_small_divisor;
            assert_eq!(found, wanted, "{level}, table to {}, batch from {first}", table.end());
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn every_number_below_2_to_the_24_agrees_with_a_sieve() {
    let sieve = Sieve::new();
    for_each_level(|level| {
        for low in (0..1 << 24).step_by(1 << 20) {
            assert_segment(level, &sieve, low, table::small());
            assert_segment(level, &sieve, low, table::large());
        }
    });
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn sampled_segments_up_to_the_end_of_the_type_agree_with_a_sieve() {
    let sieve = Sieve::new();
    let lows = [
        LARGER_ENDS[1].into(),
        67 << 20,
        511 << 20,
        512 << 20,
        1023 << 20,
        1024 << 20,
        1777 << 20,
        2047 << 20,
    ];
    for_each_level(|level| lows.iter().for_each(|&low| assert_segment(level, &sieve, low, table::small())));
}

/// All 2^31 non-negative numbers, at every level; run by `make test-exhaustive`.
#[test]
#[ignore = "takes minutes"]
fn every_number_agrees_with_a_sieve() {
    let sieve = Sieve::new();
    for_each_level(|level| {
        for low in (0..1 << 31).step_by(1 << 20) {
            assert_segment(level, &sieve, low, table::small());
        }
        println!("{level}: all numbers from 0 to 2^31 - 1 agree with the sieve");
    });
}

/// The committed exceptions are those that a sieve and the Euler test find; run by `make test-exhaustive`.
#[test]
#[ignore = "takes minutes"]
fn the_exceptions_are_complete() {
    let sieve = Sieve::new();
    let mut found = Vec::new();
    for low in (0..1u64 << 31).step_by(1 << 20) {
        let odd = sieve.odd_numbers(low, 1 << 19);
        let counted = (0..1 << 19).filter(|&i| odd[i]).map(|i| low as u32 + 2 * i as u32 + 1);
        found.extend(
            counted.filter(|&n| n >= 4096 && !trial::divides(n) && crate::kernels::arith::euler::passes(n)),
        );
    }
    assert_eq!(found, exceptions::all());
    println!("{} exceptions, as committed", found.len());
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn random_large_numbers_agree_with_division() {
    let mut next = random(20_240_229);
    let range = (1 << 31) - u64::from(LARGER_ENDS[1]);
    let numbers: Vec<i32> =
        (0..100_000).map(|_| (u64::from(LARGER_ENDS[1]) + next() % range) as i32).collect();
    assert_all(&numbers, by_division);
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn the_exceptions_count() {
    let numbers: Vec<i32> = exceptions::all().into_iter().map(|n| n as i32).collect();
    assert_all(&numbers, by_division);
    assert!(numbers.iter().all(|&n| by_division(n)));
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn the_first_million_counts_921295_before_and_after_a_table_is_built() {
    let numbers: Vec<i32> = (0..1_000_000).collect();
    for _ in 0..3 {
        for_each_level(|level| assert_eq!(count_with_small_divisor_at(level, &numbers), 921_295, "{level}"));
    }
    assert_eq!(count_with_small_divisor(&numbers), 921_295);
}

#[test]
#[cfg_attr(miri, ignore = "it takes minutes")]
fn negative_numbers_and_the_smallest_have_none() {
    let numbers: Vec<i32> = (-1000..100).chain(i32::MIN..i32::MIN + 1000).collect();
    assert_all(&numbers, by_division);
    assert!(numbers.iter().filter(|&&n| n < 10).all(|&n| !by_division(n)));
}

/// Lists of every length, up to beyond a batch, of numbers that go each its own way through a kernel.
#[test]
fn every_length_counts_its_own_numbers_only() {
    let kinds =
        [10, -10, 11, 1_048_583, 1_048_585, 2_147_483_647, 2_147_117_569, 2_147_483_645, 1_048_576, 8321];
    let known = [true, false, false, false, true, false, false, true, true, true];
    if !cfg!(miri) {
        assert_eq!(kinds.map(by_division), known); // it takes Miri long
    }
    // Miri takes long for large numbers.
    let kind = |i: usize| (i * i + i / 7) % if cfg!(miri) && i > 40 { 3 } else { kinds.len() };
    let longest = if cfg!(miri) { BATCH + 8 } else { 2100 };
    let numbers: Vec<i32> = (0..longest).map(|i| kinds[kind(i)]).collect();
    let counts = (0..longest).map(|i| u64::from(known[kind(i)]));
    let expected: Vec<u64> = counts
        .scan(0, |sum, count| {
            *sum += count;
            Some(*sum)
        })
        .collect();
    for_each_level(|level| {
        for len in (1..=numbers.len()).step_by(if cfg!(miri) { 1031 } else { 1 }) {
            assert_eq!(
                count_with_small_divisor_at(level, &numbers[..len]),
                expected[len - 1],
                "{level}, {len}"
            );
        }
    });
}

/// The places where the rule differs from "composite", and where a rounded square root would go wrong.
mod near {
    use super::{Isa, Sieve, assert_all, by_division, for_each_level, table};

    fn within_100(centre: i64) -> impl Iterator<Item = i32> {
        (centre - 100..=centre + 100).filter_map(|n| i32::try_from(n).ok())
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn twin_prime_products() {
        let primes = Sieve::new().primes;
        let twins = primes.windows(2).filter(|pair| pair[1] - pair[0] == 2);
        let numbers: Vec<i32> =
            twins.flat_map(|pair| within_100(i64::from(pair[0]) * i64::from(pair[1]))).collect();
        assert_all(&numbers, by_division);
    }

    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn the_end_of_the_type() {
        assert_all(&within_100(i64::from(i32::MAX)).collect::<Vec<_>>(), by_division);
    }

    /// Within 100 of every square.
    #[test]
    #[cfg_attr(miri, ignore = "it takes minutes")]
    fn squares() {
        let sieve = Sieve::new();
        for_each_level(|level| {
            for root in 0..46_341_i64 {
                let low = (root * root - 100).max(0) & !1;
                let odd = sieve.odd_numbers(low as u64, 101);
                let expected = |n: i64| if n % 2 == 0 { n >= 10 } else { odd[((n - low) / 2) as usize] };
                let numbers: Vec<i64> = (low..=(low + 200).min(i32::MAX.into())).collect();
                let wanted = numbers.iter().filter(|&&n| expected(n)).count() as u64;
                let numbers: Vec<i32> = numbers.iter().map(|&n| n as i32).collect();
                let found =
                    super::super::count_batch(Isa::at(level), &numbers, table::small()).with_small_divisor;
                assert_eq!(found, wanted, "{level}, {} numbers from {low}", numbers.len());
            }
        });
    }
}
