//! Signals that code of an interpreter sends to its own process, and interrupts: they reach the interpreter's handlers.

use std::ffi::{c_int, c_void};
use std::mem;
use std::time::Duration;

use super::child::is_child;
use super::records::{self, Disposition, Signals, is_valid};
use crate::interp::exit::at_exit;
use crate::interp::exit::life::Life;
use crate::interp::interpose::process::end_by_signal;
use crate::sys::errno::{self, failed};
use crate::sys::sync::{lock, unpoisoned};

/// How often a thread in `pause` looks whether the process is exiting.
const PAUSE: Duration = Duration::from_millis(50);

/// What an interrupt has done.
pub(crate) enum Interrupted {
    /// Python's handler was called. It has Python's main thread call the handler in Python.
    Handled,
    Ignored,
    /// There is no handler of Python's.
    NotHandled,
}

/// Calls the handler of SIGINT that copy `number` of Python has.
pub(crate) fn interrupt(number: usize) -> Interrupted {
    let Some(signals) = records::of(number) else { return Interrupted::NotHandled };
    match signals.disposition(libc::SIGINT) {
        Disposition::Ignored => Interrupted::Ignored,
        Disposition::Handled(action, true) => {
            call(signals, libc::SIGINT, &action);
            Interrupted::Handled
        }
        _ => Interrupted::NotHandled,
    }
}

/// Runs `change` while no handler of copy `number` is called.
pub(crate) fn while_none_is_delivered<T>(number: usize, change: impl FnOnce() -> T) -> T {
    let _delivery = records::of(number).map(|signals| signals.delivery.lock());
    change()
}

/// Delivers a signal to copy `number`, on this thread; nothing happens if its interpreter is dead. The error is an errno.
pub(super) fn deliver(number: usize, signals: &'static Signals, signal: c_int) -> Result<(), c_int> {
    if Life::of(number).is_dead() {
        return Ok(());
    }
    match signals.disposition(signal) {
        Disposition::Ignored => Ok(()),
        Disposition::Handled(action, _) => {
            if action.sa_flags & libc::SA_RESETHAND != 0 {
                signals.set_default(signal);
            }
            call(signals, signal, &action);
            Ok(())
        }
        Disposition::Default => act_by_default(number, signal),
        // SAFETY: the signal is valid. The handler is the library's that has installed it.
        Disposition::OfProcess => match unsafe { libc::raise(signal) } {
            0 => Ok(()),
            _ => Err(libc::EINVAL),
        },
    }
}

/// Most signals end a process: they end the interpreter. Where that is not possible, and where a signal would stop the
/// process, this fails.
fn act_by_default(number: usize, signal: c_int) -> Result<(), c_int> {
    match signal {
        libc::SIGCHLD | libc::SIGCONT | libc::SIGURG | libc::SIGWINCH => return Ok(()),
        libc::SIGSTOP | libc::SIGTSTP | libc::SIGTTIN | libc::SIGTTOU => {}
        // Frames of this module that are abandoned own nothing, except for the lock of deliveries if a handler sends a
        // signal: that is released before.
        _ => end_by_signal(number, signal),
    }
    Err(libc::EPERM)
}

fn call(signals: &Signals, signal: c_int, action: &libc::sigaction) {
    let delivery = signals.delivery.lock();
    // SAFETY: whoever has set the action has promised that its handler may be called, on any thread and at any time; by
    // the flag, it has one of two types. Zeros are valid values of both structures.
    errno::preserved(|| unsafe {
        if action.sa_flags & libc::SA_SIGINFO != 0 {
            type Handler = unsafe extern "C" fn(c_int, *mut libc::siginfo_t, *mut c_void);
            let handler = mem::transmute::<libc::sighandler_t, Handler>(action.sa_sigaction);
            let (mut info, mut context): (libc::siginfo_t, libc::ucontext_t) = mem::zeroed();
            (info.si_signo, info.si_code) = (signal, libc::SI_USER);
            handler(signal, &mut info, (&raw mut context).cast());
        } else {
            let handler =
                mem::transmute::<libc::sighandler_t, unsafe extern "C" fn(c_int)>(action.sa_sigaction);
            handler(signal);
        }
    });
    drop(delivery);
    *lock(&signals.handled) += 1;
    signals.changed.notify_all();
}

/// POSIX's `raise`, for copy `number`.
pub(in crate::interp::interpose) unsafe extern "C" fn raise(signal: c_int, number: usize) -> c_int {
    match own(number, signal) {
        Some(signals) => deliver(number, signals, signal).map_or_else(failed, |()| 0),
        // SAFETY: the C library checks the signal's number.
        None => unsafe { libc::raise(signal) },
    }
}

/// POSIX's `kill`. Signals to other processes, and to groups, are sent.
pub(in crate::interp::interpose) unsafe extern "C" fn kill(
    process: libc::pid_t,
    signal: c_int,
    number: usize,
) -> c_int {
    // SAFETY: it has no preconditions.
    let is_own = process == unsafe { libc::getpid() };
    match own(number, signal).filter(|_| is_own) {
        Some(signals) => deliver(number, signals, signal).map_or_else(failed, |()| 0),
        // SAFETY: the C library checks the arguments.
        None => unsafe { libc::kill(process, signal) },
    }
}

/// POSIX's `pthread_kill`. The handler is called on the calling thread.
///
/// # Safety
/// The contract of the C library's `pthread_kill`: the thread has not been joined.
pub(in crate::interp::interpose) unsafe extern "C" fn pthread_kill(
    thread: libc::pthread_t,
    signal: c_int,
    number: usize,
) -> c_int {
    let signals = own(number, signal).filter(|it| !matches!(it.disposition(signal), Disposition::OfProcess));
    let sent = if signals.is_some() { 0 } else { signal };
    // SAFETY: by this function's contract. With 0, the C library only looks whether the thread runs.
    match (unsafe { libc::pthread_kill(thread, sent) }, signals) {
        (0, Some(signals)) => deliver(number, signals, signal).map_or_else(|error| error, |()| 0),
        (status, _) => status,
    }
}

/// POSIX's `pause`: waits until a handler is called.
pub(in crate::interp::interpose) unsafe extern "C" fn pause(number: usize) -> c_int {
    let Some(signals) = records::of(number).filter(|_| !is_child()) else {
        // SAFETY: it has no preconditions.
        return unsafe { libc::pause() };
    };
    let mut count = lock(&signals.handled);
    let before = *count;
    while *count == before && !at_exit::is_exiting() {
        count = unpoisoned(signals.changed.wait_timeout(count, PAUSE)).0;
    }
    failed(libc::EINTR)
}

/// What copy `number` has set, if it is to have this signal.
fn own(number: usize, signal: c_int) -> Option<&'static Signals> {
    records::of(number).filter(|_| is_valid(signal) && !is_child())
}
