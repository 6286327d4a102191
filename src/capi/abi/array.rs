//! Arrays and result variables of the caller: pointers from C, checked as far as they can be.

use std::ops::Range;

use super::error::CallError;
use crate::error::Error;
use crate::ops::arrays::{Flagged, Mapped, Source};

/// A variable of the caller that receives one result, at any alignment.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// Unless NULL, `variable` is writable until the export that received it returns.
    pub(crate) unsafe fn new(parameter: &'static str, variable: *mut T) -> Result<Self, CallError> {
        if variable.is_null() { Err(CallError::Null { parameter }) } else { Ok(Self(variable)) }
    }

    pub(crate) fn write(self, value: T) {
        // SAFETY: `new` has refused NULL, and its contract makes any other address writable. No alignment is assumed.
        unsafe { self.0.write_unaligned(value) }
    }
}

/// Elements that are copied at a time out of a misaligned array.
const COPIED: usize = 1024;

fn check_array<T>(parameter: &'static str, start: *const T, len: usize) -> Result<(), CallError> {
    if start.is_null() && len > 0 {
        return Err(CallError::Null { parameter });
    }
    if len > isize::MAX as usize / size_of::<T>() {
        return Err(CallError::TooLong { parameter });
    }
    Ok(())
}

/// An array of the caller, readable during the call, at any alignment.
#[derive(Clone, Copy)]
pub(crate) struct CallerArray<T> {
    start: *const T,
    len: usize,
}

// SAFETY: a CallerArray only reads, and the contract of `new` lets any thread read during the call.
unsafe impl<T: Sync> Sync for CallerArray<T> {}

impl<T> CallerArray<T> {
    /// # Safety
    /// Unless NULL, `start` is readable for `len` elements until the export that received it returns, and only that
    /// call writes to them meanwhile. It need not be aligned.
    pub(crate) unsafe fn new(
        parameter: &'static str,
        start: *const T,
        len: usize,
    ) -> Result<Self, CallError> {
        check_array(parameter, start, len)?;
        Ok(Self { start, len })
    }
}

impl<T: Copy> CallerArray<T> {
    /// A copy of the elements.
    pub(crate) fn to_vec(self) -> Vec<T> {
        // SAFETY: the index is in the array, which is readable by `new`'s contract.
        (0..self.len).map(|i| unsafe { self.start.add(i).read_unaligned() }).collect()
    }
}

impl<T: Copy + Default> CallerArray<T> {
    /// The elements from `from` to the end of the array, but at most as many as `buffer` holds, copied to its start.
    fn copy<'a>(&self, from: usize, buffer: &'a mut [T; COPIED]) -> &'a [T] {
        let len = COPIED.min(self.len - from);
        // SAFETY: `from + len` is at most the array's length, and `new`'s contract makes it readable; `buffer` has
        // COPIED elements. Bytes need no alignment, and T is Copy, so a copy of the bytes is a value.
        unsafe {
            let source = self.start.add(from).cast::<u8>();
            std::ptr::copy_nonoverlapping(source, buffer.as_mut_ptr().cast::<u8>(), len * size_of::<T>());
        }
        &buffer[..len]
    }
}

impl<T: Copy + Default + Sync> Source<T> for CallerArray<T> {
    fn len(&self) -> u64 {
        self.len as u64
    }

    /// One slice if the array is aligned, copies of [`COPIED`] elements if not.
    fn for_each_slice(&self, range: Range<u64>, mut body: impl FnMut(&[T])) {
        assert!(range.start <= range.end && range.end <= self.len as u64);
        // wrapping_add: an empty array may be at NULL.
        let start = self.start.wrapping_add(range.start as usize);
        let part = Self { start, len: (range.end - range.start) as usize };
        if part.len == 0 {
            return;
        }
        if part.start.is_aligned() {
            // SAFETY: the range is not empty, so `new` has refused NULL; the part lies in the array, which by `new`'s
            // contract is readable and not written to. It is aligned.
            body(unsafe { std::slice::from_raw_parts(part.start, part.len) });
        } else {
            let mut buffer = [T::default(); COPIED];
            (0..part.len).step_by(COPIED).for_each(|from| body(part.copy(from, &mut buffer)));
        }
    }
}

impl CallerArray<u8> {
    /// The bytes.
    pub(crate) fn as_slice(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: the array is not empty, so `new` has refused NULL; by its contract the bytes are readable and not
        // written to. Bytes need no alignment.
        unsafe { std::slice::from_raw_parts(self.start, self.len) }
    }
}

/// An array of the caller that receives results: writable during the call, at any alignment.
pub(crate) struct CallerOutArray<T> {
    start: *mut T,
    len: usize,
}

// SAFETY: threads access it only through methods whose contracts give each thread a range of its own.
unsafe impl<T: Send> Sync for CallerOutArray<T> {}

impl<T> CallerOutArray<T> {
    /// # Safety
    /// Unless NULL, `start` is writable for `len` elements until the export that received it returns, and only that call
    /// reads or writes them meanwhile. It need not be aligned.
    pub(crate) unsafe fn new(parameter: &'static str, start: *mut T, len: usize) -> Result<Self, CallError> {
        check_array(parameter, start, len)?;
        Ok(Self { start, len })
    }

    fn overlaps<S>(&self, source: &CallerArray<S>) -> bool {
        let (from, to) = (source.start.addr(), self.start.addr());
        // A made-up address may be close to the end of the address space.
        let from_end = from.saturating_add(source.len * size_of::<S>());
        let to_end = to.saturating_add(self.len * size_of::<T>());
        self.len > 0 && to < from_end && from < to_end
    }
}

impl<T: Copy> CallerOutArray<T> {
    /// Copies values to the start of the array, as many as there is room for; returns how many.
    pub(crate) fn fill(&mut self, values: &[T]) -> usize {
        let count = values.len().min(self.len);
        for (i, value) in values[..count].iter().enumerate() {
            // SAFETY: the element is in the array, so `new` has refused NULL, and by its contract the memory is writable, and
            // nobody else accesses it.
            unsafe { self.start.add(i).write_unaligned(*value) };
        }
        count
    }
}

impl CallerOutArray<u8> {
    /// The bytes of the range, set to 0.
    ///
    /// # Safety
    /// While the bytes are borrowed, nothing else accesses this range of the array's memory.
    #[expect(clippy::mut_from_ref, reason = "by contract, each thread has a range of its own")]
    unsafe fn bytes(&self, range: Range<u64>) -> &mut [u8] {
        assert!(range.start <= range.end && range.end <= self.len as u64);
        if range.is_empty() {
            return &mut [];
        }
        let len = (range.end - range.start) as usize;
        // SAFETY: the range lies in the array and is not empty, so `new` has refused NULL, and its contract makes the
        // bytes writable; they need no alignment. They may be uninitialised, so they are written before a reference to
        // them exists, which by this method's contract is the only access to them.
        unsafe {
            let start = self.start.add(range.start as usize);
            start.write_bytes(0, len);
            std::slice::from_raw_parts_mut(start, len)
        }
    }
}

/// An array of numbers, and a separate one that receives a byte per number.
pub(crate) struct FlaggedArray<T> {
    numbers: CallerArray<T>,
    flags: CallerOutArray<u8>,
}

impl<T> FlaggedArray<T> {
    /// Errors: [`Error::Invalid`] if the arrays share memory.
    ///
    /// # Panics
    /// If the arrays differ in length.
    pub(crate) fn new(numbers: CallerArray<T>, out: CallerOutArray<u8>) -> Result<Self, Error> {
        assert_eq!(numbers.len, out.len, "a flag per number");
        if out.overlaps(&numbers) {
            return Err(Error::Invalid { parameter: "out", expected: "separate from the input array" });
        }
        Ok(Self { numbers, flags: out })
    }
}

impl<T: Copy + Default + Sync> Source<T> for FlaggedArray<T> {
    fn len(&self) -> u64 {
        self.numbers.len()
    }

    fn for_each_slice(&self, range: Range<u64>, body: impl FnMut(&[T])) {
        self.numbers.for_each_slice(range, body);
    }
}

impl<T: Copy + Default + Sync> Flagged<T> for FlaggedArray<T> {
    unsafe fn flags(&self, range: Range<u64>) -> &mut [u8] {
        // SAFETY: by this method's contract no other thread accesses this range of the flags, and `new` has made sure
        // that reading the numbers does not access them either.
        unsafe { self.flags.bytes(range) }
    }
}

/// An array, and one that receives the results of a function of its elements: the same array, or a separate one.
pub(crate) struct MappedArray<T> {
    source: CallerArray<T>,
    out: CallerOutArray<T>,
}

impl<T> MappedArray<T> {
    /// Errors: [`Error::Invalid`] if the arrays share only part of their memory.
    ///
    /// # Panics
    /// If the arrays differ in length.
    pub(crate) fn new(source: CallerArray<T>, out: CallerOutArray<T>) -> Result<Self, Error> {
        assert_eq!(source.len, out.len, "a result per element");
        if out.overlaps(&source) && source.start.addr() != out.start.addr() {
            let expected = "the input array itself, or separate from it";
            return Err(Error::Invalid { parameter: "out", expected });
        }
        Ok(Self { source, out })
    }
}

impl<T: Copy + Send + Sync> Mapped<T> for MappedArray<T> {
    fn len(&self) -> u64 {
        self.source.len as u64
    }

    unsafe fn map(
        &self,
        range: Range<u64>,
        mut function: impl FnMut(T) -> Result<T, Error>,
    ) -> Result<(), Error> {
        assert!(range.end <= self.source.len as u64);
        for i in range.start as usize..range.end as usize {
            // SAFETY: i is in both arrays, which have one length, and are readable and writable by the contracts of
            // their `new`. By this method's contract no other thread accesses element i; and the arrays are separate
            // or the same, so element i of one is no other element of the other.
            unsafe {
                let result = function(self.source.start.add(i).read_unaligned())?;
                self.out.start.add(i).write_unaligned(result);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
