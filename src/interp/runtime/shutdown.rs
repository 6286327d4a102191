//! Stopping all interpreters when the process exits, before its libraries are finalised.
//!
//! A Python program does that by finalising Python. A copy cannot be finalised while other threads run code in it; but
//! its GIL can be taken and kept: then no Python code runs any more. A thread with a request that wants the GIL returns
//! from that request with an error (`exit/abandon.rs`), so that whoever waits for the thread does not wait forever.
//!
//! The exit waits for at most [`STOP_TIMEOUT`] plus [`DRAIN_DELAY`]; if all goes well, hardly at all.

use std::sync::{Mutex, TryLockError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::exit::{at_exit, wake_signal};
use crate::interp::runtime::interpreter::Interpreter;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// All interpreters that have started.
static STARTED: ForkLocal<Mutex<Vec<&'static Interpreter>>> = ForkLocal::new(Mutex::default);

/// How long the process's exit waits for interpreters that do not release their GIL. Python releases it every 5 ms when
/// another thread asks for it, and with several threads each may take its turn first; nobody notices 0.1 s at an exit.
///
/// After that time, threads are in code that holds the GIL. Usually that is code of libpython, such as `sum` of a long
/// range. An extension module that holds the GIL longer than this may crash when its library is finalised.
const STOP_TIMEOUT: Duration = Duration::from_millis(100);

/// How long threads that run library code for a request may go on before the libraries are finalised. It is enough for
/// threads that are woken, which have only to return; a computation in C code may take any time, so there is no point in
/// waiting longer.
const DRAIN_DELAY: Duration = Duration::from_millis(20);

/// Makes sure that interpreters which start from now on are stopped when the process exits.
pub(crate) fn prepare() {
    at_exit::set_shutdown(stop_all);
    at_exit::register_hook();
}

/// Adds an interpreter that has started. If the process is exiting by now, nothing will stop the interpreter, and it
/// must not be used.
pub(crate) fn register(interpreter: &'static Interpreter) {
    lock(STARTED.get()).push(interpreter);
    prepare();
}

fn stop_all() {
    let mut all = started();
    all.retain(|interpreter| !interpreter.is_dead());
    let (sender, reports) = mpsc::channel();
    for interpreter in &all {
        interpreter.stop(sender.clone());
    }
    let end = Instant::now() + STOP_TIMEOUT;
    for _ in &all {
        if reports.recv_timeout(end.saturating_duration_since(Instant::now())).is_err() {
            break;
        }
    }
    // Only now: a woken thread that finds the GIL free would go on in Python.
    wake_signal::enable();
    all.iter().for_each(|interpreter| interpreter.wake());
    let end = Instant::now() + DRAIN_DELAY;
    // (If this thread called `exit` inside a request, that request stays busy until the delay is over.)
    while all.iter().any(|interpreter| interpreter.is_busy()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// The interpreters; none if another thread, which may be gone by now, is adding one.
fn started() -> Vec<&'static Interpreter> {
    match STARTED.get().try_lock() {
        Ok(all) => all.clone(),
        Err(TryLockError::Poisoned(all)) => all.into_inner().clone(),
        Err(TryLockError::WouldBlock) => Vec::new(),
    }
}
