//! Barriers: threads wait for one another.

use std::sync::Arc;

use super::objects::{self, Object};
use super::with_limits;
use crate::capi::abi::array::Out;
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::exchange::barrier::{Arrival, Barrier};

/// For ungil_barrier_wait(): the last party to arrive returns, and the others wait until it calls ungil_barrier_release().
pub const UNGIL_BARRIER_HOLD: i32 = 1;
/// For ungil_barrier_wait(): a timeout, or the deadline of the control, breaks the barrier.
pub const UNGIL_BARRIER_BREAK: i32 = 2;

/// Creates a barrier: threads of any interpreter, of the program and of C wait there until so many have come.
///
/// parties: how many threads; at least 1.
/// barrier: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_INVALID if parties is not positive; those of ungil_queue_new().
/// Ownership, Fork, Thread-safety, Cost: as for ungil_queue_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_new(parties: i32, barrier: *mut i32) -> i32 {
    guarded_status("ungil_barrier_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("barrier", barrier) }?;
        let parties = u64::try_from(parties).ok().filter(|&parties| parties > 0);
        let parties = parties.ok_or(Error::Invalid { parameter: "parties", expected: "positive" })?;
        out.write(objects::insert(Object::Barrier(Arc::new(Barrier::new(parties))))?);
        Ok(())
    })
}

/// Waits at a barrier until all parties have arrived. They then go on together, and the barrier can be used again.
///
/// A party whose wait ends otherwise leaves: it has not arrived.
///
/// barrier: the handle.
/// flags: 0, or the sum of UNGIL_BARRIER_HOLD and UNGIL_BARRIER_BREAK. All parties should hold, or none.
/// timeout_ms, control: as for ungil_queue_put().
/// number: receives the number of this party, on success only: 0 for the first to arrive, parties - 1 for the last.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if number is NULL; UNGIL_E_INVALID if flags has other bits; UNGIL_E_BROKEN if the barrier is broken, or
/// is broken or reset meanwhile; UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and
/// UNGIL_E_FORKED as for ungil_queue_put().
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds for each thread to wake.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_wait(
    barrier: i32,
    flags: i32,
    timeout_ms: i64,
    control: i32,
    number: *mut i32,
) -> i32 {
    guarded_status("ungil_barrier_wait", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("number", number) }?;
        if flags & !(UNGIL_BARRIER_HOLD | UNGIL_BARRIER_BREAK) != 0 {
            let expected = "a sum of UNGIL_BARRIER_HOLD and UNGIL_BARRIER_BREAK";
            return Err(Error::Invalid { parameter: "flags", expected }.into());
        }
        let (holds, breaks) = (flags & UNGIL_BARRIER_HOLD != 0, flags & UNGIL_BARRIER_BREAK != 0);
        let waited = objects::barrier(barrier)?;
        let arrival = Arrival { holds, breaks };
        let own = with_limits(timeout_ms, control, |limits| waited.wait(arrival, limits))?;
        out.write(own as i32); // less than the number of parties, which is an int32_t
        Ok(())
    })
}

/// Lets the parties go on that wait for the last one: see UNGIL_BARRIER_HOLD.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_BROKEN if the barrier was broken or reset meanwhile, or no party holds the others; UNGIL_E_HANDLE if
/// there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: some microseconds for each thread to wake.
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_release(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_release", || Ok(objects::barrier(barrier)?.release()?))
}

/// Breaks a barrier: parties that wait, and those that come, get UNGIL_E_BROKEN, until it is reset.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety, Cost: as for ungil_barrier_release().
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_abort(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_abort", || Ok(objects::barrier(barrier)?.abort()?))
}

/// Makes a barrier as new. Parties that wait get UNGIL_E_BROKEN.
///
/// barrier: the handle.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors, Thread-safety, Cost: as for ungil_barrier_abort().
#[unsafe(no_mangle)]
pub extern "C" fn ungil_barrier_reset(barrier: i32) -> i32 {
    guarded_status("ungil_barrier_reset", || Ok(objects::barrier(barrier)?.reset()?))
}

/// What a barrier is doing.
///
/// barrier: the handle.
/// waiting: receives how many parties wait, on success only.
/// broken: receives 1 if it is broken, else 0, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if waiting or broken is NULL; UNGIL_E_HANDLE if there is no such barrier; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_barrier_status(barrier: i32, waiting: *mut i32, broken: *mut i32) -> i32 {
    guarded_status("ungil_barrier_status", || {
        // SAFETY: the caller passes NULL or a writable int32_t for each.
        let outs = unsafe { (Out::new("waiting", waiting)?, Out::new("broken", broken)?) };
        let status = objects::barrier(barrier)?.status()?;
        outs.0.write(status.waiting as i32); // at most the number of parties, which is an int32_t
        outs.1.write(status.is_broken.into());
        Ok(())
    })
}
