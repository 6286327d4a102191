//! The end of the process: before its libraries end, threads in Python are stopped, as they may be in these libraries.
//!
//! A Python program does that by finalising Python. A copy cannot be finalised while others run code in it; but its
//! lock can be taken and kept: then no Python code runs any more. A thread with a request that wants the lock returns
//! from that request with an error (`abandon.rs`), so that whoever waits for the thread does not wait for ever.

use std::ffi::c_int;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::interpreter::Interpreter;
use super::{abandon, lock};
use crate::per_process::PerProcess;

/// All interpreters that have started.
static STARTED: PerProcess<Mutex<Vec<&'static Interpreter>>> = PerProcess::new(Mutex::default);

/// For how long the end of the process waits for interpreters that do not give up their lock: they are in code that
/// holds it, as `sum` of a long range does, and that is no library's.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a thread gets that is in a library, at work on behalf of a request, until the libraries end.
const GRACE: Duration = Duration::from_millis(20);

/// Whether the process is exiting.
static ENDING: AtomicBool = AtomicBool::new(false);

pub(super) fn is_ending() -> bool {
    ENDING.load(Ordering::Acquire)
}

/// An interpreter has started. It is not to be used if the process is exiting: nothing would stop it.
pub(super) fn note(interpreter: &'static Interpreter) {
    lock(STARTED.get()).push(interpreter);
    before_libraries();
}

/// Makes sure that interpreters are stopped before the libraries end that have been loaded so far. (What was registered
/// last comes first, and libraries register their ends when they are loaded.)
///
/// That is 32 bytes for each library that is loaded: the C library can neither move a function in its list nor say what
/// was registered since.
pub(super) fn before_libraries() {
    // SAFETY: the function is there as long as the process. Where there is no room for it, nothing is stopped.
    unsafe { libc::atexit(stop_all) };
}

/// A wait for a copy's lock, which is the one thing that libpython waits for by this function.
///
/// # Safety
/// As for the C library's.
pub(super) unsafe extern "C" fn pthread_cond_timedwait(
    condition: *mut libc::pthread_cond_t,
    mutex: *mut libc::pthread_mutex_t,
    until: *const libc::timespec,
) -> c_int {
    if is_ending() && abandon::is_possible() {
        // SAFETY: the caller holds the mutex. Above this frame, which owns nothing, are those of C up to the call into
        // Python: where C has called this library, there is a barrier.
        unsafe {
            libc::pthread_mutex_unlock(mutex);
            abandon::abandon()
        }
    }
    // SAFETY: the caller's contract.
    unsafe { libc::pthread_cond_timedwait(condition, mutex, until) }
}

extern "C" fn stop_all() {
    if is_ending() {
        return;
    }
    ENDING.store(true, Ordering::Release);
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
    if let Some(signal) = alarm_clock() {
        all.iter().for_each(|interpreter| interpreter.wake(signal));
    }
    let end = Instant::now() + GRACE;
    while all.iter().any(|interpreter| interpreter.is_busy()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// A signal that wakes threads which sleep in the system, and does nothing else: one that nobody has a use for.
fn alarm_clock() -> Option<c_int> {
    extern "C" fn nothing(_: c_int) {}
    let is_free = |signal: &c_int| {
        // SAFETY: sigaction writes the structure where it succeeds, and zeros are one without a handler.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            let is_known = libc::sigaction(*signal, std::ptr::null(), &mut action) == 0;
            is_known && action.sa_sigaction == libc::SIG_DFL
        }
    };
    let signal = (libc::SIGRTMIN()..=libc::SIGRTMAX()).rev().find(is_free)?;
    // SAFETY: the function may be called at any time; the structure's other fields are valid as zeros: no signal is
    // blocked meanwhile, and what was interrupted is not begun again (no SA_RESTART).
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = nothing as *const () as usize;
        (libc::sigaction(signal, &action, std::ptr::null_mut()) == 0).then_some(signal)
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
