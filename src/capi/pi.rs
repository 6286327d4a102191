//! The sum for pi.

use super::control::CallArguments;
use crate::capi::abi::array::Out;
use crate::capi::abi::guard::guarded_status;
use crate::ops::pi;

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
/// Precision: the relative error against exact arithmetic is at most 1e-14 in all tests, and below 1e-13 by proof for n
/// up to 2^53. The bits depend neither on the number of threads nor on the CPU.
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
