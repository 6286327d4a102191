//! Vectors against single numbers, and residues against remainders of 128-bit numbers.

use std::array;

use super::inverse::inverse;
use super::mont64::Mont64;
use super::montgomery::Montgomery;
use super::random::random;
use super::u64_vector::{MAX_WIDTH, U64Vector};
use crate::cpu::{Isa, Scalar, for_each_level};

const ROUNDS: usize = if cfg!(miri) { 3 } else { 1000 };

type Lanes = [u64; MAX_WIDTH];

fn load<V: U64Vector>(isa: V::Isa, lanes: Lanes) -> V {
    // SAFETY: the array is at least as long as a vector.
    unsafe { V::load(isa, lanes.as_ptr()) }
}

fn lanes_in<V: U64Vector>(mask: u8, vector: V) -> Vec<u64> {
    let mut lanes = [0; MAX_WIDTH];
    // SAFETY: the array is at least as long as a vector.
    unsafe { vector.compress(mask, lanes.as_mut_ptr()) };
    lanes[..V::WIDTH.min(mask.count_ones() as usize)].to_vec()
}

#[test]
fn inverses_are_inverses() {
    let mut next = random(1);
    for n in (0..ROUNDS).map(|_| next() | 1).chain([1, 3, u64::MAX]) {
        assert_eq!(inverse(n).wrapping_mul(n), 1, "n = {n}");
    }
}

/// The operations of vectors against those of their lanes.
fn assert_lanes<V: U64Vector>(isa: V::Isa) {
    let mut next = random(2);
    for _ in 0..ROUNDS {
        let n: Lanes = array::from_fn(|_| next() >> (next() % 64) | 1);
        let [a, b]: [Lanes; 2] = array::from_fn(|_| n.map(|n| next() % n));
        let (limit, mask) = (next() >> (next() % 64), next() as u8);
        let [x, y, z] = [a, b, n].map(|lanes| load::<V>(isa, lanes));
        let by_lane = |op: &dyn Fn(u64, u64, u64) -> u64| -> Vec<u64> {
            (0..V::WIDTH).map(|i| op(a[i], b[i], n[i])).collect()
        };
        let mask_by_lane = |op: &dyn Fn(u64, u64) -> bool| -> u8 {
            (0..V::WIDTH).map(|i| u8::from(op(a[i], b[i])) << i).sum()
        };
        let all = |vector: V| lanes_in(!0, vector);
        assert_eq!(all(x), by_lane(&|a, _, _| a));
        assert_eq!(all(V::splat(isa, limit)), by_lane(&|_, _, _| limit));
        assert_eq!(all(x.add(y)), by_lane(&|a, b, _| a.wrapping_add(b)));
        assert_eq!(all(x.sub(y)), by_lane(&|a, b, _| a.wrapping_sub(b)));
        assert_eq!(all(x.xor(y)), by_lane(&|a, b, _| a ^ b));
        assert_eq!(all(x.and(y)), by_lane(&|a, b, _| a & b));
        assert_eq!(all(x.max(y)), by_lane(&|a, b, _| Ord::max(a, b)));
        assert_eq!(all(x.min(y)), by_lane(&|a, b, _| Ord::min(a, b)));
        assert_eq!(all(x.half()), by_lane(&|a, _, _| a >> 1));
        let sum = |a, b, n| ((u128::from(a) + u128::from(b)) % u128::from(n)) as u64;
        assert_eq!(all(x.add_modulo(y, z)), by_lane(&|a: u64, b: u64, n: u64| sum(a, b, n)));
        assert_eq!(all(x.zero_in(x.choose_below(limit))), by_lane(&|a, _, _| if a < limit { 0 } else { a }));
        let kept = by_lane(&|a, b, _| if b & limit == 0 { 0 } else { a });
        assert_eq!(all(x.zero_in(y.choose_none_of(limit))), kept);
        assert_eq!(x.largest(), *a[..V::WIDTH].iter().max().unwrap());
        assert_eq!(x.smallest(), *a[..V::WIDTH].iter().min().unwrap());
        assert_eq!(x.equal(y), mask_by_lane(&|a, b| a == b));
        assert_eq!(x.below(limit), mask_by_lane(&|a, _| a < limit));
        assert_eq!(x.has_none_of(limit), mask_by_lane(&|a, _| a & limit == 0));
        let compressed: Vec<u64> = (0..V::WIDTH).filter(|i| mask >> i & 1 == 1).map(|i| a[i]).collect();
        assert_eq!(lanes_in(mask & ((1u32 << V::WIDTH) - 1) as u8, x), compressed);
    }
}

/// Odd numbers of 15 bits and more, and three residues of each; or numbers next to the largest, with two large residues.
fn numbers_and_residues(next: &mut impl FnMut() -> u64, largest: u64, are_large: bool) -> [Lanes; 4] {
    let n: Lanes = array::from_fn(|_| {
        let bits = 15 + (next() % u64::from(largest.ilog2() - 13)) as u32;
        let n = if are_large { largest - next() % 100 } else { (next() | 1 << 63) >> (64 - bits) };
        (Ord::min(n, largest) - 1) | 1
    });
    let [a, b, c] =
        [0, 1, 2].map(|i| n.map(|n| if are_large && i < 2 { n - 1 - next() % 100 } else { next() % n }));
    [n, a, b, c]
}

/// Residues modulo random odd numbers of 15 bits and more against remainders; in some rounds, large residues modulo
/// numbers up to the largest.
fn assert_residues<M: Montgomery>(isa: <M::Vector as U64Vector>::Isa, largest: u64) {
    let mut next = random(3);
    for round in 0..ROUNDS {
        let [n, a, b, c] = numbers_and_residues(&mut next, largest, round % 4 == 0);
        let double = |x: u64, n: u64| (u128::from(x) * 2 % u128::from(n)) as u64;
        let form = |residues: Lanes| -> M::Vector {
            load(isa, array::from_fn(|i| (0..M::LOG_R).fold(residues[i], |x, _| double(x, n[i]))))
        };
        let modulus = M::modulus(load(isa, n));
        let (x, y) = (M::from_montgomery(form(a)), M::from_montgomery(form(b)));
        let constant = M::constant(form(c), &modulus);
        let assert_is = |found: M, expected: &dyn Fn(u128, u128, u128, u128) -> u128| {
            for (i, negated) in lanes_in(!0, found.negated(&modulus)).into_iter().enumerate() {
                let [n, a, b, c] = [n[i], a[i], b[i], c[i]].map(u128::from);
                assert!(u128::from(negated) < n);
                assert_eq!((u128::from(negated) + expected(a, b, c, n)) % n, 0, "n = {n}, a = {a}, b = {b}");
            }
        };
        assert_is(x, &|a, _, _, _| a);
        let [none, all] = [1, 0].map(|lanes| M::Vector::splat(isa, lanes).choose_none_of(1));
        assert_is(x.select(none, y), &|a, _, _, _| a);
        assert_is(x.select(all, y), &|_, b, _, _| b);
        let half = |x: u128, n: u128| if x % 2 == 0 { x / 2 } else { (x + n) / 2 };
        let set = |x, n| if M::HALVES { half(x, n) } else { x };
        let unset = |x| if M::HALVES { x } else { x * 2 };
        assert_is(x.square_and_shift(none, &modulus), &|a, _, _, n| set(a * a % n, n));
        assert_is(x.square_and_shift(all, &modulus), &|a, _, _, n| unset(a * a % n));
        if M::WINDOW > 0 {
            assert_is(x.square(&modulus), &|a, _, _, n| a * a % n);
            let i = next() as u32 % (64 - M::WINDOW);
            let divided =
                |a, bits: u128, n| (0..bits >> i & ((1 << M::WINDOW) - 1)).fold(a, |a, _| half(a, n));
            assert_is(x.divide_by_power(load(isa, b), i, &modulus), &|a, b, _, n| divided(a, b, n));
        }
        assert_is(x.square_and_subtract(&constant, &modulus), &|a, _, c, n| a * a % n + n - c);
        assert_is(x.multiply_and_subtract(y, &constant, &modulus), &|a, b, c, n| a * b % n + n - c);
    }
}

#[test]
fn vectors_do_in_each_lane_what_single_numbers_do() {
    for_each_level(|level| match Isa::at(level) {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => assert_lanes::<super::u64x8::U64x8>(isa),
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => assert_lanes::<super::u64x8_avx2::U64x8Avx2>(isa),
        _ => assert_lanes::<u64>(Scalar),
    });
}

#[test]
fn residues_agree_with_remainders() {
    for_each_level(|level| match Isa::at(level) {
        #[cfg(target_arch = "x86_64")]
        Isa::Avx512(isa) => {
            assert_residues::<super::mont52::Mont52>(isa, (1 << super::mont52::BITS) - 1);
            assert_residues::<super::mont104::Mont104>(isa, u64::MAX);
        }
        #[cfg(target_arch = "x86_64")]
        Isa::Avx2(isa) => assert_residues::<super::mont64_avx2::Mont64Avx2>(isa, super::mont64_avx2::END - 1),
        _ => assert_residues::<Mont64>(Scalar, u64::MAX),
    });
}
