//! Bytes in memory of their own, which goes back to the system when they are dropped. That of a large `Vec` may stay in
//! the C library's heap: for each interpreter, as much as its largest libraries.

use std::ffi::c_void;
use std::ops::{Deref, DerefMut};
use std::ptr::{self, NonNull};
use std::{fmt, io, slice};

use super::LARGEST_PAGE;

/// A growing array of bytes.
pub struct Buffer {
    /// A mapping of `capacity` bytes; dangling if that is 0.
    start: NonNull<u8>,
    capacity: usize,
    len: usize,
    /// The most that `len` was: from there on, the mapping is as new, which is zero.
    used: usize,
}

// SAFETY: it owns its memory, as a `Vec` does.
unsafe impl Send for Buffer {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Buffer {}

impl Buffer {
    /// One of `len` zeros.
    pub(crate) fn zeroed(len: usize) -> io::Result<Self> {
        let mut buffer = Self { start: NonNull::dangling(), capacity: 0, len: 0, used: 0 };
        buffer.resize(len)?;
        Ok(buffer)
    }

    /// Appends zeros, or removes bytes at the end.
    pub(crate) fn resize(&mut self, len: usize) -> io::Result<()> {
        if len > self.capacity {
            self.reserve(len)?;
        }
        let (start, end) = (self.len, self.used.min(len));
        (self.len, self.used) = (len, self.used.max(len));
        if start < end {
            self[start..end].fill(0);
        }
        Ok(())
    }

    /// Appends bytes.
    pub(crate) fn extend(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.len;
        self.resize(end + bytes.len())?;
        self[end..].copy_from_slice(bytes);
        Ok(())
    }

    fn reserve(&mut self, capacity: usize) -> io::Result<()> {
        const ACCESS: libc::c_int = libc::PROT_READ | libc::PROT_WRITE;
        const KIND: libc::c_int = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // Whole pages, as a mapping has.
        let capacity = capacity.checked_next_multiple_of(LARGEST_PAGE).ok_or(io::ErrorKind::OutOfMemory)?;
        let old = self.start.as_ptr().cast::<c_void>();
        // SAFETY: a new mapping changes no existing memory; and nothing else refers to this one's, which is moved.
        let start = unsafe {
            match self.capacity {
                0 => libc::mmap(ptr::null_mut(), capacity, ACCESS, KIND, -1, 0),
                own => libc::mremap(old, own, capacity, libc::MREMAP_MAYMOVE),
            }
        };
        if start == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        self.start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        self.capacity = capacity;
        Ok(())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        if self.capacity > 0 {
            // SAFETY: the mapping is this buffer's own, and no reference to it is left.
            unsafe { libc::munmap(self.start.as_ptr().cast(), self.capacity) };
        }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: these bytes are mapped, and zero or written; or there are none. They change by a `&mut Buffer` only.
        unsafe { slice::from_raw_parts(self.start.as_ptr(), self.len) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`, and this is the one reference.
        unsafe { slice::from_raw_parts_mut(self.start.as_ptr(), self.len) }
    }
}

impl Clone for Buffer {
    fn clone(&self) -> Self {
        Self::try_from(&**self).expect("there is memory for a copy")
    }
}

impl TryFrom<&[u8]> for Buffer {
    type Error = io::Error;

    fn try_from(bytes: &[u8]) -> io::Result<Self> {
        let mut buffer = Self::zeroed(0)?;
        buffer.extend(bytes)?;
        Ok(buffer)
    }
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer of {} bytes", self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::Buffer;

    #[test]
    fn it_grows_and_shrinks_like_a_vec() {
        let (mut buffer, mut vec) = (Buffer::zeroed(0).unwrap(), Vec::new());
        let [long, longer] = if cfg!(miri) { [2000, 9000] } else { [70_000, 300_000] };
        for (len, byte) in [(0, 1), (5, 2), (long, 3), (3, 4), (10, 5), (longer, 6), (1, 7)] {
            buffer.resize(len).unwrap();
            vec.resize(len, 0);
            assert_eq!(*buffer, *vec);
            buffer.extend(&[byte; 1000]).unwrap();
            vec.extend([byte; 1000]);
            assert_eq!(*buffer, *vec);
            buffer.fill(byte);
            vec.fill(byte);
        }
        assert_eq!(*buffer.clone(), *vec);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri has all the addresses")]
    fn too_many_bytes_are_an_error() {
        assert!(Buffer::zeroed(1 << 60).is_err());
        let mut buffer = Buffer::try_from(&b"kept"[..]).unwrap();
        assert!(buffer.resize(1 << 60).is_err());
        assert_eq!(*buffer, *b"kept");
    }
}
