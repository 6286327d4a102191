//! What operations need of arrays, wherever these come from: an array of the caller may be misaligned, may be written in
//! place, and is read or written by several threads at once.

use std::ops::Range;

use crate::error::Error;

/// An array that threads read.
pub trait Source<T>: Sync {
    /// The number of elements.
    fn len(&self) -> u64;

    /// Calls `body` with consecutive slices that make up the range, which must lie in the array.
    fn for_each_slice(&self, range: Range<u64>, body: impl FnMut(&[T]));
}

/// An array of numbers with one byte per number for a result, in other memory.
pub trait Flagged<T>: Source<T> {
    /// The bytes of the range, which must lie in the array. They are initialised, but have no particular values.
    ///
    /// # Safety
    /// While the bytes are borrowed, no other thread accesses the bytes of this range.
    #[expect(clippy::mut_from_ref, reason = "by contract, each thread has a range of its own")]
    unsafe fn flags(&self, range: Range<u64>) -> &mut [u8];
}

/// An array whose elements a function maps to those of another array, or of itself.
pub trait Mapped<T>: Sync {
    /// The number of elements.
    fn len(&self) -> u64;

    /// Applies `function` to the elements in the range, until it returns an error, which this returns.
    ///
    /// # Safety
    /// During the call, no other thread accesses the elements and results of this range.
    unsafe fn map(&self, range: Range<u64>, function: impl FnMut(T) -> Result<T, Error>)
    -> Result<(), Error>;
}

impl<T: Sync> Source<T> for [T] {
    fn len(&self) -> u64 {
        <[T]>::len(self) as u64
    }

    fn for_each_slice(&self, range: Range<u64>, mut body: impl FnMut(&[T])) {
        body(&self[range.start as usize..range.end as usize]);
    }
}
