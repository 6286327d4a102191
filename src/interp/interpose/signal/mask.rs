//! The signals that a thread blocks. Python code may change them for its thread, which is the host's: they are restored
//! when the request ends.

use std::cell::Cell;
use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

use super::child::is_child;

thread_local! {
    /// Whether the request on this thread has changed it.
    static IS_CHANGED: Cell<bool> = const { Cell::new(false) };

    /// What this thread blocked before that.
    static BEFORE: Cell<Option<libc::sigset_t>> = const { Cell::new(None) };
}

/// POSIX's `pthread_sigmask`, for libpython.
///
/// # Safety
/// The contract of the C library's.
pub(in crate::interp::interpose) unsafe extern "C" fn pthread_sigmask(
    how: c_int,
    new: *const libc::sigset_t,
    old: *mut libc::sigset_t,
) -> c_int {
    let mut before = MaybeUninit::uninit();
    // SAFETY: the first two arguments are the caller's, under the same contract; the third is written on success.
    let status = unsafe { libc::pthread_sigmask(how, new, before.as_mut_ptr()) };
    if status != 0 {
        return status;
    }
    // SAFETY: it was written.
    let before = unsafe { before.assume_init() };
    if !new.is_null() && !is_child() && !IS_CHANGED.replace(true) {
        BEFORE.set(Some(before));
    }
    if !old.is_null() {
        // SAFETY: by this function's contract, it points to memory for a set.
        unsafe { old.write(before) };
    }
    0
}

/// Restores what this thread blocked when it is dropped, at the end of a request.
pub(crate) struct MaskGuard {
    /// Of a request that this one is inside of.
    outer: Option<libc::sigset_t>,
}

impl MaskGuard {
    pub(crate) fn new() -> Self {
        Self { outer: if IS_CHANGED.replace(false) { BEFORE.take() } else { None } }
    }
}

impl Drop for MaskGuard {
    fn drop(&mut self) {
        let before = if IS_CHANGED.replace(self.outer.is_some()) { BEFORE.take() } else { None };
        if let Some(before) = before {
            // SAFETY: the set is a copy of one that the C library wrote.
            unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &before, ptr::null_mut()) };
        }
        if self.outer.is_some() {
            BEFORE.set(self.outer);
        }
    }
}
