//! The number that the kernel has for a thread.

/// That of the calling thread. It may be called in a signal handler.
pub(crate) fn thread_id() -> libc::pid_t {
    // SAFETY: it takes nothing and cannot fail. (glibc has a function for it only since 2.30.)
    unsafe { libc::syscall(libc::SYS_gettid) as libc::pid_t }
}
