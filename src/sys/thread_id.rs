//! The number that the kernel has for a thread.

/// That of the calling thread. It may be called in a signal handler.
pub(crate) fn thread_id() -> libc::pid_t {
    // SAFETY: it takes nothing and cannot fail. (glibc has a function for it only since 2.30.)
    unsafe { libc::syscall(libc::SYS_gettid) as libc::pid_t }
}

/// Whether this process has such a thread.
pub(crate) fn is_alive(thread: libc::pid_t) -> bool {
    // SAFETY: the kernel checks the numbers, and sends no signal 0.
    unsafe { libc::syscall(libc::SYS_tgkill, libc::getpid(), thread, 0) == 0 }
}
