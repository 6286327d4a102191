//! Arrays and places from outside: pointers that nobody has looked at yet.

use crate::error::Error;

/// A place of the caller's for one result, at any alignment.
pub(super) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// Unless NULL, `place` is writable until the call that gave it returns.
    pub(super) unsafe fn new(parameter: &'static str, place: *mut T) -> Result<Self, Error> {
        if place.is_null() { Err(Error::Null { parameter }) } else { Ok(Self(place)) }
    }

    pub(super) fn write(self, value: T) {
        // SAFETY: not NULL, and writable by `new`'s contract.
        unsafe { self.0.write_unaligned(value) }
    }
}

/// Elements that are copied at a time out of an array that is not aligned.
const CHUNK: usize = 1024;

/// An array of the caller's: readable for the length of the call, at any alignment.
#[derive(Clone, Copy)]
pub(super) struct Array<T> {
    start: *const T,
    len: usize,
}

// SAFETY: an Array only reads, and the contract of `new` lets any thread do that during the call.
unsafe impl<T: Sync> Sync for Array<T> {}

impl<T: Copy + Default> Array<T> {
    /// # Safety
    /// Unless NULL, `start` is readable for `len` elements until the call that gave it returns, and nobody
    /// writes to them meanwhile. It need not be aligned.
    pub(super) unsafe fn new(parameter: &'static str, start: *const T, len: usize) -> Result<Self, Error> {
        if start.is_null() && len > 0 {
            return Err(Error::Null { parameter });
        }
        if len > isize::MAX as usize / size_of::<T>() {
            return Err(Error::TooLong { parameter });
        }
        Ok(Self { start, len })
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The elements in `range`, which must lie in the array.
    pub(super) fn part(&self, range: std::ops::Range<usize>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len);
        // wrapping_add: an empty array may start at NULL.
        Self { start: self.start.wrapping_add(range.start), len: range.len() }
    }

    /// Adds up `part` over consecutive slices that make up the array: one slice if it is aligned, copied
    /// chunks if not.
    pub(super) fn sum(&self, part: impl Fn(&[T]) -> u64) -> u64 {
        if self.len == 0 {
            return 0;
        }
        if self.start.is_aligned() {
            // SAFETY: not NULL (the length is not 0), aligned, readable and unwritten by `new`'s contract.
            return part(unsafe { std::slice::from_raw_parts(self.start, self.len) });
        }
        (0..self.len).step_by(CHUNK).map(|from| part(self.copy(from, &mut [T::default(); CHUNK]))).sum()
    }

    /// Copies elements from `from` on into `chunk`, and returns those that there are.
    fn copy<'a>(&self, from: usize, chunk: &'a mut [T; CHUNK]) -> &'a [T] {
        let len = CHUNK.min(self.len - from);
        // SAFETY: the bytes are readable by `new`'s contract, `chunk` has room for CHUNK elements, and as
        // bytes neither side has an alignment. T is Copy, so a bytewise copy is a value.
        unsafe {
            let source = self.start.add(from).cast::<u8>();
            std::ptr::copy_nonoverlapping(source, chunk.as_mut_ptr().cast::<u8>(), len * size_of::<T>());
        }
        &chunk[..len]
    }
}
