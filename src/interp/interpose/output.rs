//! One write to the standard streams at a time, in all interpreters: a line that is longer than what a pipe takes at once
//! (`PIPE_BUF`) is not mixed with others.
//!
//! A thread that waits for its turn does so as if it were in the system call already: a signal ends the wait with EINTR.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicI32, Ordering};
use std::{hint, ptr, slice};

use crate::interp::interpose::fatal_error;
use crate::sys::errno;

/// The process in which a thread writes; 0 if none does. In the child of a fork it may be that of the parent, where the
/// child has no thread that writes.
static WRITER: AtomicI32 = AtomicI32::new(0);

/// How often a thread looks before it sleeps.
const SPINS: u32 = 100;
/// The first sleep, and the longest one, in nanoseconds.
const SLEEPS: (i64, i64) = (20_000, 2_000_000);

/// As the C library's, but keeps what it writes about a fatal error, and writes to the standard streams in turn.
///
/// # Safety
/// The contract of the C library's `write`.
pub(super) unsafe extern "C" fn write(descriptor: c_int, bytes: *const c_void, length: usize) -> isize {
    let mut turn = None;
    if matches!(descriptor, libc::STDOUT_FILENO | libc::STDERR_FILENO) && length > 0 {
        if descriptor == libc::STDERR_FILENO {
            // SAFETY: by this function's contract, so many bytes can be read.
            fatal_error::note(unsafe { slice::from_raw_parts(bytes.cast(), length) });
        }
        turn = Turn::wait();
        if turn.is_none() {
            return -1;
        }
    }
    // SAFETY: the arguments are passed on unchanged, under the same contract.
    let written = unsafe { libc::write(descriptor, bytes, length) };
    drop(turn); // an atomic store, which leaves errno as it is
    written
}

/// The turn of this thread, until it is dropped.
struct Turn;

impl Turn {
    /// Waits for it; `None`, with EINTR as the error, if a signal came.
    fn wait() -> Option<Self> {
        // SAFETY: it takes nothing and cannot fail.
        let process = unsafe { libc::getpid() };
        let mut expected = 0;
        let (mut spins, mut sleep) = (0, SLEEPS.0);
        while let Err(writer) =
            WRITER.compare_exchange_weak(expected, process, Ordering::Acquire, Ordering::Relaxed)
        {
            expected = if writer == process { 0 } else { writer };
            if writer != process {
                continue; // nobody has it: it is 0, or it was taken in the parent
            }
            if spins < SPINS {
                spins += 1;
                hint::spin_loop();
                continue;
            }
            let pause = libc::timespec { tv_sec: 0, tv_nsec: sleep };
            // SAFETY: the time is valid, and the rest of it may be null.
            if unsafe { libc::nanosleep(&raw const pause, ptr::null_mut()) } != 0
                && errno::get() == libc::EINTR
            {
                return None;
            }
            sleep = SLEEPS.1.min(sleep * 2);
        }
        Some(Self)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        WRITER.store(0, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_of_the_parent_process_is_over() {
        WRITER.store(-1, Ordering::Relaxed); // no process has this number
        drop(Turn::wait().expect("no signal comes"));
        assert_eq!(WRITER.load(Ordering::Relaxed), 0);
    }
}
