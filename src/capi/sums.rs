//! Sums over ranges and arrays.

use super::control::CallArguments;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::ops::{multiples, pi, sum};

/// The sum of 4/(1 + x^2) for x = (i - 0.5)/n, i = 0 to n-1, divided by n: compPi_ctypes(0, n) with a 64-bit n.
///
/// It tends to the number pi as n grows, and is 2/n too large.
///
/// n: the number of terms, 1 or more.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the value, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if n is 0 or negative; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Precision: a relative error of at most 1e-14 against exact arithmetic. The bits depend neither on the number of
/// threads nor on the CPU.
/// Cost: that of compPi_ctypes(), divided by the number of threads: 10^10 terms take 0.6 seconds on one core with
/// AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_pi(n: i64, nthreads: i32, control: i32, out: *mut f64) -> i32 {
    guarded_status("ungil_pi", || {
        // SAFETY: the caller passes NULL or a writable double.
        let out = unsafe { Out::new("out", out) }?;
        let call = CallArguments::new(nthreads, control)?;
        out.write(pi::pi(n, call.options())?);
        Ok(())
    })
}

/// test() with several threads and a control: the sum of the i in [from, to) with i % 3 == 0, modulo 2^32.
///
/// It visits the whole range, as test() does; ungil_sum_multiples() uses the closed form.
///
/// from, to: the ends of the range; it is empty if from >= to.
/// nthreads, control: see "Calls on many threads" above.
/// out: receives the sum, reduced to 32 bits in two's complement, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if out is NULL; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Cost: that of test(), divided by the number of threads.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_test(from: i32, to: i32, nthreads: i32, control: i32, out: *mut i32) -> i32 {
    guarded_status("ungil_test", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("out", out) }?;
        let call = CallArguments::new(nthreads, control)?;
        out.write(multiples::sum_multiples_of_3(from, to, call.options())?);
        Ok(())
    })
}

/// The sum of an array of doubles, computed in about twice the precision and rounded once.
///
/// numbers: the array, read only, at any alignment; no other thread may write to it during the call. May be NULL if
/// length is 0.
/// length: the number of elements; the sum of none is 0.
/// nthreads, control: see "Calls on many threads" above.
/// sum: receives the sum, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if sum is NULL, or if numbers is NULL while length is positive; UNGIL_E_INVALID if the array is
/// larger than the address space; those of nthreads and control.
/// Thread-safety: any number of threads at once.
/// Precision: an error of at most 2^-53 relative to the sum, plus length^2 * 2^-105 relative to the sum of magnitudes
/// (Ogita, Rump, Oishi 2005). Infinities and NaNs give what IEEE 754 specifies; if an intermediate sum overflows, the
/// result is an infinity or NaN. The bits depend neither on the number of threads nor on the CPU.
/// Cost: that of reading the array from memory; if it is in the cache, 3 cycles per 8 numbers with AVX-512.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_sum_f64(
    numbers: *const f64,
    length: usize,
    nthreads: i32,
    control: i32,
    sum: *mut f64,
) -> i32 {
    guarded_status("ungil_sum_f64", || {
        // SAFETY: the caller passes an array that stays readable and unchanged, and NULL or a writable double.
        let (numbers, out) =
            unsafe { (CallerArray::new("numbers", numbers, length)?, Out::new("sum", sum)?) };
        let call = CallArguments::new(nthreads, control)?;
        out.write(sum::sum(&numbers, call.options())?);
        Ok(())
    })
}
