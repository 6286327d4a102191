//! A variable that the C library's `fork` sets to 0 in the child, for kernels without pages that do so by themselves.
//! (A child that is made by `_Fork` or by the system call keeps its parent's token.)

use std::sync::atomic::AtomicU64;

static TOKEN: AtomicU64 = AtomicU64::new(0);

#[cfg(all(unix, not(miri)))]
pub(crate) fn new_cell() -> &'static AtomicU64 {
    extern "C" fn clear() {
        TOKEN.store(0, std::sync::atomic::Ordering::Relaxed);
    }
    // SAFETY: the handler only stores to a static, so it may run in any child. It exists as long as the process, which
    // never unloads this library. If two threads register it at once, it runs twice, to the same effect.
    let error = unsafe { libc::pthread_atfork(None, None, Some(clear)) };
    assert_eq!(error, 0, "there is no memory for a handler of fork");
    &TOKEN
}

/// (There is no fork here.)
#[cfg(any(not(unix), miri))]
pub(crate) fn new_cell() -> &'static AtomicU64 {
    &TOKEN
}

#[cfg(all(any(target_os = "linux", target_os = "android"), not(miri)))]
pub(crate) fn is(cell: &'static AtomicU64) -> bool {
    std::ptr::eq(cell, &TOKEN)
}

// What `wiped_page` has to do for its pages, where there are none.

#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
pub(crate) fn wait_for_forks(_: &'static AtomicU64) {}

#[cfg(any(not(any(target_os = "linux", target_os = "android")), miri))]
pub(crate) fn discard(_: &'static AtomicU64) {}
