//! Primality.

use super::control::CallArguments;
use crate::capi::abi::array::{CallerArray, CallerOutArray, FlaggedArray, Out};
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::ops::options::CallOptions;
use crate::ops::primes;

/// Tests numbers for primality: `out[i] = 1` if `numbers[i]` is prime, else 0.
///
/// The test is deterministic, not probabilistic: a strong probable prime test to base 2 and an extra strong Lucas test.
/// No composite number below 2^64 passes both (Feitsma's list of base-2 pseudoprimes, checked by Jacobsen).
///
/// numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
/// length is 0.
/// length: the number of elements.
/// out: receives length bytes, in memory separate from numbers; no other thread may use it during the call. May be NULL
/// if length is 0.
/// nthreads, control: see "Calls on many threads" above.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if numbers or out is NULL while length is positive; UNGIL_E_INVALID if an array is larger than
/// the address space, or if numbers and out overlap; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: with one thread and AVX-512, about 16 ns per random odd number below 2^64, and 135 ns per number if all are
/// prime; three times as much without AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_is_prime_u64(
    numbers: *const u64,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_is_prime_u64", || {
        // SAFETY: the header's contract for the arrays is that of `is_prime`.
        unsafe { is_prime(numbers, length, out, nthreads, control) }
    })
}

/// ungil_is_prime_u64() for signed numbers. Negative numbers are not prime. (For 32-bit numbers, convert them.)
///
/// numbers, length, out, nthreads, control: as for ungil_is_prime_u64().
/// Returns, Errors, Thread-safety, Cost: as for ungil_is_prime_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_is_prime_i64(
    numbers: *const i64,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> i32 {
    guarded_status("ungil_is_prime_i64", || {
        // SAFETY: the header's contract for the arrays is that of `is_prime`.
        unsafe { is_prime(numbers, length, out, nthreads, control) }
    })
}

/// # Safety
/// The arrays are as [`CallerArray::new`] and [`CallerOutArray::new`] require.
unsafe fn is_prime<T: primes::Integer>(
    numbers: *const T,
    length: usize,
    out: *mut u8,
    nthreads: i32,
    control: i32,
) -> Result<(), CallError> {
    // SAFETY: this function's contract is that of both.
    let (numbers, out) =
        unsafe { (CallerArray::new("numbers", numbers, length)?, CallerOutArray::new("out", out, length)?) };
    let array = FlaggedArray::new(numbers, out)?;
    let call = CallArguments::new(nthreads, control)?;
    Ok(primes::is_prime(&array, call.options())?)
}

/// How many of the numbers are prime.
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
/// Cost: that of ungil_is_prime_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_u64(
    numbers: *const u64,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_u64", || {
        // SAFETY: the header's contract for the array and the count is that of `count_by`.
        unsafe { count_by(primes::count, numbers, length, nthreads, control, count) }
    })
}

/// ungil_count_primes_u64() for signed numbers. Negative numbers are not prime.
///
/// numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
/// Returns, Errors, Thread-safety, Cost: as for ungil_count_primes_u64().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_i64(
    numbers: *const i64,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_i64", || {
        // SAFETY: the header's contract for the array and the count is that of `count_by`.
        unsafe { count_by(primes::count, numbers, length, nthreads, control, count) }
    })
}

/// ungil_count_primes_u64() for signed 32-bit numbers. Negative numbers are not prime.
///
/// numbers, length, nthreads, control, count: as for ungil_count_primes_u64().
/// Returns, Errors, Thread-safety: as for ungil_count_primes_u64().
/// Cost: about 5 ns per number, with one thread and AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_count_primes_i32(
    numbers: *const i32,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> i32 {
    guarded_status("ungil_count_primes_i32", || {
        // SAFETY: the header's contract for the array and the count is that of `count_by`.
        unsafe { count_by(primes::count, numbers, length, nthreads, control, count) }
    })
}

/// An export that counts the numbers of an array by one of the operations.
///
/// # Safety
/// The array is as [`CallerArray::new`] requires, and `count` as [`Out::new`] does.
pub(super) unsafe fn count_by<T>(
    operation: impl FnOnce(&CallerArray<T>, CallOptions<'_>) -> Result<u64, Error>,
    numbers: *const T,
    length: usize,
    nthreads: i32,
    control: i32,
    count: *mut u64,
) -> Result<(), CallError> {
    // SAFETY: this function's contract is that of both.
    let (numbers, out) =
        unsafe { (CallerArray::new("numbers", numbers, length)?, Out::new("count", count)?) };
    let call = CallArguments::new(nthreads, control)?;
    out.write(operation(&numbers, call.options())?);
    Ok(())
}
