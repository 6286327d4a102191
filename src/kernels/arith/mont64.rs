//! One residue modulo an odd number of up to 64 bits: R = 2^64, and residues are below n.

use super::inverse::inverse;
use super::montgomery::Montgomery;
use super::u64_vector::spread;

/// A residue in Montgomery form.
#[derive(Clone, Copy)]
pub(in crate::kernels) struct Mont64(u64);

#[derive(Clone, Copy)]
pub(in crate::kernels) struct Modulus64 {
    n: u64,
    inverse: u64,
}

/// a - b modulo n, for a < n and b <= n.
#[inline(always)]
fn subtract(a: u64, b: u64, n: u64) -> u64 {
    let (difference, borrow) = a.overflowing_sub(b);
    difference.wrapping_add(n & spread(borrow.into()))
}

/// a * b / R modulo n, for a * b < n * R: the high half of a * b, less that of the multiple of n with the same low
/// half.
#[inline(always)]
fn multiply(a: u64, b: u64, modulus: &Modulus64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    let m = (product as u64).wrapping_mul(modulus.inverse);
    let multiple = u128::from(m) * u128::from(modulus.n);
    subtract((product >> 64) as u64, (multiple >> 64) as u64, modulus.n)
}

impl Montgomery for Mont64 {
    type Vector = u64;
    type Modulus = Modulus64;
    type Constant = u64;

    const LOG_R: u32 = 64;

    /// 6 bits make a start of at most 2^31: it need not be below n, as its square is below R.
    const TOP: u32 = 6;

    #[inline(always)]
    fn modulus(n: u64) -> Modulus64 {
        Modulus64 { n, inverse: inverse(n) }
    }

    #[inline(always)]
    fn power_from_leading_bits(bits: u64) -> Self {
        let top = bits << bits.leading_zeros() >> (64 - Self::TOP);
        Self(1 << (63 - top))
    }

    #[inline(always)]
    fn from_montgomery(residues: u64) -> Self {
        Self(residues)
    }

    #[inline(always)]
    fn constant(residues: u64, _: &Modulus64) -> u64 {
        residues
    }

    #[inline(always)]
    fn square_and_shift(self, unset: u8, modulus: &Modulus64) -> Self {
        let square = multiply(self.0, self.0, modulus);
        Self(subtract(square, modulus.n - (square & spread(unset)), modulus.n))
    }

    #[inline(always)]
    fn multiply_and_subtract(self, other: Self, constant: &u64, modulus: &Modulus64) -> Self {
        Self(subtract(multiply(self.0, other.0, modulus), *constant, modulus.n))
    }

    #[inline(always)]
    fn square_and_subtract(self, constant: &u64, modulus: &Modulus64) -> Self {
        Self(subtract(multiply(self.0, self.0, modulus), *constant, modulus.n))
    }

    #[inline(always)]
    fn select(self, mask: u8, other: Self) -> Self {
        Self(self.0 ^ (self.0 ^ other.0) & spread(mask))
    }

    #[inline(always)]
    fn negated(self, modulus: &Modulus64) -> u64 {
        let m = self.0.wrapping_mul(modulus.inverse);
        ((u128::from(m) * u128::from(modulus.n)) >> 64) as u64
    }
}
