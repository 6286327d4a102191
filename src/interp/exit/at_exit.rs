//! When the process exits: the flag that says so, and the hook that runs the shutdown of interpreters.
//!
//! Threads may be running Python code, and through it code of any loaded library, when the process exits. They have to
//! be stopped before the destructors of these libraries run. This module knows when; `runtime/shutdown.rs` knows how,
//! and registers it here.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU64, Ordering};

use crate::sys::fork::ForkLocal;

/// Whether the process is exiting.
static EXITING: AtomicBool = AtomicBool::new(false);

/// What the process exits with.
static EXIT_STATUS: AtomicI32 = AtomicI32::new(0);

/// Whether the interpreters' Python code has run for the last time.
static PYTHON_HAS_ENDED: AtomicBool = AtomicBool::new(false);

/// Whether the interpreters have been stopped, as far as that was possible in time.
static HAVE_STOPPED: AtomicBool = AtomicBool::new(false);

/// The thread that called `exit`.
static EXITING_THREAD: AtomicU64 = AtomicU64::new(0);

/// The function that stops the interpreters.
static SHUTDOWN: ForkLocal<OnceLock<fn()>> = ForkLocal::new(OnceLock::new);

thread_local! {
    /// The exit status, on a thread that has called `exit`.
    static STATUS: Cell<Option<c_int>> = const { Cell::new(None) };
}

unsafe extern "C" {
    fn on_exit(function: extern "C" fn(c_int, *mut c_void), data: *mut c_void) -> c_int;
    fn ftrylockfile(stream: *mut libc::FILE) -> c_int;
    fn fflush_unlocked(stream: *mut libc::FILE) -> c_int;
    static stdout: *mut libc::FILE;
}

/// Whether the process is exiting.
pub(crate) fn is_exiting() -> bool {
    EXITING.load(Ordering::Acquire)
}

/// What the process exits with, while it is exiting.
pub(crate) fn status() -> c_int {
    EXIT_STATUS.load(Ordering::Acquire)
}

/// Whether Python is over in all interpreters: its exit functions have been called, and now those of libraries are.
pub(crate) fn has_python_ended() -> bool {
    PYTHON_HAS_ENDED.load(Ordering::Acquire)
}

pub(crate) fn set_python_has_ended() {
    PYTHON_HAS_ENDED.store(true, Ordering::Release);
}

/// Whether the interpreters have been stopped, as far as that was possible in time.
pub(crate) fn have_interpreters_stopped() -> bool {
    HAVE_STOPPED.load(Ordering::Acquire)
}

pub(crate) fn set_interpreters_stopped() {
    HAVE_STOPPED.store(true, Ordering::Release);
}

/// Whether this is the thread that runs the exit handlers.
pub(crate) fn is_exiting_thread(thread: libc::pthread_t) -> bool {
    is_exiting() && EXITING_THREAD.load(Ordering::Acquire) == thread
}

/// The exit status, on the thread that called `exit`.
pub(crate) fn status_of_this_thread() -> Option<c_int> {
    STATUS.get()
}

/// From now on `shutdown` runs when the process exits, once. The first one that is set stays.
pub(crate) fn set_shutdown(shutdown: fn()) {
    SHUTDOWN.get().get_or_init(|| shutdown);
}

/// Makes sure that the shutdown runs before the destructors of all libraries that are loaded by now. (Handlers run in
/// reverse order of their registration, and a library registers its destructors when it is loaded.)
///
/// This takes 32 bytes for each library that is loaded: the C library can neither move a handler in its list nor say
/// what was registered since.
pub(crate) fn register_hook() {
    // SAFETY: the handler has the type that `on_exit` expects, ignores its data, and is never unloaded. If there is no
    // memory to register it, interpreters are not stopped.
    unsafe { on_exit(run_shutdown, std::ptr::null_mut()) };
}

extern "C" fn run_shutdown(status: c_int, _: *mut c_void) {
    STATUS.set(Some(status));
    if EXITING.swap(true, Ordering::AcqRel) {
        return;
    }
    EXIT_STATUS.store(status, Ordering::Release);
    // SAFETY: pthread_self has no preconditions.
    EXITING_THREAD.store(unsafe { libc::pthread_self() }, Ordering::Release);
    if let Some(shutdown) = SHUTDOWN.get().get() {
        shutdown();
    }
}

/// Ends the process at once, with a line on stderr. For an exit handler or a destructor that calls into a stopped
/// interpreter: it would wait forever, and the frames of `exit` below it cannot be abandoned.
pub(crate) fn end_at_once(status: c_int) -> ! {
    const LINE: &str = "ungil: an exit handler or a destructor called Python in an interpreter, which is stopped by \
                        now: the process ends at once\n";
    // SAFETY: the line's address and length are those of one constant. stdout is the C library's stream; it is flushed
    // only while this thread holds its lock, which a stopped thread may hold too.
    unsafe {
        libc::write(libc::STDERR_FILENO, LINE.as_ptr().cast(), LINE.len());
        if ftrylockfile(stdout) == 0 {
            fflush_unlocked(stdout);
        }
        libc::_exit(status)
    }
}
