//! Calls of functions that are not this library's: the caller's, and Python's.

use std::thread;
use std::time::Duration;

/// Calls a function from outside, which may never return: `call` does nothing else.
///
/// Python before 3.14 ends threads that come back to it after its end by `pthread_exit`, which unwinds them. That must
/// not go through this library's frames, where other threads may be at work: such a thread stays here for good, which
/// keeps no process from ending. (It is also what Python 3.14 does.)
#[inline(always)]
pub(crate) fn outside<R>(call: impl FnOnce() -> R) -> R {
    let stay = Stay;
    let result = call();
    std::mem::forget(stay);
    result
}

/// Dropped only if the function unwinds.
struct Stay;

impl Drop for Stay {
    #[cold]
    fn drop(&mut self) {
        stay()
    }
}

/// Never returns. (`thread::park` would want thread-local data, which may be gone while a thread ends.)
pub(crate) fn stay() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}
