//! The three functions that ctypes tutorials define in C, with the tutorials' names and types, so that scripts written
//! for those libraries can load this one.

use crate::capi::abi::array::CallerArray;
use crate::capi::abi::guard::guarded;
use crate::ops::compat;

/// The sum of the numbers i in [from, to) with i % 3 == 0, modulo 2^32.
///
/// It deliberately visits the whole range, so its run time is linear. It is meant as a CPU-bound workload: call it from
/// two Python threads and see it take half the time.
///
/// from, to: the ends of the range; it is empty if from >= to.
/// Returns the sum, reduced to 32 bits in two's complement; 0 for an empty range.
/// Errors: none.
/// Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
/// more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
/// Cost: linear in to - from; no memory.
#[unsafe(no_mangle)]
pub extern "C" fn test(from: i32, to: i32) -> i32 {
    guarded("test", 0, || Ok(compat::sum_multiples_of_3(from, to)?))
}

/// How many of the numbers n have a divisor d with 2 <= d < floor(sqrt(n)).
///
/// Despite its name, it does *not* count primes. It counts composite numbers, except the few whose least prime factor
/// is floor(sqrt(n)) itself: p^2, p*(p+2) for twin primes, 6 and 8. Negative numbers, 0 and 1 do not count. For the
/// numbers 0 to 999999 the result is 921295.
///
/// size: the number of elements; the result is 0 if it is 0 or negative.
/// numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
/// size is 0 or negative.
/// Returns the count; or -1 on error, with a message in ungil_last_error().
/// Errors: numbers is NULL while size is positive.
/// Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
/// more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
/// Cost: linear in size. A number takes less than a cycle if a table covers it; otherwise 4 cycles on average with
/// AVX-512, 10 with AVX2, 80 without either. There are tables for the numbers below 2^20 and 2^24, 1.1 MB together. The
/// first call with enough such numbers builds a table, in about 0.5 or 10 ms; the process keeps it.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn num_primes(size: i32, numbers: *const i32) -> i32 {
    guarded("num_primes", -1, || {
        // SAFETY: the caller passes an array that stays readable and unchanged.
        let numbers = unsafe { CallerArray::new("numbers", numbers, usize::try_from(size).unwrap_or(0)) }?;
        let count = compat::count_with_small_divisor(&numbers)?;
        Ok(i32::try_from(count).expect("the count is at most size"))
    })
}

/// (pi + the sum of 4/(1 + x^2) for x = h*(i - 0.5), i = 0 to niter-1) * h, with h = 1/niter.
///
/// With pi = 0 it tends to the number pi as niter grows, and is 2/niter too large.
///
/// pi: a number to add to the sum, usually 0.
/// niter: the number of terms. If it is 0 or negative, the sum is empty, and the result is pi * (1/niter) in IEEE 754
/// arithmetic: NaN for pi = 0 and niter = 0.
/// Returns the value. Its relative error against exact arithmetic is at most 1e-14 in all tests, and below 1e-13 by
/// proof; relative to (|pi| + the sum of the terms) * h, if a negative pi cancels the sum. The bits depend neither on
/// the number of threads nor on the CPU.
/// Errors: none.
/// Thread-safety: any number of threads at once. It runs on the calling thread; a call that takes about a millisecond or
/// more uses as many threads as ungil_set_num_threads() or UNGIL_NUM_THREADS asks for (see "Environment" above).
/// Cost: linear in niter; no memory.
#[unsafe(no_mangle)]
#[allow(non_snake_case)] // the name is part of the contract
pub extern "C" fn compPi_ctypes(pi: f64, niter: i32) -> f64 {
    guarded("compPi_ctypes", f64::NAN, || Ok(compat::pi(pi, niter)?))
}
