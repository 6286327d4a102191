//! How many threads a call may use.

use crate::capi::abi::guard::{guarded, guarded_status};
use crate::error::Error;
use crate::sys::affinity::available_processors;
use crate::sys::settings::{self, MAX_THREADS, THREADS};

/// For the functions that have no argument for it: the number that was asked for, by `ungil_set_num_threads()` or
/// `UNGIL_NUM_THREADS`; else 1.
pub(super) fn requested() -> usize {
    THREADS.requested(settings::variables()).unwrap_or(1)
}

/// The number that an argument `nthreads` stands for: itself, or, if it is 0, the default; but 1 if the call is a small
/// one, for which another thread would come too late.
///
/// Errors: [`Error::Invalid`] if it is negative.
pub(super) fn of_call(nthreads: i32, is_small: bool) -> Result<usize, Error> {
    match checked(nthreads)? {
        0 if is_small => Ok(1),
        0 => Ok(THREADS.default(settings::variables(), available_processors)),
        threads => Ok(threads.min(MAX_THREADS)),
    }
}

fn checked(nthreads: i32) -> Result<usize, Error> {
    usize::try_from(nthreads)
        .map_err(|_| Error::Invalid { parameter: "nthreads", expected: "positive, or 0 for the default" })
}

fn as_c(threads: usize) -> i32 {
    i32::try_from(threads).unwrap_or(i32::MAX)
}

/// The number of threads that nthreads = 0 stands for: the latest of ungil_set_num_threads(), else that in the
/// environment's UNGIL_NUM_THREADS, else in OMP_NUM_THREADS, else the number of the processors that the calling thread
/// may use.
///
/// Returns a number from 1 to 256, or that of the processors, if they are more.
/// Thread-safety: any thread, any time.
/// Cost: a few nanoseconds; a system call where the processors are counted. The first call reads the environment.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_num_threads() -> i32 {
    guarded("ungil_num_threads", 1, || Ok(as_c(of_call(0, false)?)))
}

/// Sets the number of threads for the whole process, as if the environment's UNGIL_NUM_THREADS had been that number: it
/// is what nthreads = 0 stands for, and what test(), num_primes() and compPi_ctypes() run on.
///
/// nthreads: the number, from 1 on; above 256 it is as 256. 0 goes back to what was without this function: the number
/// in UNGIL_NUM_THREADS, as it was when the environment was read; without one, nthreads = 0 stands for OMP_NUM_THREADS
/// or the processors again, and the three functions run on the calling thread.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error(), and then nothing has changed.
/// Errors: UNGIL_E_INVALID if nthreads is negative.
/// Thread-safety: any thread, any time; the latest number counts. It holds for calls that begin later, on any thread
/// and in any interpreter; one that is under way keeps its number. The child of a fork has its parent's.
/// Cost: a few nanoseconds; no thread is started or ended. The first call reads the environment.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_set_num_threads(nthreads: i32) -> i32 {
    guarded_status("ungil_set_num_threads", || {
        let threads = checked(nthreads)?;
        settings::variables(); // a use of the library: what 0 goes back to is known from now on
        THREADS.set(threads);
        Ok(())
    })
}

/// The number that ungil_set_num_threads() has set; given to it later, it brings the present state back.
///
/// ungil_num_threads() does not: once its number is set, it no longer follows the processors, and is test()'s,
/// num_primes()'s and compPi_ctypes()'s too.
///
/// Returns a number from 1 to 256, or 0 if none is set.
/// Thread-safety: any thread, any time.
/// Cost: a few nanoseconds.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_num_threads_setting() -> i32 {
    guarded("ungil_num_threads_setting", 0, || Ok(as_c(THREADS.setting())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::abi::last_error::tests::message;
    use crate::capi::abi::status;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn an_argument_is_taken_as_it_is() {
        for is_small in [false, true] {
            assert_eq!(of_call(1, is_small), Ok(1));
            assert_eq!(of_call(i32::MAX, is_small), Ok(MAX_THREADS));
            assert!(of_call(-1, is_small).is_err());
            assert!(of_call(0, is_small).is_ok_and(|threads| threads > 0));
        }
        assert_eq!(of_call(0, true), Ok(1));
    }

    /// The only test that sets the process's number: others must bear any.
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not know what it calls")]
    fn the_process_has_one_number_that_any_call_may_set() {
        let before = (ungil_num_threads(), requested());
        for (number, expected) in [(1, 1), (3, 3), (256, 256), (257, 256), (i32::MAX, 256)] {
            assert_eq!(ungil_set_num_threads(number), status::UNGIL_OK);
            assert_eq!((ungil_num_threads(), ungil_num_threads_setting()), (expected, expected));
            assert_eq!((of_call(0, false), requested()), (Ok(expected as usize), expected as usize));
            assert_eq!(of_call(0, true), Ok(1));
            assert_eq!(of_call(2, false), Ok(2));
        }
        for number in [-1, i32::MIN] {
            assert_eq!(ungil_set_num_threads(number), status::UNGIL_E_INVALID);
            assert!(message().starts_with("ungil_set_num_threads: nthreads must be"), "{}", message());
            assert_eq!(ungil_num_threads(), 256);
        }
        assert_eq!(ungil_set_num_threads(0), status::UNGIL_OK);
        assert_eq!((ungil_num_threads(), requested(), ungil_num_threads_setting()), (before.0, before.1, 0));
    }
}
