//! Memory that goes to an interpreter.

use std::ffi::c_void;

use crate::sys::foreign::call_foreign;

/// Memory of an owner's.
///
/// Only unsafe code can make one, as Python code reads and writes there:
///
/// ```compile_fail,E0133
/// use ungil::interp::loan::{ForeignBuffer, ReleaseCallback};
/// let loan = ForeignBuffer::new(0x10 as *mut _, 100, true, ReleaseCallback::new(|| ()));
/// ```
///
/// ```compile_fail,E0451
/// use ungil::interp::loan::{ForeignBuffer, ReleaseCallback};
/// let loan = ForeignBuffer { address: 0x10 as *mut _, len: 100, read_only: true, owner: ReleaseCallback::new(|| ()) };
/// ```
#[cfg_attr(not(supports_interpreters), expect(dead_code, reason = "nobody can be lent it"))]
pub struct ForeignBuffer {
    pub(crate) address: *mut c_void,
    pub(crate) len: usize,
    /// Whether nobody may write to it.
    pub(crate) read_only: bool,
    /// Told when the last view of it is gone, from any thread.
    pub(crate) owner: ReleaseCallback,
}

impl ForeignBuffer {
    /// Lends `len` bytes at `address`.
    ///
    /// # Safety
    /// Until `owner` is told, any thread may read these bytes, and write them unless `read_only`. What Python code does
    /// with them meanwhile is agreed with everyone else who uses them. If `len` is 0, the address may be anything.
    pub unsafe fn new(address: *mut c_void, len: usize, read_only: bool, owner: ReleaseCallback) -> Self {
        Self { address, len, read_only, owner }
    }
}

/// Whom to tell that a loan is over, which happens when this goes.
pub struct ReleaseCallback(Option<Box<dyn FnOnce() + Send>>);

impl ReleaseCallback {
    /// `tell` may be called from any thread, and may wait for whatever it likes.
    pub fn new(tell: impl FnOnce() + Send + 'static) -> Self {
        Self(Some(Box::new(tell)))
    }
}

impl Drop for ReleaseCallback {
    fn drop(&mut self) {
        if let Some(tell) = self.0.take() {
            call_foreign(tell);
        }
    }
}
