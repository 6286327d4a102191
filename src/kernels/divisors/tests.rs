use super::count_with_small_divisor;

fn has_small_divisor(n: i32) -> bool {
    count_with_small_divisor(&[n]) == 1
}

/// The rule to the letter.
fn by_division(n: i32) -> bool {
    n >= 0 && (2..f64::from(n).sqrt().floor() as i32).any(|d| n % d == 0)
}

/// The least prime factor of every number below `end` (0 for 0 and 1): a sieve that shares nothing with the kernels.
fn least_factors(end: usize) -> Vec<u32> {
    let mut factors = vec![0; end];
    for p in 2..end {
        if factors[p] == 0 {
            for multiple in (p..end).step_by(p) {
                if factors[multiple] == 0 {
                    factors[multiple] = p as u32;
                }
            }
        }
    }
    factors
}

fn assert_rule(n: i64) {
    if let Ok(n) = i32::try_from(n) {
        assert_eq!(has_small_divisor(n), by_division(n), "n = {n}");
    }
}

/// xorshift64*, seeded: the tests draw the same numbers every time.
fn random(seed: u64) -> impl FnMut() -> u64 {
    let mut state = seed;
    move || {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }
}

#[test]
fn every_number_below_2_to_the_24_agrees_with_a_sieve_of_least_factors() {
    const END: usize = 1 << 24;
    let factors = least_factors(END);
    for (n, &p) in factors.iter().enumerate() {
        let expected = n > 1 && (p as usize) < n.isqrt();
        assert_eq!(has_small_divisor(n as i32), expected, "n = {n}");
    }
}

#[test]
fn random_large_numbers_agree_with_division() {
    let mut next = random(20_240_229);
    for _ in 0..100_000 {
        assert_rule((1 << 24) + (next() % ((1 << 31) - (1 << 24))) as i64);
    }
}

#[test]
fn the_first_million_counts_921295() {
    let numbers: Vec<i32> = (0..1_000_000).collect();
    assert_eq!(count_with_small_divisor(&numbers), 921_295);
}

#[test]
fn negative_numbers_and_the_smallest_have_none() {
    let numbers: Vec<i32> = (-1000..9).chain([i32::MIN, i32::MIN + 1]).collect();
    assert_eq!(count_with_small_divisor(&numbers), 0);
    assert!(has_small_divisor(10));
}

#[test]
fn every_length_and_offset_counts_its_own_numbers_only() {
    let numbers: Vec<i32> = (0..300).map(|i| if i % 2 == 0 { 10 } else { 11 }).collect();
    for from in 0..70 {
        for to in from..from + 200 {
            let expected = (from..to).filter(|i| i % 2 == 0).count() as u64;
            assert_eq!(count_with_small_divisor(&numbers[from..to]), expected, "[{from}, {to})");
        }
    }
}

/// The places where the rule differs from "composite", and where a rounded square root would go wrong.
mod near {
    use super::{assert_rule, by_division, count_with_small_divisor, least_factors};

    const ROOT_END: usize = 46_341; // floor(sqrt(2^31 - 1)) + 1

    fn assert_all_within_100(centre: i64) {
        for n in centre - 100..=centre + 100 {
            assert_rule(n);
        }
    }

    fn primes() -> Vec<i64> {
        let factors = least_factors(ROOT_END + 2);
        (2..factors.len()).filter(|&n| factors[n] as usize == n).map(|p| p as i64).collect()
    }

    #[test]
    fn twin_prime_products() {
        let primes = primes();
        for pair in primes.windows(2).filter(|pair| pair[1] - pair[0] == 2) {
            assert_all_within_100(pair[0] * pair[1]);
        }
    }

    #[test]
    fn the_end_of_the_type() {
        assert_all_within_100(i64::from(i32::MAX));
    }

    /// Within 100 of *every* square: a segmented division by the primes gives each neighbourhood's least factors.
    #[test]
    fn squares() {
        let primes = primes();
        for root in 0..ROOT_END as i64 {
            let (low, high) = ((root * root - 100).max(0), (root * root + 100).min(i64::from(i32::MAX)));
            let mut composite = [false; 201];
            for &p in primes.iter().take_while(|&&p| p * p <= high) {
                for multiple in (low.div_euclid(p) * p..=high).step_by(p as usize) {
                    // p counts for this number if it is below its root: p + 1 <= floor(sqrt(n)).
                    if multiple >= low && multiple >= (p + 1) * (p + 1) {
                        composite[(multiple - low) as usize] = true;
                    }
                }
            }
            let numbers: Vec<i32> = (low..=high).map(|n| n as i32).collect();
            for (&n, &expected) in numbers.iter().zip(&composite) {
                assert_eq!(count_with_small_divisor(&[n]) == 1, expected, "n = {n}");
            }
            if root % 997 == 0 {
                numbers.iter().zip(&composite).for_each(|(&n, &c)| assert_eq!(by_division(n), c));
            }
        }
    }
}
