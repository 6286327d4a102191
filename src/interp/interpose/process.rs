//! The functions by which a copy ends the process, and by which it says whether Python can be used.

use std::cell::RefCell;
use std::ffi::c_int;

use crate::interp::exit::at_exit;
use crate::sys::unwind::park_forever;

thread_local! {
    /// Called if the copy that this thread is starting wants to end the process.
    static ON_FAILED_START: RefCell<Option<Box<dyn FnOnce()>>> = const { RefCell::new(None) };
}

/// Runs the start of a copy. If that wants to end the process, `on_failure` is called, and this thread stops forever.
pub(crate) fn during_start<T>(on_failure: Box<dyn FnOnce()>, start: impl FnOnce() -> T) -> T {
    ON_FAILED_START.set(Some(on_failure));
    let result = start();
    ON_FAILED_START.set(None);
    result
}

/// A copy that cannot start ends its process: instead, the thread that starts it does not go on.
fn stop_if_starting() {
    let Ok(Some(on_failure)) = ON_FAILED_START.try_with(RefCell::take) else { return };
    on_failure();
    park_forever()
}

pub(super) unsafe extern "C" fn abort() -> ! {
    stop_if_starting();
    // SAFETY: abort has no preconditions.
    unsafe { libc::abort() }
}

pub(super) unsafe extern "C" fn exit(status: c_int) -> ! {
    stop_if_starting();
    // SAFETY: libpython's code asks for the C library's exit, by that function's contract; the status is passed on
    // unchanged.
    unsafe { libc::exit(status) }
}

/// `Py_IsInitialized`: libraries call it in their destructors before they use Python.
pub(super) unsafe extern "C" fn is_initialized() -> c_int {
    (!at_exit::has_python_ended()).into()
}

/// `Py_IsFinalizing`: other libraries call this one instead.
pub(super) unsafe extern "C" fn is_finalizing() -> c_int {
    at_exit::has_python_ended().into()
}
