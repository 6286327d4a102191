//! Arrays and places from outside: pointers that nobody has looked at yet.

use std::ops::Range;

use crate::error::Error;

/// A place of the caller's for one result, at any alignment.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// Unless NULL, `place` is writable until the call that gave it returns.
    pub(crate) unsafe fn new(parameter: &'static str, place: *mut T) -> Result<Self, Error> {
        if place.is_null() { Err(Error::Null { parameter }) } else { Ok(Self(place)) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: not NULL, and writable by `new`'s contract.
        unsafe { self.0.write_unaligned(value) }
    }
}

/// Elements that are copied at a time out of an array that is not aligned.
pub(crate) const CHUNK: usize = 1024;

fn check_array<T>(parameter: &'static str, start: *const T, len: usize) -> Result<(), Error> {
    if start.is_null() && len > 0 {
        return Err(Error::Null { parameter });
    }
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(Error::TooLong { parameter });
    }
    Ok(())
}

/// An array of the caller's: readable for the length of the call, at any alignment.
#[derive(Clone, Copy)]
pub(crate) struct CallerArray<T> {
    start: *const T,
    len: usize,
}

// SAFETY: an Array only reads, and the contract of `new` lets any thread do that during the call.
unsafe impl<T: Sync> Sync for CallerArray<T> {}

impl<T: Copy> CallerArray<T> {
    /// # Safety
    /// Unless NULL, `start` is readable for `len` elements until the call that gave it returns, and nobody
    /// but this call writes to them meanwhile. It need not be aligned.
    pub(crate) unsafe fn new(parameter: &'static str, start: *const T, len: usize) -> Result<Self, Error> {
        check_array(parameter, start, len)?;
        Ok(Self { start, len })
    }

    pub(crate) fn len(&self) -> u64 {
        self.len as u64
    }

    /// A copy of the elements.
    pub(crate) fn to_vec(self) -> Vec<T> {
        // SAFETY: each is readable by `new`'s contract.
        (0..self.len).map(|i| unsafe { self.start.add(i).read_unaligned() }).collect()
    }
}

impl<T: Copy + Default> CallerArray<T> {
    /// The elements in `range`, which must lie in the array.
    pub(crate) fn part(&self, range: Range<u64>) -> Self {
        assert!(range.start <= range.end && range.end <= self.len());
        // wrapping_add: an empty array may start at NULL.
        let start = self.start.wrapping_add(range.start as usize);
        Self { start, len: (range.end - range.start) as usize }
    }

    /// Shows consecutive slices that make up the array: one slice if it is aligned, copied chunks of [`CHUNK`] if not.
    pub(crate) fn slices(&self, mut show: impl FnMut(&[T])) {
        if self.len > 0 && self.start.is_aligned() {
            // SAFETY: not NULL (the length is not 0), aligned, readable and unwritten by `new`'s contract.
            show(unsafe { std::slice::from_raw_parts(self.start, self.len) });
        } else {
            let copy = |from| self.copy(from, &mut [T::default(); CHUNK], &mut show);
            (0..self.len).step_by(CHUNK).for_each(copy);
        }
    }

    /// Adds up `part` over such slices.
    pub(crate) fn sum(&self, part: impl Fn(&[T]) -> u64) -> u64 {
        let mut total = 0;
        self.slices(|slice| total += part(slice));
        total
    }

    /// Copies elements from `from` on into `chunk`, and shows those that there are.
    fn copy(&self, from: usize, chunk: &mut [T; CHUNK], mut show: impl FnMut(&[T])) {
        let len = CHUNK.min(self.len - from);
        // SAFETY: the bytes are readable by `new`'s contract, `chunk` has room for CHUNK elements, and as
        // bytes neither side has an alignment. T is Copy, so a bytewise copy is a value.
        unsafe {
            let source = self.start.add(from).cast::<u8>();
            std::ptr::copy_nonoverlapping(source, chunk.as_mut_ptr().cast::<u8>(), len * size_of::<T>());
        }
        show(&chunk[..len]);
    }
}

impl CallerArray<u8> {
    /// The bytes, until the call returns that gave them.
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: not NULL (the length is not 0), readable and unwritten by `new`'s contract; a byte is always aligned.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// An array of the caller's for results: writable for the length of the call, at any alignment.
pub(crate) struct CallerOutArray<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: threads write to it only through methods whose contracts keep them apart.
unsafe impl<T: Send> Sync for CallerOutArray<T> {}

impl<T: Copy> CallerOutArray<T> {
    /// # Safety
    /// Unless NULL, `start` is writable for `len` elements until the call that gave it returns, and nobody but this
    /// call reads or writes them meanwhile. It need not be aligned.
    pub(crate) unsafe fn new(parameter: &'static str, start: *mut T, len: usize) -> Result<Self, Error> {
        check_array(parameter, start, len)?;
        Ok(Self { start, len })
    }

    /// Errors: [`Error::Invalid`] if the arrays share memory, unless they are one and the same and `in_place`.
    pub(crate) fn check_apart<S>(&self, source: &CallerArray<S>, in_place: bool) -> Result<(), Error> {
        let (from, to) = (source.start.addr(), self.start.addr());
        // A nonsense address may be close to the end of all addresses.
        let end = |start: usize, bytes: usize| start.saturating_add(bytes);
        let is_apart = to >= end(from, source.len * size_of::<S>())
            || from >= end(to, self.len * size_of::<T>())
            || self.len == 0;
        if is_apart || in_place && from == to {
            return Ok(());
        }
        Err(Error::Invalid {
            parameter: "out",
            expected: if in_place {
                "the input array itself, or apart from it"
            } else {
                "apart from the input array"
            },
        })
    }

    /// `function` of each element of `source` in `range`, until it gives an error.
    ///
    /// # Safety
    /// No other thread is at this range of either array. They do not overlap, or are one.
    pub(crate) unsafe fn map(
        &self,
        range: Range<u64>,
        source: &CallerArray<T>,
        mut function: impl FnMut(T) -> Result<T, Error>,
    ) -> Result<(), Error> {
        assert!(range.end <= self.len as u64 && range.end <= source.len as u64);
        for i in range.start as usize..range.end as usize {
            // SAFETY: i is in both arrays, which are there by the contracts of their `new`.
            unsafe { self.start.add(i).write_unaligned(function(source.start.add(i).read_unaligned())?) }
        }
        Ok(())
    }
}

impl CallerOutArray<u8> {
    /// The bytes in `range`, set to 0.
    ///
    /// # Safety
    /// No other thread is at this range.
    #[expect(clippy::mut_from_ref, reason = "the ranges of threads are kept apart by contract")]
    pub(crate) unsafe fn bytes(&self, range: Range<u64>) -> &mut [u8] {
        assert!(range.start <= range.end && range.end <= self.len as u64);
        if range.is_empty() {
            return &mut [];
        }
        let len = (range.end - range.start) as usize;
        // SAFETY: in the array, which is there by the contract of `new`; a byte is always aligned. It is written before
        // it is lent, as it may be uninitialised.
        unsafe {
            let start = self.start.add(range.start as usize);
            start.write_bytes(0, len);
            std::slice::from_raw_parts_mut(start, len)
        }
    }
}

#[cfg(test)]
mod tests;
