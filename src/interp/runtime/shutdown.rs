//! The end of all interpreters when the process exits, before its libraries are finalised.
//!
//! A Python program finalises Python then. A copy cannot be finalised, as other threads may run code in it; but its GIL
//! can be taken and kept: then no Python code runs any more. A thread with a request that wants the GIL then returns from
//! that request with an error (`exit/abandon.rs`), so that whoever waits for the thread does not wait forever.
//!
//! An interpreter that has no request in progress ends before it stops, on its own thread, as a process does: first the
//! exit functions of Python are called, in all interpreters, then those of its private libraries
//! (`interpose/exit_functions.rs`, `loading/finalizers.rs`). For them Python is over, as `Py_IsInitialized` says, but they
//! can still call it. If a request is in progress, its thread may be anywhere in these libraries: they are not ended.
//!
//! The exit waits for at most [`END_TIMEOUT`] plus [`DRAIN_DELAY`]; if all goes well, hardly at all.

use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::interp::exit::{at_exit, wake_signal};
use crate::interp::runtime::interpreter::Interpreter;
use crate::interp::runtime::service::Ending;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// All interpreters that have started.
static STARTED: ForkLocal<Mutex<Vec<&'static Interpreter>>> = ForkLocal::new(Mutex::default);

/// How long the process's exit waits for interpreters that do not release their GIL, if they have requests. Python
/// releases it every 5 ms when another thread asks for it, and with several threads each may take its turn first; nobody
/// notices 0.1 s at an exit.
///
/// After that time, threads are in code that holds the GIL. Usually that is code of libpython, such as `sum` of a long
/// range. An extension module that holds the GIL longer than this may crash when its library is finalised.
const STOP_TIMEOUT: Duration = Duration::from_millis(100);

/// How long the process's exit waits for the ends of interpreters without requests. It is much more than writing what is
/// left takes, also on a busy machine; an end that takes longer waits for something that does not come.
const END_TIMEOUT: Duration = Duration::from_secs(20);

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
    let begin = Instant::now();
    let (busy, idle): (Vec<&Interpreter>, Vec<&Interpreter>) =
        all.iter().copied().partition(|interpreter| interpreter.is_busy());
    let (stopped, reports) = mpsc::channel();
    busy.iter().for_each(|interpreter| interpreter.stop(stopped.clone()));
    end(&idle, begin + END_TIMEOUT);
    wait(&reports, busy.len(), begin + STOP_TIMEOUT);
    at_exit::set_interpreters_stopped();
    // Only now: a woken thread that finds the GIL free would go on in Python.
    wake_signal::enable();
    all.iter().for_each(|interpreter| interpreter.wake());
    let end = Instant::now() + DRAIN_DELAY;
    // (If this thread called `exit` inside a request, that request stays busy until the delay is over.)
    while all.iter().any(|interpreter| interpreter.is_busy()) && Instant::now() < end {
        thread::sleep(Duration::from_millis(1));
    }
}

/// Ends interpreters without requests. What is not done by `until` is not waited for.
fn end(interpreters: &[&'static Interpreter], until: Instant) {
    let ((python_ended, python_ends), (stopped, stops)) = (mpsc::channel(), mpsc::channel());
    let start = |interpreter: &&'static Interpreter| {
        let (sender, end_libraries) = mpsc::channel();
        let (python_ended, stopped) = (python_ended.clone(), stopped.clone());
        interpreter.end(Ending { python_ended, end_libraries, stopped });
        sender
    };
    let gates: Vec<Sender<()>> = interpreters.iter().map(start).collect();
    wait(&python_ends, interpreters.len(), until);
    at_exit::set_python_has_ended();
    for gate in gates {
        let _ = gate.send(()); // the thread has not ended
    }
    wait(&stops, interpreters.len(), until);
}

/// Waits for so many reports.
fn wait(reports: &Receiver<()>, count: usize, until: Instant) {
    for _ in 0..count {
        if reports.recv_timeout(until.saturating_duration_since(Instant::now())).is_err() {
            return;
        }
    }
}

/// The interpreter with this number of its copy, if it has started in this process.
pub(crate) fn find(number: usize) -> Option<&'static Interpreter> {
    lock(STARTED.get()).iter().copied().find(|interpreter| interpreter.number() == number)
}

/// The interpreters; none if another thread, which may be gone by now, is adding one.
fn started() -> Vec<&'static Interpreter> {
    match STARTED.get().try_lock() {
        Ok(all) => all.clone(),
        Err(TryLockError::Poisoned(all)) => all.into_inner().clone(),
        Err(TryLockError::WouldBlock) => Vec::new(),
    }
}
