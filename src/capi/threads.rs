//! How many threads a call may use.

use super::guard::guarded;
use crate::environment;
use crate::error::Error;
use crate::pool;

/// A mistyped number must not start threads by the thousand.
const MOST: usize = 256;

/// For the functions that have no argument for it: the number in `UNGIL_NUM_THREADS`, read at each call; 1 if it is
/// not set or not a positive number.
pub(super) fn requested() -> usize {
    parse(environment::variable("UNGIL_NUM_THREADS").as_deref()).unwrap_or(1)
}

/// The number that an argument `nthreads` stands for: itself, or, if it is 0, that in `UNGIL_NUM_THREADS`, else that in
/// `OMP_NUM_THREADS`, else the number of processors; but 1 if the call is a small one, which asking would take longer
/// than.
///
/// Errors: [`Error::Invalid`] if it is negative.
pub(super) fn of_call(nthreads: i32, is_small: bool) -> Result<usize, Error> {
    match usize::try_from(nthreads) {
        Ok(0) if is_small => Ok(1),
        Ok(0) => Ok(default_of(environment::variables(["UNGIL_NUM_THREADS", "OMP_NUM_THREADS"]))),
        Ok(threads) => Ok(threads.min(MOST)),
        Err(_) => Err(Error::Invalid { parameter: "nthreads", expected: "positive, or 0 for the default" }),
    }
}

/// The number of threads that nthreads = 0 stands for: that in the environment's UNGIL_NUM_THREADS, else in
/// OMP_NUM_THREADS, else the number of the processors that the calling thread may use.
///
/// Returns a number from 1 to 256, or that of the processors, if they are more.
/// Thread-safety: any thread, any time.
/// Cost: below a microsecond.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_num_threads() -> i32 {
    guarded("ungil_num_threads", 1, || Ok(i32::try_from(of_call(0, false)?).unwrap_or(i32::MAX)))
}

fn default_of([own, openmp]: [Option<String>; 2]) -> usize {
    // OpenMP's may be a list with a number per level of nesting.
    let outermost = openmp.as_deref().and_then(|text| text.split(',').next());
    parse(own.as_deref()).or_else(|| parse(outermost)).unwrap_or_else(pool::processors)
}

/// A positive number in decimal digits, `MOST` if it is larger.
fn parse(text: Option<&str>) -> Option<usize> {
    let digits = text?.trim().trim_start_matches('0');
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.parse().map_or(MOST, |number| MOST.min(number)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positive_numbers_only() {
        for (text, expected) in
            [("1", 1), ("4", 4), (" 7 ", 7), ("007", 7), ("100000", MOST), ("99999999999999999999", MOST)]
        {
            assert_eq!(parse(Some(text)), Some(expected));
        }
        for text in ["", "0", "-1", "+1", "many", "1.5"] {
            assert_eq!(parse(Some(text)), None, "{text}");
        }
        assert_eq!(parse(None), None);
    }

    #[test]
    fn the_librarys_own_variable_comes_before_openmps_and_that_before_the_processors() {
        let threads = |own: &str, openmp: &str| default_of([own, openmp].map(|text| Some(text.to_owned())));
        assert_eq!(threads("3", "5"), 3);
        assert_eq!(threads("none", "5"), 5);
        assert_eq!(threads("0", "5,2"), 5);
        assert_eq!(threads("", ""), pool::processors());
        assert_eq!(default_of([None, None]), pool::processors());
    }

    #[test]
    fn an_argument_is_taken_as_it_is() {
        for is_small in [false, true] {
            assert_eq!(of_call(1, is_small), Ok(1));
            assert_eq!(of_call(i32::MAX, is_small), Ok(MOST));
            assert!(of_call(-1, is_small).is_err());
            assert!(of_call(0, is_small).is_ok_and(|threads| threads > 0));
        }
        assert_eq!(of_call(0, true), Ok(1));
    }
}
