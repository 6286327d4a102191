//! Whether this is a child that a copy has forked: that process is its own.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sys::process;

/// The process that the latest copy was loaded in, and its PID.
static PROCESS: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);

/// This is the process of the copies; others are children that `subprocess` has made.
pub(in crate::interp::interpose) fn remember_process() {
    PROCESS.store(process::token(), Ordering::Relaxed);
    PID.store(std::process::id(), Ordering::Relaxed);
}

/// Whether this is a child that subprocess has made, by fork or by vfork. The child of a vfork has signal handlers of
/// its own but its parent's memory, and so its parent's token: only its PID differs. The child of a fork may be the
/// first in a PID namespace, as its parent is in another: then only the token differs.
pub(in crate::interp::interpose) fn is_child() -> bool {
    PROCESS.load(Ordering::Relaxed) != process::token() || PID.load(Ordering::Relaxed) != std::process::id()
}
