//! Vectors of 64-bit numbers, so that an algorithm is written once for all widths. A single number is one, too.

use crate::cpu;

/// The most lanes of a vector.
pub(in crate::kernels) const MAX_WIDTH: usize = 8;

/// A vector of `WIDTH` lanes of 64 bits. In a mask of lanes, bit i is lane i.
///
/// A vector exists only where the CPU has the features for it: the first one is made from the witness for them, and
/// carries it along.
pub(in crate::kernels) trait U64Vector: Copy {
    /// The witness that the CPU has the features.
    type Isa: Copy;
    /// A mask of lanes in the form in which vectors choose by it.
    type Choice: Copy;

    const WIDTH: usize;

    fn isa(self) -> Self::Isa;
    fn splat(isa: Self::Isa, value: u64) -> Self;

    /// # Safety
    /// `WIDTH` initialised numbers can be read.
    unsafe fn load(isa: Self::Isa, from: *const u64) -> Self;

    /// Writes the lanes in the mask, in order, one after the other; the rest of `WIDTH` numbers has any value then.
    ///
    /// # Safety
    /// `WIDTH` numbers can be written.
    unsafe fn compress(self, mask: u8, to: *mut u64);

    /// The sum modulo 2^64.
    fn add(self, other: Self) -> Self;
    /// The difference modulo 2^64.
    fn sub(self, other: Self) -> Self;
    fn xor(self, other: Self) -> Self;
    fn and(self, other: Self) -> Self;
    fn max(self, other: Self) -> Self;
    fn min(self, other: Self) -> Self;
    /// Half the number, rounded down.
    fn half(self) -> Self;
    /// The sum modulo n of numbers below n.
    fn add_modulo(self, other: Self, n: Self) -> Self;
    /// 0 in the lanes of the mask, `self` in the others.
    fn zero_in(self, choice: Self::Choice) -> Self;
    /// The largest lane.
    fn largest(self) -> u64;
    /// The smallest lane.
    fn smallest(self) -> u64;
    /// The lanes that equal the other's.
    fn equal(self, other: Self) -> u8;
    /// The lanes below a limit.
    fn below(self, limit: u64) -> u8;
    /// The lanes that have none of the bits.
    fn has_none_of(self, bits: u64) -> u8;
    /// [`U64Vector::below`], to choose by.
    fn choose_below(self, limit: u64) -> Self::Choice;
    /// [`U64Vector::has_none_of`], to choose by.
    fn choose_none_of(self, bits: u64) -> Self::Choice;
}

/// The most and the fewest bits of a lane, without its leading zeros.
#[inline(always)]
pub(in crate::kernels) fn bit_lengths<V: U64Vector, const GROUPS: usize>(
    vectors: &[V; GROUPS],
) -> (u32, u32) {
    let (mut most, mut fewest) = (vectors[0], vectors[0]);
    for &vector in &vectors[1..] {
        (most, fewest) = (most.max(vector), fewest.min(vector));
    }
    (u64::BITS - most.largest().leading_zeros(), u64::BITS - fewest.smallest().leading_zeros())
}

/// The most trailing zeros of a lane; no lane is zero.
#[inline(always)]
pub(in crate::kernels) fn most_trailing_zeros<V: U64Vector, const GROUPS: usize>(
    vectors: &[V; GROUPS],
) -> u32 {
    let zero = V::splat(vectors[0].isa(), 0);
    let mut most = zero;
    for &vector in vectors {
        most = most.max(vector.and(zero.sub(vector))); // the last bit that is set, alone
    }
    u64::BITS - 1 - most.largest().leading_zeros()
}

/// All bits of a number, or none, by the lowest bit of a mask.
#[inline(always)]
pub(in crate::kernels) fn spread(mask: u8) -> u64 {
    u64::from(mask & 1).wrapping_neg()
}

impl U64Vector for u64 {
    type Isa = cpu::Scalar;
    type Choice = u8;

    const WIDTH: usize = 1;

    #[inline(always)]
    fn isa(self) -> cpu::Scalar {
        cpu::Scalar
    }

    #[inline(always)]
    fn splat(_: cpu::Scalar, value: u64) -> Self {
        value
    }

    #[inline(always)]
    unsafe fn load(_: cpu::Scalar, from: *const u64) -> Self {
        // SAFETY: by this method's contract one number can be read.
        unsafe { *from }
    }

    #[inline(always)]
    unsafe fn compress(self, _: u8, to: *mut u64) {
        // SAFETY: by this method's contract one number can be written, whether the mask has it or not.
        unsafe { *to = self }
    }

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        self.wrapping_add(other)
    }

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        self.wrapping_sub(other)
    }

    #[inline(always)]
    fn xor(self, other: Self) -> Self {
        self ^ other
    }

    #[inline(always)]
    fn and(self, other: Self) -> Self {
        self & other
    }

    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Ord::max(self, other)
    }

    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }

    #[inline(always)]
    fn half(self) -> Self {
        self / 2
    }

    #[inline(always)]
    fn add_modulo(self, other: Self, n: Self) -> Self {
        let (difference, borrow) = self.overflowing_sub(n - other);
        difference.wrapping_add(n & spread(borrow.into()))
    }

    #[inline(always)]
    fn zero_in(self, mask: u8) -> Self {
        self & !spread(mask)
    }

    #[inline(always)]
    fn largest(self) -> u64 {
        self
    }

    #[inline(always)]
    fn smallest(self) -> u64 {
        self
    }

    #[inline(always)]
    fn equal(self, other: Self) -> u8 {
        (self == other).into()
    }

    #[inline(always)]
    fn below(self, limit: u64) -> u8 {
        (self < limit).into()
    }

    #[inline(always)]
    fn has_none_of(self, bits: u64) -> u8 {
        (self & bits == 0).into()
    }

    #[inline(always)]
    fn choose_below(self, limit: u64) -> u8 {
        self.below(limit)
    }

    #[inline(always)]
    fn choose_none_of(self, bits: u64) -> u8 {
        self.has_none_of(bits)
    }
}
