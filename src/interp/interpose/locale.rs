//! `setlocale`. The locale is the process's, and so is the text with its name, which the C library frees when the locale
//! changes. A process has one GIL, which keeps Python's calls apart; interpreters have one each. So their calls have a lock
//! here, and get texts that are never freed. There are as many as there are locales.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char, c_int};
use std::ptr;
use std::sync::Mutex;

use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

static NAMES: ForkLocal<Mutex<BTreeSet<&'static CStr>>> = ForkLocal::new(Mutex::default);

/// As the C library's function.
///
/// # Safety
/// The contract of the C library's `setlocale`.
pub(super) unsafe extern "C" fn setlocale(category: c_int, locale: *const c_char) -> *mut c_char {
    let mut names = lock(NAMES.get());
    // SAFETY: by this function's contract.
    let name = unsafe { libc::setlocale(category, locale) };
    if name.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the C library gives a string. While the lock is held, no interpreter has it freed.
    let name = unsafe { CStr::from_ptr(name) };
    let kept = names.get(name).copied().unwrap_or_else(|| {
        let kept: &'static CStr = Box::leak(name.to_owned().into_boxed_c_str());
        names.insert(kept);
        kept
    });
    kept.as_ptr().cast_mut()
}
