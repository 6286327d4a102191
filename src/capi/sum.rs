//! Sums of arrays.

use super::control::CallArguments;
use crate::capi::abi::array::{CallerArray, Out};
use crate::capi::abi::guard::guarded_status;
use crate::ops::sum;

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
