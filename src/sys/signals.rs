//! Signals are for the program's own threads: the threads that this library starts receive none.

#[cfg(unix)]
use std::mem::MaybeUninit;
#[cfg(unix)]
use std::ptr;

/// Runs `start` with signals blocked, so that a thread which it starts inherits that. The program's threads then receive
/// the signals, and its `sigwait` works. Signals that a thread causes itself, like SIGSEGV, stay unblocked: if they
/// were blocked, they would kill the process without a call of the program's handler.
#[cfg(unix)]
pub(crate) fn with_blocked_signals<T>(start: impl FnOnce() -> T) -> T {
    const SYNCHRONOUS: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];
    let mut blocked = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset initialises the whole set before the others read or change it. pthread_sigmask changes only
    // this thread's mask, and writes the former one to `before`.
    unsafe {
        libc::sigfillset(blocked.as_mut_ptr());
        for signal in SYNCHRONOUS {
            libc::sigdelset(blocked.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, blocked.as_ptr(), before.as_mut_ptr());
    }
    let result = start();
    // SAFETY: `before` was written by the first pthread_sigmask, which cannot fail: its arguments are valid.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}

#[cfg(not(unix))]
pub(crate) fn with_blocked_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}
