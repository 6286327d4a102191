//! Signals are the host's: threads that this library starts take none.

#[cfg(unix)]
use std::mem::MaybeUninit;
#[cfg(unix)]
use std::ptr;

/// Does something, a thread's start, with signals blocked, which the thread inherits: they are the host's, and its own
/// threads wait for them. Those that a thread brings upon itself are not blocked, as then they would kill.
#[cfg(unix)]
pub(crate) fn with_blocked_signals<T>(start: impl FnOnce() -> T) -> T {
    const OWN: [libc::c_int; 7] =
        [libc::SIGSEGV, libc::SIGBUS, libc::SIGFPE, libc::SIGILL, libc::SIGTRAP, libc::SIGSYS, libc::SIGABRT];
    let mut all = MaybeUninit::uninit();
    let mut before = MaybeUninit::uninit();
    // SAFETY: sigfillset writes the whole set, which the others change and read; they only concern this thread.
    unsafe {
        libc::sigfillset(all.as_mut_ptr());
        for signal in OWN {
            libc::sigdelset(all.as_mut_ptr(), signal);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), before.as_mut_ptr());
    }
    let result = start();
    // SAFETY: pthread_sigmask has written the set.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, before.as_ptr(), ptr::null_mut()) };
    result
}

#[cfg(not(unix))]
pub(crate) fn with_blocked_signals<T>(start: impl FnOnce() -> T) -> T {
    start()
}
