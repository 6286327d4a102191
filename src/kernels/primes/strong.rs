//! The strong test to base 2: for a prime n with n - 1 = d * 2^s and d odd, 2^d is 1 modulo n, or -1 is among
//! 2^d, 2^(2d), 2^(4d), ... 2^((n-1)/2). (Pomerance, Selfridge and Wagstaff, "The pseudoprimes to 25 * 10^9",
//! Mathematics of Computation 35, 1980.)
//!
//! The base and R are powers of two: a Montgomery step that takes 2^y to 2^(2y + bit) squares and doubles. Steps
//! through the bits of -(n-1), in two's complement and from the top, take y to -(n-1) >> j, where j bits are left. As
//! y < 0, the first few bits make up a start that is a power of two below R, and needs no division by n. For j <= s
//! the shift is exact, and 2^y is 1 or -1 if its inverse is.

use super::lanes::{self, Lanes, Residues};
use super::stages::Test;

/// Cost: as many steps as n has bits.
///
/// Where n - 1 is d * 2^s with d <= 32, the start may take more bits than d has. Then the first power that is looked
/// at is of an even multiple of d, and n passes if it is 1. A test goes through all these numbers.
pub(super) struct Strong;

impl Test for Strong {
    #[inline(always)]
    unsafe fn passes<F: Residues, const GROUPS: usize>(numbers: [F::Lanes; GROUPS]) -> [u8; GROUPS] {
        // SAFETY: the caller vouches for the CPU.
        unsafe {
            let mut powers = Powers::<F, GROUPS>::new(numbers);
            let (longest, shortest) = lanes::lengths(&powers.bits);
            let (first, joined) = (longest - F::TOP, shortest - F::TOP);
            let zeros = lanes::most_trailing_zeros(&powers.exponents);
            if zeros >= first {
                powers.check(first, true);
            }
            for i in (1..first).rev() {
                powers.step(i, i >= joined);
                if i <= zeros {
                    powers.check(i, false);
                }
            }
            powers.passed
        }
    }
}

struct Powers<F: Residues, const GROUPS: usize> {
    /// n - 1.
    exponents: [F::Lanes; GROUPS],
    /// n - 2: the complement of the bits of -(n-1).
    bits: [F::Lanes; GROUPS],
    moduli: [F::Modulus; GROUPS],
    powers: [F; GROUPS],
    passed: [u8; GROUPS],
}

impl<F: Residues, const GROUPS: usize> Powers<F, GROUPS> {
    /// # Safety
    /// The CPU has the features of `F`, here and below.
    #[inline(always)]
    unsafe fn new(numbers: [F::Lanes; GROUPS]) -> Self {
        // SAFETY: the caller vouches for the CPU, here and below.
        unsafe {
            let bits = numbers.map(|n| n.sub(F::Lanes::splat(2)));
            Self {
                exponents: numbers.map(|n| n.sub(F::Lanes::splat(1))),
                bits,
                moduli: numbers.map(|n| F::modulus(n)),
                powers: bits.map(|bits| F::start(bits)),
                passed: [0; GROUPS],
            }
        }
    }

    /// A step by bit `i`; lanes that start below it wait, if there are any.
    #[inline(always)]
    unsafe fn step(&mut self, i: u32, some_wait: bool) {
        for g in 0..GROUPS {
            // SAFETY: as above.
            unsafe {
                let bit = self.bits[g].without(1 << i);
                let next = self.powers[g].square_and_double(bit, &self.moduli[g]);
                self.powers[g] = if some_wait {
                    next.select(self.bits[g].below(1 << (F::TOP + i)), self.powers[g])
                } else {
                    next
                };
            }
        }
    }

    /// Looks at 2^((n-1) >> j) where the shift is exact: it may be -1, and if it is the `first` or j = s, also 1.
    #[inline(always)]
    unsafe fn check(&mut self, j: u32, first: bool) {
        for g in 0..GROUPS {
            // SAFETY: as above.
            unsafe {
                let exact = self.exponents[g].without((1 << j) - 1);
                let last = if first { exact } else { exact & !self.exponents[g].without(1 << j) };
                let negated = self.powers[g].negated(&self.moduli[g]);
                let minus_one = negated.equal(F::Lanes::splat(1));
                let one = negated.equal(self.exponents[g]);
                self.passed[g] |= exact & minus_one | last & one;
            }
        }
    }
}
