//! The functions that an interpreter's libraries register to be called when the process exits: by `atexit` (which calls
//! `__cxa_atexit`), for the destructors of C++ (likewise), by `on_exit` and `Py_AtExit`.
//!
//! They may call Python, or wait for threads that do. So they are not in the C library's list, which the thread that
//! exits works off, but in the interpreter's: its own thread calls them, while Python can still be used
//! (`runtime/shutdown.rs`).

use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use super::copies::MAX_COPIES;
use crate::interp::exit::at_exit;
use crate::sys::foreign::call_foreign;

/// A function, with what it is called with.
enum Call {
    Cxa(unsafe extern "C-unwind" fn(*mut c_void), *mut c_void),
    OnExit(unsafe extern "C-unwind" fn(c_int, *mut c_void), *mut c_void),
    Python(unsafe extern "C-unwind" fn()),
}

/// An entry of a list without locks, as functions may be registered in the child of a fork. It is never freed.
struct ExitFunction {
    call: Call,
    earlier: *mut ExitFunction,
}

/// For each copy, the function that was registered last.
static LATEST: [AtomicPtr<ExitFunction>; MAX_COPIES] =
    [const { AtomicPtr::new(ptr::null_mut()) }; MAX_COPIES];

fn register(number: usize, call: Call) {
    let latest = &LATEST[number];
    let new = Box::leak(Box::new(ExitFunction { call, earlier: latest.load(Ordering::Acquire) }));
    while let Err(other) = latest.compare_exchange(new.earlier, new, Ordering::AcqRel, Ordering::Acquire) {
        new.earlier = other;
    }
}

/// As the C library's. The library that is named last does not matter: private libraries are not unloaded.
pub(super) unsafe extern "C" fn cxa_atexit(
    function: Option<unsafe extern "C-unwind" fn(*mut c_void)>,
    argument: *mut c_void,
    _library: *mut c_void,
    number: usize,
) -> c_int {
    let Some(function) = function else { return -1 };
    register(number, Call::Cxa(function, argument));
    0
}

pub(super) unsafe extern "C" fn on_exit(
    function: Option<unsafe extern "C-unwind" fn(c_int, *mut c_void)>,
    argument: *mut c_void,
    number: usize,
) -> c_int {
    let Some(function) = function else { return -1 };
    register(number, Call::OnExit(function, argument));
    0
}

/// Python calls these functions when it is finalised, which it never is in an interpreter.
pub(super) unsafe extern "C" fn py_at_exit(
    function: Option<unsafe extern "C-unwind" fn()>,
    number: usize,
) -> c_int {
    let Some(function) = function else { return -1 };
    register(number, Call::Python(function));
    0
}

/// Calls a copy's functions, the latest first, also those that are registered meanwhile.
///
/// # Safety
/// The functions may be called: the process is exiting. No other thread calls this for the same copy.
pub(super) unsafe fn run(number: usize) {
    while let Some(next) = take_latest(number) {
        // SAFETY: the function was registered to be called with this argument when the process exits.
        call_foreign(|| unsafe {
            match next.call {
                Call::Cxa(function, argument) => function(argument),
                Call::OnExit(function, argument) => function(at_exit::status(), argument),
                Call::Python(function) => function(),
            }
        });
    }
}

/// Removes the entry that was added last. One thread at a time may do so.
fn take_latest(number: usize) -> Option<&'static ExitFunction> {
    let latest = &LATEST[number];
    loop {
        let head = latest.load(Ordering::Acquire);
        // SAFETY: an entry is never freed, and does not change once it is in the list; `Acquire` makes it complete.
        let entry = unsafe { head.as_ref() }?;
        if latest.compare_exchange(head, entry.earlier, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Some(entry);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    static CALLED: Mutex<Vec<(&str, usize)>> = Mutex::new(Vec::new());

    const NUMBER: usize = MAX_COPIES - 1;

    fn note(what: &'static str, argument: *mut c_void) {
        CALLED.lock().unwrap().push((what, argument.addr()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "entries are never freed: Miri reports them as leaked")]
    fn the_latest_is_called_first_and_each_once() {
        unsafe extern "C-unwind" fn cxa(argument: *mut c_void) {
            note("cxa", argument);
        }
        unsafe extern "C-unwind" fn on_exit_function(_: c_int, argument: *mut c_void) {
            note("on_exit", argument);
        }
        unsafe extern "C-unwind" fn python() {
            note("Py_AtExit", ptr::null_mut());
            // SAFETY: the function only takes a note.
            unsafe { cxa_atexit(Some(cxa), ptr::without_provenance_mut(3), ptr::null_mut(), NUMBER) };
        }
        // SAFETY: the functions only take notes, and this is the one test that uses the copy with this number.
        unsafe {
            cxa_atexit(Some(cxa), ptr::without_provenance_mut(1), ptr::null_mut(), NUMBER);
            py_at_exit(Some(python), NUMBER);
            on_exit(Some(on_exit_function), ptr::without_provenance_mut(2), NUMBER);
            assert_eq!(cxa_atexit(None, ptr::null_mut(), ptr::null_mut(), NUMBER), -1);
            run(NUMBER);
            run(NUMBER);
        }
        assert_eq!(*CALLED.lock().unwrap(), [("on_exit", 2), ("Py_AtExit", 0), ("cxa", 3), ("cxa", 1)]);
    }
}
