//! What a level's vectors do: numbers side by side, and residues modulo numbers side by side.
//!
//! Residues are in Montgomery form ("Modular multiplication without trial division", Mathematics of Computation 44,
//! 1985): a number stands for its product with R modulo n, where R is a power of two, and n is odd.

/// The most lanes of a vector.
pub(super) const WIDEST: usize = 8;

/// Lanes of 64 bits. In a mask of lanes, bit i is lane i.
///
/// # Safety
/// Methods may be called only where the CPU has the implementation's features.
pub(super) trait Lanes: Copy {
    /// Trial primes.
    type Divisors: 'static;

    const WIDTH: usize;
    /// The first trial primes: all odd numbers are divided by them.
    const FIRST: &'static [Self::Divisors];
    /// The next ones, for what is left.
    const SECOND: &'static [Self::Divisors];
    /// The last ones. Each further prime would cost more than the tests it saves.
    const THIRD: &'static [Self::Divisors];

    unsafe fn splat(value: u64) -> Self;
    /// `WIDTH` numbers can be read.
    unsafe fn load(from: *const u64) -> Self;
    /// Writes the lanes in the mask, in order; what follows them, up to `WIDTH` numbers, may be overwritten.
    unsafe fn compress(self, mask: u8, to: *mut u64);
    unsafe fn add(self, other: Self) -> Self;
    unsafe fn sub(self, other: Self) -> Self;
    unsafe fn xor(self, other: Self) -> Self;
    unsafe fn and(self, other: Self) -> Self;
    unsafe fn half(self) -> Self;
    /// The sum modulo n of numbers below n.
    unsafe fn add_modulo(self, other: Self, n: Self) -> Self;
    /// 0 in the lanes of the mask.
    unsafe fn zero_in(self, mask: u8) -> Self;
    unsafe fn max(self, other: Self) -> Self;
    unsafe fn min(self, other: Self) -> Self;
    /// The largest lane.
    unsafe fn largest(self) -> u64;
    /// The smallest lane.
    unsafe fn smallest(self) -> u64;
    /// Lanes that equal the other's.
    unsafe fn equal(self, other: Self) -> u8;
    /// Lanes below a limit.
    unsafe fn below(self, limit: u64) -> u8;
    /// Lanes that have none of the bits.
    unsafe fn without(self, bits: u64) -> u8;
    /// Lanes that are no multiple of any of the primes.
    unsafe fn indivisible(self, by: &[Self::Divisors]) -> u8;
}

/// Residues, each modulo a number of its own.
///
/// # Safety
/// As [`Lanes`].
pub(super) trait Residues: Copy {
    type Lanes: Lanes;
    /// The numbers, and what multiplications need of them.
    type Modulus: Copy;
    /// Residues to be subtracted from products.
    type Constant: Copy;

    /// R = 2^LOG_R.
    const LOG_R: u32;

    /// Leading bits of an exponent that [`Residues::start`] takes.
    const TOP: u32;

    unsafe fn modulus(n: Self::Lanes) -> Self::Modulus;
    /// 2^y for y = -1 - (the first `TOP` bits of the exponent): in Montgomery form this is a power of two, too.
    unsafe fn start(exponent: Self::Lanes) -> Self;
    /// What are residues in Montgomery form already, below n.
    unsafe fn from_lanes(form: Self::Lanes) -> Self;
    /// The same, to be subtracted.
    unsafe fn constant(form: Self::Lanes, modulus: &Self::Modulus) -> Self::Constant;
    /// The square, doubled in the lanes of the mask.
    unsafe fn square_and_double(self, mask: u8, modulus: &Self::Modulus) -> Self;
    /// The product less a constant.
    unsafe fn multiply_and_subtract(
        self,
        other: Self,
        constant: &Self::Constant,
        modulus: &Self::Modulus,
    ) -> Self;
    /// The square less a constant.
    unsafe fn square_and_subtract(self, constant: &Self::Constant, modulus: &Self::Modulus) -> Self;
    /// `other` in the lanes of the mask.
    unsafe fn select(self, mask: u8, other: Self) -> Self;
    /// Minus the residue, not in Montgomery form, in [0, n).
    unsafe fn negated(self, modulus: &Self::Modulus) -> Self::Lanes;
}

/// The most and the fewest bits of a lane.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
pub(super) unsafe fn lengths<V: Lanes, const GROUPS: usize>(vectors: &[V; GROUPS]) -> (u32, u32) {
    let (mut most, mut fewest) = (vectors[0], vectors[0]);
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        for &vector in &vectors[1..] {
            (most, fewest) = (most.max(vector), fewest.min(vector));
        }
        (u64::BITS - most.largest().leading_zeros(), u64::BITS - fewest.smallest().leading_zeros())
    }
}

/// The most zeros that follow the last bit of a lane; no lane is zero.
///
/// # Safety
/// The CPU has the features of `V`.
#[inline(always)]
pub(super) unsafe fn most_trailing_zeros<V: Lanes, const GROUPS: usize>(vectors: &[V; GROUPS]) -> u32 {
    // SAFETY: the caller vouches for the CPU.
    unsafe {
        let mut most = V::splat(0);
        for &vector in vectors {
            most = most.max(vector.and(V::splat(0).sub(vector))); // the last bit alone
        }
        u64::BITS - 1 - most.largest().leading_zeros()
    }
}
