//! The end of the process: before its libraries end, threads in Python are stopped, as they may be in these libraries.
//!
//! A Python program does that by finalising Python. A copy cannot be finalised while others run code in it; but its
//! lock can be taken and kept: then each thread stops when it comes back from a library.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use super::interpreter::Interpreter;
use super::lock;
use crate::per_process::PerProcess;

/// All interpreters that have started.
static STARTED: PerProcess<Mutex<Vec<&'static Interpreter>>> = PerProcess::new(Mutex::default);

/// For how long the end of the process waits for interpreters that do not give up their lock: they are in code that
/// holds it, as `sum` of a long range does, and that is no library's.
const PATIENCE: Duration = Duration::from_millis(100);

/// What a thread gets that is in a library, at work on behalf of a request, until the libraries end.
const GRACE: Duration = Duration::from_millis(20);

/// Whether the process ends, and the thread that ends it.
static ENDING: AtomicBool = AtomicBool::new(false);
static ENDED_BY: AtomicU64 = AtomicU64::new(0);

pub(super) fn is_ending() -> bool {
    ENDING.load(Ordering::Acquire)
}

fn this_thread() -> u64 {
    // SAFETY: it may always be called.
    unsafe { libc::pthread_self() }
}

/// Does not return while the process ends, but to the thread that ends it: the process's own Python, which other
/// threads would return to, is gone.
pub fn hold_if_ending() {
    while is_ending() && ENDED_BY.load(Ordering::Acquire) != this_thread() {
        thread::park();
    }
}

/// An interpreter has started.
pub(super) fn note(interpreter: &'static Interpreter) {
    lock(STARTED.get()).push(interpreter);
    before_libraries();
}

/// Makes sure that interpreters are stopped before the libraries end that have been loaded so far. (What was registered
/// last comes first, and libraries register their ends when they are loaded.)
pub(super) fn before_libraries() {
    // SAFETY: the function is there as long as the process. Where there is no room for it, nothing is stopped.
    unsafe { libc::atexit(stop_all) };
}

extern "C" fn stop_all() {
    if is_ending() {
        return;
    }
    ENDED_BY.store(this_thread(), Ordering::Release);
    ENDING.store(true, Ordering::Release);
    // A panic must not leave a C function. There is nobody to tell.
    let _ = std::panic::catch_unwind(|| {
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
        if all.iter().any(|interpreter| interpreter.is_busy()) {
            thread::sleep(GRACE);
        }
    });
}

/// The interpreters; none if another thread, which may be gone by now, is just adding one.
fn started() -> Vec<&'static Interpreter> {
    match STARTED.get().try_lock() {
        Ok(all) => all.clone(),
        Err(TryLockError::Poisoned(all)) => all.into_inner().clone(),
        Err(TryLockError::WouldBlock) => Vec::new(),
    }
}
