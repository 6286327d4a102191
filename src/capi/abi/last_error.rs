//! The last error message of each thread.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use super::error::CallError;

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

const NONE: &CStr = c"";

pub(crate) fn record(function: &str, error: &CallError) {
    let text = format!("{function}: {error}").replace('\0', "\\0");
    let text = CString::new(text).expect("NULs were replaced");
    // A thread whose thread-local variables have been destroyed cannot keep a message.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = Some(text));
}

/// The message of the latest call that failed on this thread, as UTF-8; "" if none has failed.
///
/// A successful call does not change the message: read it only after a call has reported an error.
///
/// Returns a string owned by the library, never NULL. It is valid until the next call that fails on this thread or
/// until the thread ends; copy it to keep it.
/// Thread-safety: each thread has its own message.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_last_error() -> *const c_char {
    let text = |last: &RefCell<Option<CString>>| last.borrow().as_ref().map(|text| text.as_ptr());
    LAST_ERROR.try_with(text).ok().flatten().unwrap_or(NONE.as_ptr())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn message() -> String {
        // SAFETY: ungil_last_error returns a NUL-terminated string, and nothing fails before it is copied.
        unsafe { CStr::from_ptr(ungil_last_error()) }.to_str().unwrap().to_owned()
    }

    #[test]
    fn starts_empty_and_belongs_to_the_thread() {
        std::thread::spawn(|| {
            assert_eq!(message(), "");
            record("call", &CallError::Internal("a\0b".to_owned()));
            assert_eq!(message(), "call: internal error (please report it): a\\0b");
            std::thread::spawn(|| assert_eq!(message(), "")).join().unwrap();
        })
        .join()
        .unwrap();
    }
}
