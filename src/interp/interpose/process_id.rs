//! The process ID, for libraries that tell by it who uses memory that processes share, as LMDB does: interpreters must not
//! have the same. An interpreter's is the ID of its own thread. No process has the same one while that thread lives, which
//! never ends; and the system takes it for the process's, as in `kill`.

use std::sync::atomic::{AtomicI32, Ordering};

use super::copies::MAX_COPIES;
use super::signal::child::is_child;
use crate::sys::thread_id::thread_id;

static THREADS: [AtomicI32; MAX_COPIES] = [const { AtomicI32::new(0) }; MAX_COPIES];

/// This is copy `number`'s own thread.
pub(super) fn register(number: usize) {
    THREADS[number].store(thread_id(), Ordering::Relaxed);
}

/// The ID that copy `number` has among the processes. A child that it forks is a process like any other.
///
/// # Safety
/// None. (It is unsafe like all functions that are interposed.)
pub(super) unsafe extern "C" fn getpid(number: usize) -> libc::pid_t {
    let thread = THREADS[number].load(Ordering::Relaxed);
    // SAFETY: getpid has no preconditions.
    if thread == 0 || is_child() { unsafe { libc::getpid() } } else { thread }
}
