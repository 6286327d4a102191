//! Lists of undecided numbers for the vector kernels, and the few lanes that are decided one by one.

use super::counts::BATCH;
use super::{decide, exceptions};
use crate::kernels::arith::buffer;

/// The widest vector, in numbers. Vectors are stored whole, so a buffer has room for one after the last number.
const MAX_WIDTH: usize = 16;

pub(super) type Buffer = buffer::Buffer<u32, { BATCH + MAX_WIDTH }>;

/// Lists of at most this many numbers are decided one by one: a vector's chain of dependent multiplications takes
/// longer.
pub(super) const FEW: usize = 3;

/// At most a batch of numbers. (The length is not in the buffer, so that it stays in a register.)
pub(super) struct Undecided<'a> {
    pub(super) buffer: &'a mut Buffer,
    /// Numbers at the beginning of the buffer that are initialised.
    pub(super) len: usize,
}

impl<'a> Undecided<'a> {
    pub(super) fn new(buffer: &'a mut Buffer) -> Self {
        Self { buffer, len: 0 }
    }

    /// Counts the numbers without a small divisor, of those that no trial prime divides, one by one.
    pub(super) fn count_without_small_divisor(&self) -> u64 {
        // SAFETY: the first `len` numbers are initialised.
        let numbers = self.buffer[..self.len].iter().map(|n| unsafe { n.assume_init() });
        numbers.filter(|&n| decide::has_no_small_divisor(n)).count() as u64
    }
}

/// How many lanes of a vector have no small divisor, given masks of those that passed the Euler test, of those among
/// them that may be exceptions, and of those that failed and are a square, or less than one by 1.
pub(super) fn count_lanes_without_small_divisor(
    lanes: &[u32],
    passed: u16,
    suspects: u16,
    roots: u16,
) -> u64 {
    let lanes_in =
        |mask: u16| (0..lanes.len()).filter(move |lane| mask >> lane & 1 == 1).map(|lane| lanes[lane]);
    let composite = lanes_in(suspects).filter(|&n| exceptions::contains(n)).count() as u64;
    let special = lanes_in(roots).filter(|&n| decide::least_factor_is_root(n)).count() as u64;
    u64::from(passed.count_ones()) - composite + special
}
