//! What the vector kernels share: lists of numbers that are still to be looked at, and the rare lanes that are
//! looked at one by one.

use std::mem::MaybeUninit;

use super::{CHUNK, exceptions, is_bare, least_factor_is_root};

/// The widest vector, in numbers. Vectors are stored whole, so a list has room for one behind its last number.
const WIDEST: usize = 16;

pub(super) type Room = [MaybeUninit<u32>; CHUNK + WIDEST];

pub(super) const EMPTY: Room = [MaybeUninit::uninit(); CHUNK + WIDEST];

/// Lists of so few numbers are tested one by one: a vector's chain of dependent multiplications takes longer.
pub(super) const FEW: usize = 3;

/// At most a chunk of numbers. (The length lies apart from the room, so that it stays in a register.)
pub(super) struct List<'a> {
    pub(super) room: &'a mut Room,
    /// Numbers at the beginning of the room that are initialised.
    pub(super) len: usize,
}

impl<'a> List<'a> {
    pub(super) fn new(room: &'a mut Room) -> Self {
        Self { room, len: 0 }
    }

    /// Counts the bare numbers one by one.
    pub(super) fn count_bare(&self) -> u64 {
        // SAFETY: the first `len` numbers are initialised.
        let numbers = self.room[..self.len].iter().map(|n| unsafe { n.assume_init() });
        numbers.filter(|&n| is_bare(n)).count() as u64
    }
}

/// How many lanes of a vector are bare, given masks of those that passed the Euler test, of those among them that may
/// be exceptions, and of those that failed and lie next to a square.
pub(super) fn count_bare_lanes(lanes: &[u32], passed: u16, suspects: u16, roots: u16) -> u64 {
    let lanes_in =
        |mask: u16| (0..lanes.len()).filter(move |lane| mask >> lane & 1 == 1).map(|lane| lanes[lane]);
    let composite = lanes_in(suspects).filter(|&n| exceptions::contains(n)).count() as u64;
    let special = lanes_in(roots).filter(|&n| least_factor_is_root(n)).count() as u64;
    u64::from(passed.count_ones()) - composite + special
}
