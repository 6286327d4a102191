//! The strong test to base 2: for a prime n with n - 1 = d * 2^s and d odd, 2^d is 1 modulo n, or -1 is among
//! 2^d, 2^(2d), 2^(4d), ... 2^((n-1)/2). (Pomerance, Selfridge and Wagstaff, "The pseudoprimes to 25 * 10^9",
//! Mathematics of Computation 35, 1980.)
//!
//! The base and R are powers of two: a Montgomery step that takes 2^y to 2^(2y + bit) squares and doubles. Steps
//! through the bits of -(n-1), in two's complement and from the top, take y to -(n-1) >> j, where j bits are left. As
//! y < 0, the first few bits make up a start that is a power of two below R, and needs no division by n. For j <= s
//! the shift is exact, and 2^y is 1 or -1 if its inverse is. (A step may as well halve the square by the bits of n - 1:
//! then y is minus what n - 1 has in its first bits, which is the same where the shift is exact.)

use std::ops::Range;

use super::primality_test::PrimalityTest;
use crate::kernels::arith::montgomery::Montgomery;
use crate::kernels::arith::u64_vector::{self, U64Vector};

/// Cost: as many steps as n has bits.
///
/// Where n - 1 is d * 2^s with d <= 32, the start may take more bits than d has. Then the first power that is looked
/// at is of an even multiple of d, and n passes if it is 1. A test goes through all these numbers.
pub(super) struct Strong;

impl PrimalityTest for Strong {
    #[inline(always)]
    fn passes<M: Montgomery, const GROUPS: usize>(numbers: [M::Vector; GROUPS]) -> [u8; GROUPS] {
        // Loops, not `map`: closures that are not inlined have none of the CPU's features.
        let mut powers = [Power::<M>::new(numbers[0]); GROUPS];
        let (mut bits, mut exponents) = (numbers, numbers);
        for g in 0..GROUPS {
            if g > 0 {
                powers[g] = Power::new(numbers[g]);
            }
            (bits[g], exponents[g]) = (powers[g].bits, powers[g].exponent);
        }
        let (longest, shortest) = u64_vector::bit_lengths(&bits);
        let (first, joined) = (longest - M::TOP, shortest - M::TOP);
        let zeros = u64_vector::most_trailing_zeros(&exponents);
        if zeros >= first {
            for power in &mut powers {
                power.check(first, true);
            }
        }
        walk(&mut powers, joined..first, true, zeros);
        let left = walk_windows(&mut powers, joined, zeros);
        walk(&mut powers, 1..left, false, zeros);
        let mut passed = [0; GROUPS];
        for (passed, power) in passed.iter_mut().zip(&powers) {
            *passed = power.passed;
        }
        passed
    }
}

/// Steps by a range of bits, from the top. Powers are looked at where at most `zeros` bits are left.
#[inline(always)]
fn walk<M: Montgomery>(powers: &mut [Power<M>], bits: Range<u32>, some_wait: bool, zeros: u32) {
    for i in bits.rev() {
        for power in &mut *powers {
            power.step(i, some_wait);
        }
        if i <= zeros {
            for power in &mut *powers {
                power.check(i, false);
            }
        }
    }
}

/// Takes windows of bits below bit `end`, as long as more than `zeros` bits are left. Returns how many are.
#[inline(always)]
fn walk_windows<M: Montgomery>(powers: &mut [Power<M>], end: u32, zeros: u32) -> u32 {
    let mut left = end;
    while M::WINDOW > 0 && left > zeros + M::WINDOW {
        for _ in 0..M::WINDOW {
            for power in &mut *powers {
                power.power = power.power.square(&power.modulus);
            }
        }
        left -= M::WINDOW;
        for power in &mut *powers {
            power.power = power.power.divide_by_power(power.bits, left, &power.modulus);
        }
    }
    left
}

/// 2^y, where y is made up of the bits of -(n-1) so far.
#[derive(Clone, Copy)]
struct Power<M: Montgomery> {
    /// n - 1.
    exponent: M::Vector,
    /// The number whose bits steps go through: n - 2, the complement of the bits of -(n-1); or n - 1, if steps halve.
    bits: M::Vector,
    modulus: M::Modulus,
    power: M,
    passed: u8,
}

impl<M: Montgomery> Power<M> {
    #[inline(always)]
    fn new(n: M::Vector) -> Self {
        let bits = n.sub(M::Vector::splat(n.isa(), if M::HALVES { 1 } else { 2 }));
        Self {
            exponent: n.sub(M::Vector::splat(n.isa(), 1)),
            bits,
            modulus: M::modulus(n),
            power: M::power_from_leading_bits(bits),
            passed: 0,
        }
    }

    /// A step by bit `i`; if `some_wait`, lanes that start at a lower bit stay as they are.
    #[inline(always)]
    fn step(&mut self, i: u32, some_wait: bool) {
        let next = self.power.square_and_shift(self.bits.choose_none_of(1 << i), &self.modulus);
        self.power =
            if some_wait { next.select(self.bits.choose_below(1 << (M::TOP + i)), self.power) } else { next };
    }

    /// Looks at 2^((n-1) >> j) where the shift is exact: it may be -1, and if it is the `first` or j = s, also 1.
    #[inline(always)]
    fn check(&mut self, j: u32, first: bool) {
        let exact = self.exponent.has_none_of((1 << j) - 1);
        let last = if first { exact } else { exact & !self.exponent.has_none_of(1 << j) };
        let negated = self.power.negated(&self.modulus);
        let minus_one = negated.equal(M::Vector::splat(self.exponent.isa(), 1));
        let one = negated.equal(self.exponent);
        self.passed |= exact & minus_one | last & one;
    }
}
