//! The number of threads of a call: what the process has set, what the environment says, and what the call asks for.

use std::num::NonZero;

use crate::sys::affinity::available_processors;
use crate::sys::settings::{self, MAX_THREADS, THREADS};

/// The number that [`set`] or `UNGIL_NUM_THREADS` asks for, else 1: for operations without [`CallOptions`].
///
/// [`CallOptions`]: super::options::CallOptions
pub(crate) fn requested() -> usize {
    THREADS.requested(settings::variables()).unwrap_or(1)
}

/// The number of threads that a call uses by default.
pub fn default() -> usize {
    THREADS.default(settings::variables(), available_processors)
}

/// Sets the process's number of threads; `None` returns to what the environment says.
pub fn set(threads: Option<NonZero<usize>>) {
    settings::variables(); // reads the environment now, so a later change to it cannot alter what `None` returns to
    THREADS.set(threads.map_or(0, NonZero::get));
}

/// The number that [`set`] has set.
pub fn setting() -> Option<NonZero<usize>> {
    NonZero::new(THREADS.setting())
}

/// The number of threads for a call that asks for so many: by default 1 if the call is small.
pub(crate) fn of_call(threads: Option<NonZero<usize>>, is_small: bool) -> usize {
    match threads {
        Some(threads) => threads.get().min(MAX_THREADS),
        None if is_small => 1,
        None => default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "it makes system calls that Miri lacks")]
    fn a_call_uses_as_many_threads_as_it_asks_for() {
        for is_small in [false, true] {
            assert_eq!(of_call(NonZero::new(1), is_small), 1);
            assert_eq!(of_call(NonZero::new(2), is_small), 2);
            assert_eq!(of_call(NonZero::new(usize::MAX), is_small), MAX_THREADS);
            assert!(of_call(None, is_small) > 0);
        }
        assert_eq!(of_call(None, true), 1);
    }
}
