//! Memory of the caller's that is passed to an interpreter without a copy.

use std::ffi::c_void;

use crate::sys::foreign::call_foreign;

/// Memory that belongs to somebody else, and the callback that releases it.
///
/// Only unsafe code can make one, as Python code reads and writes there:
///
/// ```compile_fail,E0133
/// use ungil::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
/// let buffer = ForeignBuffer::new(0x10 as *mut _, 100, true, ReleaseCallback::new(|| ()));
/// ```
///
/// ```compile_fail,E0451
/// use ungil::exchange::foreign_buffer::{ForeignBuffer, ReleaseCallback};
/// let address = 0x10 as *mut _;
/// let buffer = ForeignBuffer { address, len: 100, read_only: true, release: ReleaseCallback::new(|| ()) };
/// ```
pub struct ForeignBuffer {
    pub(crate) address: *mut c_void,
    pub(crate) len: usize,
    pub(crate) read_only: bool,
    /// Called when the last view of the memory is gone, on any thread.
    pub(crate) release: ReleaseCallback,
}

impl ForeignBuffer {
    /// `len` bytes at `address`.
    ///
    /// # Safety
    /// Until `release` is called, any thread may read these bytes, and write them unless `read_only`. What Python code does
    /// with them meanwhile is agreed with everyone else who uses them. If `len` is 0, the address may be anything.
    pub unsafe fn new(address: *mut c_void, len: usize, read_only: bool, release: ReleaseCallback) -> Self {
        Self { address, len, read_only, release }
    }
}

/// A release callback, which is called when this is dropped: the memory is not in use any more.
pub struct ReleaseCallback(Option<Box<dyn FnOnce() + Send>>);

impl ReleaseCallback {
    /// `release` may be called on any thread, and may block.
    pub fn new(release: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(release)))
    }

    /// The callback is not called: the memory was not lent after all.
    pub(crate) fn disarm(mut self) {
        self.0 = None;
    }
}

impl Drop for ReleaseCallback {
    fn drop(&mut self) {
        if let Some(release) = self.0.take() {
            call_foreign(release);
        }
    }
}
