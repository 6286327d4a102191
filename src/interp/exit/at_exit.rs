//! The end of the process: before its libraries end, threads in Python are stopped, as they may be in these libraries.
//!
//! A Python program does that by finalising Python. A copy cannot be finalised while others run code in it; but its
//! lock can be taken and kept: then no Python code runs any more. A thread with a request that wants the lock returns
//! from that request with an error (`abandon.rs`), so that whoever waits for the thread does not wait for ever.

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::exit::abandon;
use crate::interp::exit::alarm;
use crate::interp::runtime::interpreter::Interpreter;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// All interpreters that have started.
static STARTED: ForkLocal<Mutex<Vec<&'static Interpreter>>> = ForkLocal::new(Mutex::default);

/// For how long the end of the process waits for interpreters that do not give up their lock: they are in code that
/// holds it, as `sum` of a long range does, and that is no library's.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a thread gets that is in a library, at work on behalf of a request, until the libraries end.
const GRACE: Duration = Duration::from_millis(20);

/// Whether the process is exiting.
static ENDING: AtomicBool = AtomicBool::new(false);

/// The thread that is at it.
static EXITING: AtomicU64 = AtomicU64::new(0);

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

pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::Acquire)
}

/// Whether it is this thread that runs the process's end.
pub(crate) fn is_by(thread: libc::pthread_t) -> bool {
    is_ending() && EXITING.load(Ordering::Acquire) == thread
}

/// An interpreter has started. It is not to be used if the process is exiting: nothing would stop it.
pub(crate) fn note(interpreter: &'static Interpreter) {
    lock(STARTED.get()).push(interpreter);
    before_libraries();
}

/// Makes sure that interpreters are stopped before the libraries end that have been loaded so far. (What was registered
/// last comes first, and libraries register their ends when they are loaded.)
///
/// That is 32 bytes for each library that is loaded: the C library can neither move a function in its list nor say what
/// was registered since.
pub(crate) fn before_libraries() {
    // SAFETY: the function is there as long as the process. Where there is no room for it, nothing is stopped.
    unsafe { on_exit(stop_all, std::ptr::null_mut()) };
}

/// A wait for a copy's lock, which is the one thing that libpython waits for by this function.
///
/// # Safety
/// As for the C library's.
pub(crate) unsafe extern "C" fn pthread_cond_timedwait(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    until: *const libc::timespec,
) -> c_int {
    if is_ending() {
        if let Some(status) = STATUS.get() {
            end_at_once(status);
        }
        if abandon::is_possible() {
            // SAFETY: the caller holds the mutex. Above this frame, which owns nothing, are those of C up to the call
            // into Python: where C has called this library, there is a barrier.
            unsafe {
                libc::pthread_mutex_unlock(mutex);
                abandon::abandon()
            }
        }
    }
    // SAFETY: the caller's contract.
    unsafe { libc::pthread_cond_timedwait(condition, mutex, until) }
}

/// Ends the process where its end waits for a copy's lock: a handler of `atexit` or a destructor that calls Python. The
/// wait would never end, and `exit`'s frames cannot be abandoned.
fn end_at_once(status: c_int) -> ! {
    const LINE: &str = "ungil: what runs at the end of the process wants an interpreter, and these are stopped: \
                        the process ends at once\n";
    // SAFETY: the text is there, and the stream is the C library's. It is only written out if no other thread, which may
    // be stopped, has its lock.
    unsafe {
        libc::write(libc::STDERR_FILENO, LINE.as_ptr().cast(), LINE.len());
        if ftrylockfile(stdout) == 0 {
            fflush_unlocked(stdout);
        }
        libc::_exit(status)
    }
}

extern "C" fn stop_all(status: c_int, _: *mut c_void) {
    STATUS.set(Some(status));
    if ENDING.swap(true, Ordering::AcqRel) {
        return;
    }
    // SAFETY: it may always be called.
    EXITING.store(unsafe { libc::pthread_self() }, Ordering::Release);
    let all = started();
    let (stopped, told) = mpsc::channel();
    for interpreter in &all {
        interpreter.stop(stopped.clone());
    }
    let end = Instant::now() + PATIENCE;
    for _ in &all {
        if told.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
            break;
        }
    }
    // Only now: a thread that finds the lock free would go on in Python.
    alarm::start_ringing();
    all.iter().for_each(|interpreter| interpreter.wake());
    let end = Instant::now() + GRACE;
    // (Where this thread exits inside a request, that one stays.)
    while all.iter().any(|interpreter| interpreter.is_busy()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The interpreters; none if another thread, which may be gone by now, is just adding one.
fn started() -> Vec<&'static Interpreter> {
    match STARTED.get().try_lock() {
        Ok(all) => all.clone(),
        Err(TryLockError::Poisoned(all)) => all.into_inner().clone(),
        Err(TryLockError::WouldBlock) => Vec::new(),
    }
}
