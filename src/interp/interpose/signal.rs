//! Signals. An interpreter believes itself a process: what its Python and its private libraries set is recorded for it
//! alone, and a signal that they send to their own process reaches their own handlers. The process's handlers are the
//! host's.
//!
//! | file | contents |
//! |---|---|
//! | `records` | what each copy has set: `sigaction`, `signal`, `siginterrupt`, `sigaltstack` |
//! | `delivery` | `raise`, `kill`, `pthread_kill`, `pause`, and interrupts |
//! | `timers` | `setitimer`, `getitimer`, `alarm` |
//! | `mask` | `pthread_sigmask` |
//!
//! In a child that a copy has forked, all of them are the C library's: that process is its own.

pub(crate) mod delivery;
pub(crate) mod mask;
pub(super) mod records;
pub(super) mod timers;

use std::ffi::c_int;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::sys::process;

/// The process that the latest copy was loaded in, and its PID.
static PROCESS: AtomicU64 = AtomicU64::new(0);
static PID: AtomicU32 = AtomicU32::new(0);

/// This is the process of the copies; others are children that `subprocess` has made.
pub(super) fn remember_process() {
    PROCESS.store(process::token(), Ordering::Relaxed);
    PID.store(std::process::id(), Ordering::Relaxed);
}

/// The code of copy `number` of libpython is in this range. To be called before the copy calls any of these functions.
pub(super) fn register(number: usize, code: Range<usize>) {
    records::register(number, code);
}

/// Whether this is a child that subprocess has made, by fork or by vfork. The child of a vfork has signal handlers of
/// its own but its parent's memory, and so its parent's token: only its PID differs. The child of a fork may be the
/// first in a PID namespace, as its parent is in another: then only the token differs.
fn is_child() -> bool {
    PROCESS.load(Ordering::Relaxed) != process::token() || PID.load(Ordering::Relaxed) != std::process::id()
}

/// Sets errno, and returns what a function of the C library returns then.
fn failed(error: c_int) -> c_int {
    // SAFETY: the pointer is to the calling thread's errno, which is always valid.
    unsafe { *libc::__errno_location() = error };
    -1
}
