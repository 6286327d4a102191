//! The ends that a thread or the process comes to instead of unwinding.

use std::thread;
use std::time::Duration;

/// Protects the frame that holds it, whose memory other threads use. A panic that would free the frame ends the
/// process. Forced unwinding, as by asynchronous cancellation of the thread, stops the thread.
#[must_use]
pub(crate) struct NoUnwindGuard(());

impl NoUnwindGuard {
    pub(crate) fn new() -> Self {
        Self(())
    }

    /// No other thread uses the frame any more.
    pub(crate) fn disarm(self) {
        std::mem::forget(self);
    }
}

impl Drop for NoUnwindGuard {
    #[cold]
    fn drop(&mut self) {
        if thread::panicking() {
            abort_with("ungil: internal error: a panic in a frame that other threads use\n");
        }
        park_forever();
    }
}

/// Never returns. (Not `thread::park`: it needs thread-local data, which may be gone when a thread ends.)
pub(crate) fn park_forever() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

/// Ends the process by `abort`, with a line on stderr.
#[cfg(unix)]
pub(crate) fn abort_with(line: &str) -> ! {
    // SAFETY: the pointer and the length are those of `line`. If it cannot be written, the process ends without it.
    unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    std::process::abort()
}

/// Ends the process by `abort`, with a line on stderr.
#[cfg(not(unix))]
pub(crate) fn abort_with(line: &str) -> ! {
    eprint!("{line}");
    std::process::abort()
}
