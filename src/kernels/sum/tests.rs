use super::{Accumulator, LANES};
use crate::cpu::{Level, for_each_level};
use crate::kernels::arith::random::random;

fn sum(level: Level, parts: &[&[f64]]) -> f64 {
    let mut all = Accumulator::at(level);
    parts.iter().for_each(|part| all.push(part));
    all.finish().value()
}

/// 2^-40. (Not by `powi`, whose precision nobody promises.)
const UNIT: f64 = 1.0 / (1u64 << 40) as f64;

/// The exact sum of integers times 2^-40, rounded once.
fn exact(numbers: &[i64]) -> f64 {
    numbers.iter().map(|&number| i128::from(number)).sum::<i128>() as f64 * UNIT
}

/// Numbers of about 60 bits, of both signs, from a fixed seed.
fn numbers(len: usize) -> Vec<i64> {
    let mut random = random(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        let bits = random();
        // 53 bits, so that each is a double; shifted by up to 7, so that sums round.
        (bits as i64 >> 11) << (bits % 8)
    };
    (0..len).map(|_| next()).collect()
}

#[test]
fn every_length_is_exact_to_the_last_bit_at_every_level() {
    let integers = numbers(4 * LANES * 9);
    let doubles: Vec<f64> = integers.iter().map(|&number| number as f64 * UNIT).collect();
    for_each_level(|level| {
        for len in (0..=doubles.len()).step_by(if cfg!(miri) { 181 } else { 1 }) {
            let expected = exact(&integers[..len]);
            let found = sum(level, &[&doubles[..len]]);
            assert_eq!(found.to_bits(), expected.to_bits(), "{level} {len}");
        }
    });
}

#[test]
fn how_an_array_is_cut_does_not_matter_nor_does_the_level() {
    let doubles: Vec<f64> = numbers(10 * LANES + 5).iter().map(|&n| (n as f64).powi(3)).collect();
    let whole = sum(Level::Scalar, &[&doubles]);
    for_each_level(|level| {
        for cut in (0..=10 * LANES).step_by(LANES) {
            let (head, tail) = doubles.split_at(cut);
            assert_eq!(sum(level, &[head, tail]).to_bits(), whole.to_bits(), "{level} {cut}");
        }
    });
}

#[test]
fn large_numbers_that_cancel_leave_the_small_ones() {
    let small = [1.0, 1e100, 1.0, -1e100];
    let many: Vec<f64> = [1.0, 1e20, 1.0, -1e20].into_iter().cycle().take(4 * 1000).collect();
    for_each_level(|level| {
        assert_eq!(sum(level, &[&small]), 2.0);
        assert_eq!(sum(level, &[&many]), 2000.0);
    });
}

#[test]
fn what_is_not_finite_follows_ieee() {
    for_each_level(|level| {
        for index in [0, 1, LANES - 1, LANES, 3 * LANES + 3] {
            let mut numbers = vec![1.0; 4 * LANES];
            numbers[index] = f64::INFINITY;
            assert_eq!(sum(level, &[&numbers]), f64::INFINITY);
            numbers[(index + 7) % (4 * LANES)] = f64::NEG_INFINITY;
            assert!(sum(level, &[&numbers]).is_nan());
            numbers[index] = f64::NAN;
            assert!(sum(level, &[&numbers]).is_nan());
        }
        assert_eq!(sum(level, &[&[f64::MAX; 3 * LANES]]), f64::INFINITY);
        assert_eq!(sum(level, &[]), 0.0);
        // The correction overflows, the sum does not.
        let found = sum(level, &[&[-2.9937604643020797e292, f64::MAX]]);
        assert!((found / 1.7976931348623155e308 - 1.0).abs() < 1e-15, "{found}");
    });
}
