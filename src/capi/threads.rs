//! The number of threads.

use std::num::NonZero;

use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::{guarded, guarded_status};
use crate::error::Error;
use crate::ops::threads;

/// The number of threads that an argument asks for; 0 means the default.
///
/// Errors: [`Error::Invalid`] if it is negative.
pub(super) fn from_c(nthreads: i32) -> Result<Option<NonZero<usize>>, CallError> {
    let invalid = Error::Invalid { parameter: "nthreads", expected: "positive, or 0 for the default" };
    Ok(usize::try_from(nthreads).map(NonZero::new).map_err(|_| invalid)?)
}

fn to_c(threads: usize) -> i32 {
    i32::try_from(threads).unwrap_or(i32::MAX)
}

/// The default number of threads, which nthreads = 0 selects: the number set by ungil_set_num_threads(), else that in
/// UNGIL_NUM_THREADS, else that in OMP_NUM_THREADS, else the number of processors that the calling thread may use.
///
/// Returns a number from 1 to 256; or the number of processors, even if that is larger.
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds; a system call if it counts the processors. The first call reads the environment.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_num_threads() -> i32 {
    guarded("ungil_num_threads", 1, || Ok(to_c(threads::default())))
}

/// Sets the number of threads for the whole process, as if UNGIL_NUM_THREADS had been set to it. Calls with
/// nthreads = 0 use this number, and so do test(), num_primes() and compPi_ctypes().
///
/// nthreads: the number of threads, 1 or more; a number above 256 means 256. 0 undoes earlier calls of this function:
/// UNGIL_NUM_THREADS applies again, with its value at the time when the environment was read. If that is not set,
/// nthreads = 0 means OMP_NUM_THREADS or the number of processors, and the three functions run on the calling thread.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error(); on error, nothing changes.
/// Errors: UNGIL_E_INVALID if nthreads is negative.
/// Thread-safety: any thread, at any time; the latest number wins. It applies to calls that begin later, on any thread
/// and in any interpreter; a running call keeps its number. The child of a fork inherits it.
/// Cost: a few nanoseconds; it neither starts nor ends a thread. The first call reads the environment.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_set_num_threads(nthreads: i32) -> i32 {
    guarded_status("ungil_set_num_threads", || {
        threads::set(from_c(nthreads)?);
        Ok(())
    })
}

/// The number that ungil_set_num_threads() has set. Passing it to that function later restores the present state.
///
/// The result of ungil_num_threads() would not restore it: that number, once set, no longer follows the number of
/// processors, and applies to test(), num_primes() and compPi_ctypes() too.
///
/// Returns a number from 1 to 256, or 0 if none is set.
/// Thread-safety: any thread, at any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_num_threads_setting() -> i32 {
    guarded("ungil_num_threads_setting", 0, || Ok(threads::setting().map_or(0, |number| to_c(number.get()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::abi::last_error::tests::message;
    use crate::capi::abi::status;

    /// The only test that sets the process's number: the others must pass with any.
    #[test]
    #[cfg_attr(miri, ignore = "it makes system calls that Miri lacks")]
    fn the_process_has_one_number_that_any_call_may_set() {
        let before = (ungil_num_threads(), threads::requested());
        for (number, expected) in [(1, 1), (3, 3), (256, 256), (257, 256), (i32::MAX, 256)] {
            assert_eq!(ungil_set_num_threads(number), status::UNGIL_OK);
            assert_eq!((ungil_num_threads(), ungil_num_threads_setting()), (expected, expected));
            assert_eq!(
                (threads::of_call(None, false), threads::requested()),
                (expected as usize, expected as usize)
            );
            assert_eq!(threads::of_call(None, true), 1);
            assert_eq!(threads::of_call(NonZero::new(2), false), 2);
        }
        for number in [-1, i32::MIN] {
            assert_eq!(ungil_set_num_threads(number), status::UNGIL_E_INVALID);
            assert!(message().starts_with("ungil_set_num_threads: nthreads must be"), "{}", message());
            assert_eq!(ungil_num_threads(), 256);
        }
        assert_eq!(ungil_set_num_threads(0), status::UNGIL_OK);
        assert_eq!(
            (ungil_num_threads(), threads::requested(), ungil_num_threads_setting()),
            (before.0, before.1, 0)
        );
    }
}
