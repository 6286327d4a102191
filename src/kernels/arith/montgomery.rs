//! Residues in Montgomery form ("Modular multiplication without trial division", Mathematics of Computation 44, 1985):
//! a number stands for its product with R modulo n, where R is a power of two, and n is odd.

use super::u64_vector::U64Vector;

/// What residues choose lanes by.
pub(in crate::kernels) type Choice<M> = <<M as Montgomery>::Vector as U64Vector>::Choice;

/// A vector of residues in Montgomery form, each modulo a number of its own.
pub(in crate::kernels) trait Montgomery: Copy {
    type Vector: U64Vector;
    /// The moduli, and what multiplications need of them.
    type Modulus: Copy;
    /// Residues in the form in which they are subtracted from products.
    type Constant: Copy;

    /// R = 2^LOG_R.
    const LOG_R: u32;

    /// How many leading bits [`Montgomery::power_from_leading_bits`] takes.
    const TOP: u32;

    /// How an exponentiation goes on after its start, through the bits of a number from the top: a step squares, and
    /// doubles where the bit is not set; or it halves where the bit is set, if that takes less.
    const HALVES: bool = false;

    /// How many bits an exponentiation may take at a time, by as many squares and one division by a power of two. 0 if
    /// steps of a bit cost no more.
    const WINDOW: u32 = 0;

    fn modulus(n: Self::Vector) -> Self::Modulus;
    /// The power 2^y with which an exponentiation to base 2 starts: y is minus the first `TOP` bits of the lane, less 1 if
    /// steps double. Its Montgomery form is R * 2^y, a power of two, so that it takes no multiplication.
    fn power_from_leading_bits(bits: Self::Vector) -> Self;
    /// Residues that are in Montgomery form already, and below n.
    fn from_montgomery(residues: Self::Vector) -> Self;
    /// The same residues, to be subtracted.
    fn constant(residues: Self::Vector, modulus: &Self::Modulus) -> Self::Constant;
    /// The square, doubled where the bit is not set; or, if steps halve, halved where it is.
    fn square_and_shift(self, unset: Choice<Self>, modulus: &Self::Modulus) -> Self;
    /// The square. Only where `WINDOW` is not 0.
    #[inline(always)]
    fn square(self, _: &Self::Modulus) -> Self {
        unreachable!("without a window")
    }
    /// Divided by 2^e, where e is in each lane the `WINDOW` bits from bit `i` on. Only where `WINDOW` is not 0.
    #[inline(always)]
    fn divide_by_power(self, _bits: Self::Vector, _i: u32, _: &Self::Modulus) -> Self {
        unreachable!("without a window")
    }
    /// The product less a constant.
    fn multiply_and_subtract(self, other: Self, constant: &Self::Constant, modulus: &Self::Modulus) -> Self;
    /// The square less a constant.
    fn square_and_subtract(self, constant: &Self::Constant, modulus: &Self::Modulus) -> Self;
    /// `other` where it is chosen, `self` elsewhere.
    fn select(self, choice: Choice<Self>, other: Self) -> Self;
    /// Minus the residue, not in Montgomery form, in [0, n).
    fn negated(self, modulus: &Self::Modulus) -> Self::Vector;
}
