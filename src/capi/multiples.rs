//! Sums of multiples.

use super::control::CallArguments;
use crate::capi::abi::array::Out;
use crate::capi::abi::guard::guarded_status;
use crate::ops::multiples;

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

/// The sum of the multiples of k in [from, to), in closed form.
///
/// from, to: the ends of the range; it is empty, with the sum 0, if from >= to.
/// k: any number except 0; its sign does not matter.
/// out: receives the sum, on success only; at any alignment.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if out is NULL; UNGIL_E_INVALID if k is 0; UNGIL_E_OVERFLOW if the sum does not fit in an
/// int64_t.
/// Thread-safety: any number of threads at once.
/// Cost: constant, about 20 ns; no memory.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_sum_multiples(from: i64, to: i64, k: i64, out: *mut i64) -> i32 {
    guarded_status("ungil_sum_multiples", || {
        // SAFETY: the caller passes NULL or a writable int64_t.
        let out = unsafe { Out::new("out", out) }?;
        out.write(multiples::sum_multiples(from, to, k)?);
        Ok(())
    })
}
