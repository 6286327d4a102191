//! The functions by which a copy or one of its libraries ends the process, which end its interpreter instead, and by which
//! it says whether Python can be used.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_int, c_uint};

use super::{fatal_error, signal};
use crate::interp::exit::abandon::{self, WayOut};
use crate::interp::exit::at_exit;
use crate::interp::exit::life::Life;
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

/// `abort`, when copy `number` or one of its libraries calls it.
pub(super) unsafe extern "C" fn abort(number: usize) -> ! {
    end_interpreter(number, || fatal_error_or(|| "abort() was called".to_owned()));
    // SAFETY: abort has no preconditions.
    unsafe { libc::abort() }
}

/// What Python has written about a fatal error of this thread, with the thread's stack; or another cause.
fn fatal_error_or(cause: impl FnOnce() -> String) -> (String, Option<String>) {
    fatal_error::take().map_or_else(|| (cause(), None), |(line, stack)| (line, Some(stack)))
}

/// `exit`, likewise.
pub(super) unsafe extern "C" fn exit(status: c_int, number: usize) -> ! {
    end_interpreter(number, || (format!("exit({status}) was called"), None));
    // SAFETY: the caller asks for the C library's exit, by that function's contract; the status is passed on unchanged.
    unsafe { libc::exit(status) }
}

/// `_exit` and `_Exit`.
pub(super) unsafe extern "C" fn exit_at_once(status: c_int, number: usize) -> ! {
    end_interpreter(number, || (format!("_exit({status}) was called"), None));
    // SAFETY: it has no preconditions.
    unsafe { libc::_exit(status) }
}

/// `quick_exit`.
pub(super) unsafe extern "C" fn quick_exit(status: c_int, number: usize) -> ! {
    unsafe extern "C" {
        fn quick_exit(status: c_int) -> !;
    }
    end_interpreter(number, || (format!("quick_exit({status}) was called"), None));
    // SAFETY: as for `exit`.
    unsafe { quick_exit(status) }
}

/// `__assert_fail`, which a failed `assert` calls.
///
/// # Safety
/// The strings are NULL or C strings.
pub(super) unsafe extern "C" fn assert_fail(
    assertion: *const c_char,
    file: *const c_char,
    line: c_uint,
    function: *const c_char,
    number: usize,
) -> ! {
    unsafe extern "C" {
        fn __assert_fail(
            assertion: *const c_char,
            file: *const c_char,
            line: c_uint,
            function: *const c_char,
        ) -> !;
    }
    end_interpreter(number, || {
        // SAFETY: by this function's contract.
        let [what, at, within] = [assertion, file, function].map(|text| unsafe { text_of(text) });
        (format!("{at}:{line}: {within}: Assertion `{what}' failed"), None)
    });
    // SAFETY: the arguments are passed on unchanged, under the same contract.
    unsafe { __assert_fail(assertion, file, line, function) }
}

/// `std::terminate`, where a library calls it itself. (The C++ runtime, which is shared, calls its own.)
pub(super) unsafe extern "C" fn terminate(number: usize) -> ! {
    end_interpreter(number, || ("std::terminate() was called".to_owned(), None));
    // SAFETY: abort, which std::terminate ends with, has no preconditions.
    unsafe { libc::abort() }
}

/// # Safety
/// It is NULL or a C string.
unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return "?".to_owned();
    }
    // SAFETY: by this function's contract.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// Ends the interpreter of copy `number`, on a thread that would end the process: the thread abandons its request, or
/// stops. `why` gives the cause and, if it is known, the thread's stack in Python.
///
/// This returns where the process is to end instead: in the child of a fork, when it is exiting already, where the
/// frames of this thread cannot be abandoned, and where a request does not end.
fn end_interpreter(number: usize, why: impl FnOnce() -> (String, Option<String>)) {
    if signal::child::is_child() {
        return;
    }
    stop_if_starting();
    if at_exit::is_exiting() {
        return;
    }
    let life = Life::of(number);
    let way_out = abandon::way_out_of(life);
    if !life.has_begun() || way_out == WayOut::None {
        report_uncontained();
        return;
    }
    let (cause, stack) = why();
    life.end(cause, stack);
    signal::records::release_abandoned(number);
    if way_out == WayOut::Stop {
        if life.have_requests_ended() {
            park_forever();
        }
        report_uncontained();
        return;
    }
    // SAFETY: there is a call that can be abandoned. The frames between it and this one are C's, those of the closure of
    // `call_abandonable`, which own nothing, and this one and its caller's, which own nothing any more.
    unsafe { abandon::abandon_call(Some(life)) }
}

/// Ends the interpreter of copy `number` by a signal that it sent to itself, as `end_interpreter` does. This returns where
/// the interpreter alone cannot be ended.
///
/// No frame between this thread's call into Python and this one may own anything that must be dropped.
pub(super) fn end_by_signal(number: usize, signal: c_int) {
    let life = Life::of(number);
    let can_abandon = || abandon::way_out_of(life) == WayOut::Abandon;
    if !signal::child::is_child() && !at_exit::is_exiting() && life.has_begun() && can_abandon() {
        let cause = || format!("it sent itself signal {signal}, which has no handler");
        end_interpreter(number, || fatal_error_or(cause)); // faulthandler has written about it
    }
}

/// Says why the process ends, by a line on stderr.
fn report_uncontained() {
    const LINE: &str = "ungil: an isolated interpreter ends the process: its C code called abort() or exit() where that \
                        interpreter alone cannot be ended, as while a library is loaded, or on a thread that a request \
                        waits for\n";
    // SAFETY: the address and the length are those of one constant.
    unsafe { libc::write(libc::STDERR_FILENO, LINE.as_ptr().cast(), LINE.len()) };
}

/// `Py_IsInitialized`: libraries call it in their destructors before they use Python.
pub(super) unsafe extern "C" fn is_initialized() -> c_int {
    (!at_exit::has_python_ended()).into()
}

/// `Py_IsFinalizing`: other libraries call this one instead.
pub(super) unsafe extern "C" fn is_finalizing() -> c_int {
    at_exit::has_python_ended().into()
}
