//! The thread's last error message.

use std::cell::RefCell;
use std::ffi::{CStr, CString, c_char};

use crate::error::Error;

thread_local! {
    static LAST_ERROR: RefCell<Option<CString>> = const { RefCell::new(None) };
}

const NONE: &CStr = c"";

pub(crate) fn record(function: &str, error: &Error) {
    let text = format!("{function}: {error}").replace('\0', "\\0");
    let text = CString::new(text).expect("NULs were replaced");
    // A thread that is past its thread-local destructors has no place left to keep a message.
    let _ = LAST_ERROR.try_with(|last| *last.borrow_mut() = Some(text));
}

/// The message of the latest call on this thread that failed, as UTF-8; "" if none has.
///
/// A call that succeeds leaves the message as it is: look at it only after a call reported an error.
///
/// Returns a string owned by the library, never NULL. It is valid until the next failing call on this thread
/// or the thread's end: copy it to keep it.
/// Thread-safety: each thread has a message of its own.
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
    fn starts_empty_and_is_the_threads_own() {
        std::thread::spawn(|| {
            assert_eq!(message(), "");
            record("call", &Error::Internal("a\0b".to_owned()));
            assert_eq!(message(), "call: internal error (please report it): a\\0b");
            std::thread::spawn(|| assert_eq!(message(), "")).join().unwrap();
        })
        .join()
        .unwrap();
    }
}
