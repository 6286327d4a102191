//! Numbers with a small divisor: the rule of num_primes().

use super::primes::count_by;
use crate::capi::abi::guard::guarded_status;
use crate::ops::small_divisors;

/// num_primes() for arrays of any length: how many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
///
/// It does *not* count primes: see num_primes(). ungil_count_primes_i32() counts primes.
///
/// numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
/// length is 0.
/// length: the number of elements.
/// nthreads, control: see "Calls on many threads" above.
/// count: receives the count, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if count is NULL, or if numbers is NULL while length is positive; UNGIL_E_INVALID if the array
/// is larger than the address space; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: that of num_primes(), divided by the number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_num_primes_i32(
    numbers: *const i32,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_num_primes_i32", || {
        // SAFETY: the header's contract for the array and the count is that of `count_by`.
        unsafe {
            count_by(small_divisors::count_with_small_divisor, numbers, length, nthreads, control, count)
        }
    })
}
