//! Lists of numbers that may be prime, with their indices in the batch.

use crate::kernels::arith::buffer;
use crate::kernels::arith::u64_vector::{MAX_WIDTH, U64Vector};

/// The most numbers that a kernel gets at a time: its lists of candidates stay in the L1 cache.
pub(super) const BATCH: usize = 1024;

/// Numbers that can be read after the end of a list: the most that a test takes at a time.
const SLACK: usize = 4 * MAX_WIDTH;

type Buffer = buffer::Buffer<u64, { BATCH + SLACK }>;

/// The memory of a list: one buffer for the numbers, one for their indices.
pub(super) type Buffers = [Buffer; 2];

/// Buffers of which nothing is initialised.
#[inline(always)]
pub(super) const fn uninit() -> Buffers {
    [buffer::uninit(), buffer::uninit()]
}

/// At most a batch of numbers. (The length is not in the buffers, so that it stays in a register.)
pub(super) struct Candidates<'a> {
    numbers: &'a mut Buffer,
    indices: &'a mut Buffer,
    /// Numbers at the beginning of the buffers that are initialised.
    pub(super) len: usize,
}

impl<'a> Candidates<'a> {
    pub(super) fn new([numbers, indices]: &'a mut Buffers) -> Self {
        Self { numbers, indices, len: 0 }
    }

    /// Appends the lanes in the mask.
    ///
    /// # Safety
    /// The list stays at most a batch long.
    #[inline(always)]
    pub(super) unsafe fn push<V: U64Vector>(&mut self, mask: u8, numbers: V, indices: V) {
        debug_assert!(self.len + mask.count_ones() as usize <= BATCH);
        // SAFETY: `len` is at most BATCH, and the buffers are longer by more than a vector.
        unsafe {
            numbers.compress(mask, self.numbers.as_mut_ptr().add(self.len).cast());
            indices.compress(mask, self.indices.as_mut_ptr().add(self.len).cast());
        }
        self.len += mask.count_ones() as usize;
    }

    /// The vectors of numbers and of indices at a position.
    ///
    /// # Safety
    /// The buffers are initialised up to the vectors' end: by [`Candidates::push`], or by [`Candidates::pad`].
    #[inline(always)]
    pub(super) unsafe fn vectors<V: U64Vector>(&self, isa: V::Isa, at: usize) -> (V, V) {
        debug_assert!(at + V::WIDTH <= BATCH + SLACK);
        // SAFETY: by this method's contract the numbers up to the vectors' end are initialised.
        unsafe {
            (
                V::load(isa, self.numbers.as_ptr().add(at).cast()),
                V::load(isa, self.indices.as_ptr().add(at).cast()),
            )
        }
    }

    /// Repeats the last number, of a list that is not empty, after its end.
    #[inline(always)]
    pub(super) fn pad(&mut self) {
        let last = self.len - 1;
        let (number, index) = (self.numbers[last], self.indices[last]);
        self.numbers[self.len..self.len + SLACK].fill(number);
        self.indices[self.len..self.len + SLACK].fill(index);
    }

    /// The indices of the numbers in the list.
    pub(super) fn indices(&self) -> impl Iterator<Item = usize> {
        // SAFETY: the first `len` indices are initialised.
        self.indices[..self.len].iter().map(|index| unsafe { index.assume_init() } as usize)
    }
}
