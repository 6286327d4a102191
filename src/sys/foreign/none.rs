//! No unwind boundary: Miri runs no assembly, and nothing but panics unwinds there.

use std::ffi::c_void;

use super::thunk::Thunk;

/// Calls `thunk(data)`.
///
/// # Safety
/// `data` must be as `thunk` requires.
pub(super) unsafe fn enter(thunk: Thunk, data: *mut c_void) {
    // SAFETY: this function's caller vouches for `data`.
    unsafe { thunk(data) }
}
