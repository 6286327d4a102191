//! Residues in Montgomery form ("Modular multiplication without trial division", Mathematics of Computation 44, 1985):
//! a number stands for its product with R modulo n, where R is a power of two, and n is odd.

use super::u64_vector::U64Vector;

/// A vector of residues in Montgomery form, each modulo a number of its own.
pub(in crate::kernels) trait Montgomery: Copy {
    type Vector: U64Vector;
    /// The moduli, and what multiplications need of them.
    type Modulus: Copy;
    /// Residues in the form in which they are subtracted from products.
    type Constant: Copy;

    /// R = 2^LOG_R.
    const LOG_R: u32;

    /// The leading bits of an exponent that [`Montgomery::start`] takes.
    const TOP: u32;

    fn modulus(n: Self::Vector) -> Self::Modulus;
    /// 2^y for y = -1 - (the first `TOP` bits of the exponent): its Montgomery form is a power of two, too.
    fn start(exponent: Self::Vector) -> Self;
    /// Residues from vectors of their Montgomery forms, which are below n.
    fn from_form(form: Self::Vector) -> Self;
    /// The same, to be subtracted.
    fn constant(form: Self::Vector, modulus: &Self::Modulus) -> Self::Constant;
    /// The square, doubled in the lanes of the mask.
    fn square_and_double(self, mask: u8, modulus: &Self::Modulus) -> Self;
    /// The product less a constant.
    fn multiply_and_subtract(self, other: Self, constant: &Self::Constant, modulus: &Self::Modulus) -> Self;
    /// The square less a constant.
    fn square_and_subtract(self, constant: &Self::Constant, modulus: &Self::Modulus) -> Self;
    /// `other` in the lanes of the mask, `self` elsewhere.
    fn select(self, mask: u8, other: Self) -> Self;
    /// Minus the residue, not in Montgomery form, in [0, n).
    fn negated(self, modulus: &Self::Modulus) -> Self::Vector;
}
