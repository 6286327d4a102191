//! The extra strong Lucas test: let U and V be the Lucas sequences of P and Q = 1, where P is such that the Jacobi
//! symbol (P^2 - 4 / n) is -1. For a prime n with n + 1 = d * 2^s and d odd, U_d is 0 modulo n and V_d is 2 or -2, or 0
//! is among V_d, V_2d, V_4d, ... V_((n+1)/4). (Grantham, "Frobenius pseudoprimes", Mathematics of Computation 70,
//! 2001; the choice of P is in `parameter`.)
//!
//! V alone is computed, by V_2k = V_k^2 - 2 and V_(2k+1) = V_k * V_(k+1) - P, through the bits of n + 1 from the top.
//! Where V_d is 2 or -2, U_d is 0 if and only if V_(d+1) is P or -P, by 2 V_(d+1) = P V_d + (P^2 - 4) U_d.

use super::parameter;
use super::primality_test::PrimalityTest;
use crate::kernels::arith::montgomery::Montgomery;
use crate::kernels::arith::u64_vector::{self, MAX_WIDTH, U64Vector};

/// Cost: twice as many products as n has bits.
pub(super) struct Lucas;

impl PrimalityTest for Lucas {
    #[inline(always)]
    fn passes<M: Montgomery, const GROUPS: usize>(numbers: [M::Vector; GROUPS]) -> [u8; GROUPS] {
        // Loops, not `map`: closures that are not inlined have none of the CPU's features.
        let (mut ladders, mut indices) = ([Ladder::<M>::new(numbers[0]); GROUPS], numbers);
        for g in 0..GROUPS {
            if g > 0 {
                ladders[g] = Ladder::new(numbers[g]);
            }
            indices[g] = ladders[g].index;
        }
        let zeros = u64_vector::most_trailing_zeros(&indices);
        // A shorter index has zeros before its first bit: V_0 and V_1 stay until then.
        for i in (1..u64_vector::bit_lengths(&indices).0).rev() {
            for ladder in &mut ladders {
                ladder.step(i);
            }
            if i <= zeros {
                for ladder in &mut ladders {
                    ladder.check(i);
                }
            }
        }
        let mut passed = [0; GROUPS];
        for (passed, ladder) in passed.iter_mut().zip(&ladders) {
            *passed = ladder.passed & ladder.with_parameter;
        }
        passed
    }
}

/// V_k and V_(k+1), where k is made up of the bits of n + 1 so far.
#[derive(Clone, Copy)]
struct Ladder<M: Montgomery> {
    n: M::Vector,
    modulus: M::Modulus,
    p: M::Vector,
    minus_two: M::Constant,
    minus_p: M::Constant,
    /// n + 1.
    index: M::Vector,
    /// The bits of n + 1 that differ from the one before.
    changes: M::Vector,
    /// V_k if the last bit was 0, else V_(k+1): the one that the next step squares, too, if its bit is the same.
    squared: M,
    other: M,
    /// The lanes that have a parameter.
    with_parameter: u8,
    passed: u8,
}

impl<M: Montgomery> Ladder<M> {
    #[inline(always)]
    fn new(n: M::Vector) -> Self {
        let isa = n.isa();
        let (mut numbers, mut parameters) = ([0; MAX_WIDTH], [3; MAX_WIDTH]);
        let mut with_parameter = 0;
        // SAFETY: the array is at least as long as a vector.
        unsafe { n.compress(!0, numbers.as_mut_ptr()) };
        for lane in 0..M::Vector::WIDTH {
            if let Some(found) = parameter::find(numbers[lane]) {
                with_parameter |= 1 << lane;
                parameters[lane] = found;
            }
        }
        // SAFETY: the array is at least as long as a vector.
        let p = unsafe { M::Vector::load(isa, parameters.as_ptr()) };
        let modulus = M::modulus(n);
        let (two_form, p_form) = forms::<M>(n, p);
        let index = n.add(M::Vector::splat(isa, 1));
        Self {
            n,
            modulus,
            p,
            minus_two: M::constant(two_form, &modulus),
            minus_p: M::constant(p_form, &modulus),
            index,
            changes: index.xor(index.half()),
            squared: M::from_montgomery(two_form),
            other: M::from_montgomery(p_form),
            with_parameter,
            passed: 0,
        }
    }

    /// A step by bit `i`.
    #[inline(always)]
    fn step(&mut self, i: u32) {
        let same = self.changes.choose_none_of(1 << i);
        let squared = self.other.select(same, self.squared);
        let other = self.squared.select(same, self.other);
        self.squared = squared.square_and_subtract(&self.minus_two, &self.modulus);
        self.other = squared.multiply_and_subtract(other, &self.minus_p, &self.modulus);
    }

    /// Looks at V_k for k = (n+1) >> j where the shift is exact.
    #[inline(always)]
    fn check(&mut self, j: u32) {
        let exact = self.index.has_none_of((1 << j) - 1);
        let even = self.index.has_none_of(1 << j);
        let squared = self.squared.negated(&self.modulus);
        let other = self.other.negated(&self.modulus);
        // Where k is odd, it is d: V_d is the other one, and V_(d+1) was squared.
        let two = M::Vector::splat(self.n.isa(), 2);
        let plus = other.equal(self.n.sub(two)) & squared.equal(self.n.sub(self.p));
        let minus = other.equal(two) & squared.equal(self.p);
        self.passed |= exact & !even & (plus | minus);
        if j >= 2 {
            let zero = M::Vector::splat(self.n.isa(), 0);
            self.passed |= exact & (even & squared.equal(zero) | !even & other.equal(zero));
        }
    }
}

/// 2 and p in Montgomery form: twice and p times R modulo n, by doubling from a power of two below n on.
#[inline(always)]
fn forms<M: Montgomery>(n: M::Vector, p: M::Vector) -> (M::Vector, M::Vector) {
    let below = n.smallest().ilog2();
    let mut one = M::Vector::splat(n.isa(), 1 << below);
    for _ in below..M::LOG_R {
        one = one.add_modulo(one, n);
    }
    let mut p_form = M::Vector::splat(n.isa(), 0);
    for i in (0..=p.largest().ilog2()).rev() {
        p_form = p_form.add_modulo(p_form, n);
        p_form = p_form.add_modulo(one.zero_in(p.choose_none_of(1 << i)), n);
    }
    (one.add_modulo(one, n), p_form)
}
