//! The calling thread's `errno`.

use std::ffi::c_int;

/// What a function of the C library returns when it fails with this error.
pub(crate) fn failed(error: c_int) -> c_int {
    set(error);
    -1
}

/// Runs something that may change `errno`, and restores it.
pub(crate) fn preserved<T>(run: impl FnOnce() -> T) -> T {
    let before = get();
    let result = run();
    set(before);
    result
}

pub(crate) fn get() -> c_int {
    // SAFETY: the pointer is to the calling thread's errno, which is always valid.
    unsafe { *libc::__errno_location() }
}

fn set(error: c_int) {
    // SAFETY: the pointer is to the calling thread's errno, which is always valid.
    unsafe { *libc::__errno_location() = error };
}
