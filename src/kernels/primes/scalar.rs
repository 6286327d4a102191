//! One number a lane, one lane a vector: where several go side by side, one's products are computed while another
//! waits for its own. R = 2^64, and residues are below n.

use super::lanes::{Lanes, Residues};
use super::trial::Divisor;
use super::{stages, trial};
use crate::kernels::divisors::inverse;

/// Numbers to test side by side.
pub(super) const GROUPS: usize = 4;

impl Lanes for u64 {
    type Divisors = Divisor;

    const WIDTH: usize = 1;
    const FIRST: &'static [Divisor] = &trial::divisors::<5>(2);
    const SECOND: &'static [Divisor] = &trial::divisors::<12>(13);
    const THIRD: &'static [Divisor] = &trial::divisors::<28>(59);

    #[inline(always)]
    unsafe fn splat(value: u64) -> Self {
        value
    }

    #[inline(always)]
    unsafe fn load(from: *const u64) -> Self {
        // SAFETY: the caller vouches for the pointer.
        unsafe { *from }
    }

    #[inline(always)]
    unsafe fn compress(self, _: u8, to: *mut u64) {
        // SAFETY: the caller vouches for the pointer. Whether the number stays is for the list's length to say.
        unsafe { *to = self }
    }

    #[inline(always)]
    unsafe fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    unsafe fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline(always)]
    unsafe fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    unsafe fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    unsafe fn half(self) -> Self {
        self / 2
    }

    #[inline(always)]
    unsafe fn add_modulo(self, other: Self, n: Self) -> Self {
        subtract(self, n - other, n)
    }

    #[inline(always)]
    unsafe fn zero_in(self, mask: u8) -> Self {
        self & !spread(mask)
    }

    #[inline(always)]
    unsafe fn max(self, other: Self) -> Self {
        Ord::max(self, other)
    }

    #[inline(always)]
    unsafe fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    #[inline(always)]
    unsafe fn largest(self) -> u64 {
        self
    }

    #[inline(always)]
    unsafe fn smallest(self) -> u64 {
        self
    }

    #[inline(always)]
    unsafe fn equal(self, other: Self) -> u8 {
        (self == other).into()
    }

    #[inline(always)]
    unsafe fn below(self, limit: u64) -> u8 {
        (self < limit).into()
    }

    #[inline(always)]
    unsafe fn without(self, bits: u64) -> u8 {
        (self & bits == 0).into()
    }

    #[inline(always)]
    unsafe fn indivisible(self, by: &[Divisor]) -> u8 {
        // Not `all`: a jump that is hard to predict would cost more than the products.
        by.iter().fold(1, |open, by| open & u8::from(self.wrapping_mul(by.inverse) > by.limit))
    }
}

#[derive(Clone, Copy)]
pub(super) struct Residue(u64);

#[derive(Clone, Copy)]
pub(super) struct Modulus {
    n: u64,
    inverse: u64,
}

/// All bits of the lane, or none.
#[inline(always)]
fn spread(mask: u8) -> u64 {
    u64::from(mask & 1).wrapping_neg()
}

/// a - b modulo n: for a < n and b <= n.
#[inline(always)]
fn subtract(a: u64, b: u64, n: u64) -> u64 {
    let (difference, borrow) = a.overflowing_sub(b);
    difference.wrapping_add(n & spread(borrow.into()))
}

/// a * b / R modulo n, for a * b < n * R: what is left of a * b less the multiple of n with the same low half.
#[inline(always)]
fn multiply(a: u64, b: u64, modulus: &Modulus) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let m = (product as u64).wrapping_mul(modulus.inverse);
    let multiple = u128::from(m) * u128::from(modulus.n);
    subtract((product >> 64) as u64, (multiple >> 64) as u64, modulus.n)
}

impl Residues for Residue {
    type Lanes = u64;
    type Modulus = Modulus;
    type Constant = u64;

    const LOG_R: u32 = 64;

    /// 6 bits make a start of at most 2^31: it need not be below n, as its square is below R.
    const TOP: u32 = 6;

    #[inline(always)]
    unsafe fn modulus(n: u64) -> Modulus {
        Modulus { n, inverse: inverse(n) }
    }

    #[inline(always)]
    unsafe fn start(exponent: u64) -> Self {
        let top = exponent << exponent.leading_zeros() >> (64 - Self::TOP);
        Self(1 << (63 - top))
    }

    #[inline(always)]
    unsafe fn from_lanes(form: u64) -> Self {
        Self(form)
    }

    #[inline(always)]
    unsafe fn constant(form: u64, _: &Modulus) -> u64 {
        form
    }

    #[inline(always)]
    unsafe fn square_and_double(self, mask: u8, modulus: &Modulus) -> Self {
        let square = multiply(self.0, self.0, modulus);
        Self(subtract(square, modulus.n - (square & spread(mask)), modulus.n))
    }

    #[inline(always)]
    unsafe fn multiply_and_subtract(self, other: Self, constant: &u64, modulus: &Modulus) -> Self {
        Self(subtract(multiply(self.0, other.0, modulus), *constant, modulus.n))
    }

    #[inline(always)]
    unsafe fn square_and_subtract(self, constant: &u64, modulus: &Modulus) -> Self {
        Self(subtract(multiply(self.0, self.0, modulus), *constant, modulus.n))
    }

    #[inline(always)]
    unsafe fn select(self, mask: u8, other: Self) -> Self {
        Self(self.0 ^ (self.0 ^ other.0) & spread(mask))
    }

    #[inline(always)]
    unsafe fn negated(self, modulus: &Modulus) -> u64 {
        let m = self.0.wrapping_mul(modulus.inverse);
        ((u128::from(m) * u128::from(modulus.n)) >> 64) as u64
    }
}

#[inline(always)]
pub(super) fn is_prime_u64_scalar(numbers: &[u64], out: &mut [u8]) {
    // SAFETY: these lanes ask nothing of the CPU.
    unsafe { stages::is_prime::<u64, Residue, Residue, 0, GROUPS, GROUPS>(numbers, out) }
}
