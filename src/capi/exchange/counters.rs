//! Counters: integers that threads change and wait for. Events, locks and semaphores are counters, too.

use std::sync::Arc;

use super::objects::{self, Object};
use super::with_limits;
use crate::capi::abi::array::Out;
use crate::capi::abi::error::CallError;
use crate::capi::abi::guard::guarded_status;
use crate::error::Error;
use crate::exchange::counter::{Condition, Counter};

/// Creates a counter: an integer that threads of any interpreter, of the program and of C change, and wait for.
///
/// An event is a counter that is 0 or 1: ungil_counter_exchange() sets it, and threads wait until it is 1. A lock is one
/// that is 1 while it is free: a thread waits until it is 1 and subtracts 1 (change is -1), and adds 1 to release it. A
/// semaphore is a lock with a larger number.
///
/// value: the first value.
/// counter: receives the handle, a positive number, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors, Ownership, Fork, Thread-safety, Cost: as for ungil_queue_new().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_new(value: i64, counter: *mut i32) -> i32 {
    guarded_status("ungil_counter_new", || {
        // SAFETY: the caller passes NULL or a writable int32_t.
        let out = unsafe { Out::new("counter", counter) }?;
        out.write(objects::insert(Object::Counter(Arc::new(Counter::new(value))))?);
        Ok(())
    })
}

/// Runs an operation, and writes its result.
///
/// # Safety
/// Unless NULL, `result` is writable until the export that received it returns.
unsafe fn operate(
    counter: i32,
    (parameter, result): (&'static str, *mut i64),
    operation: impl FnOnce(&Counter) -> Result<i64, Error>,
) -> Result<(), CallError> {
    // SAFETY: this function's contract.
    let out = unsafe { Out::new(parameter, result) }?;
    out.write(operation(&*objects::counter(counter)?)?);
    Ok(())
}

/// The value of a counter.
///
/// counter: the handle.
/// value: receives the value, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if value is NULL; UNGIL_E_HANDLE if there is no such counter; UNGIL_E_FORKED.
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_value(counter: i32, value: *mut i64) -> i32 {
    // SAFETY: the caller passes NULL or a writable int64_t.
    guarded_status("ungil_counter_value", || unsafe { operate(counter, ("value", value), Counter::value) })
}

/// Adds to a counter, in one step, and wakes threads that wait for such a value.
///
/// counter: the handle.
/// change: what to add.
/// value: receives the new value, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_OVERFLOW if the value would not fit in an int64_t, in which case it stays; those of
/// ungil_counter_value().
/// Thread-safety: any number of threads at once.
/// Cost: less than a microsecond, plus some microseconds for each thread to wake.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_add(counter: i32, change: i64, value: *mut i64) -> i32 {
    guarded_status("ungil_counter_add", || {
        // SAFETY: the caller passes NULL or a writable int64_t.
        unsafe { operate(counter, ("value", value), |counter| counter.add(change)) }
    })
}

/// Sets a counter, and wakes threads that wait for such a value.
///
/// counter: the handle.
/// value: the new value.
/// former: receives the former value, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if former is NULL; UNGIL_E_HANDLE if there is no such counter; UNGIL_E_FORKED.
/// Thread-safety, Cost: as for ungil_counter_add().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_exchange(counter: i32, value: i64, former: *mut i64) -> i32 {
    guarded_status("ungil_counter_exchange", || {
        // SAFETY: the caller passes NULL or a writable int64_t.
        unsafe { operate(counter, ("former", former), |counter| counter.exchange(value)) }
    })
}

/// Sets a counter if it has the expected value, in one step.
///
/// counter: the handle.
/// expected: the value that it must have.
/// value: the new value.
/// former: receives the former value, on success only; if that is not the expected one, the counter was not changed.
/// Returns UNGIL_OK in either case, or an error with a message in ungil_last_error().
/// Errors, Thread-safety, Cost: as for ungil_counter_exchange().
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_compare_exchange(
    counter: i32,
    expected: i64,
    value: i64,
    former: *mut i64,
) -> i32 {
    guarded_status("ungil_counter_compare_exchange", || {
        let exchange = |counter: &Counter| counter.compare_exchange(expected, value);
        // SAFETY: the caller passes NULL or a writable int64_t.
        unsafe { operate(counter, ("former", former), exchange) }
    })
}

/// Waits until a counter has a value in a range, and then adds to it, in one step.
///
/// counter: the handle.
/// lowest, highest: the range, both included.
/// change: what to add; 0 to change nothing.
/// timeout_ms, control: as for ungil_queue_put().
/// former: receives the value that was in the range, before the change, on success only.
/// Returns UNGIL_OK, or an error with a message in ungil_last_error().
/// Errors: UNGIL_E_NULL if former is NULL; UNGIL_E_INVALID if highest is less than lowest; UNGIL_E_OVERFLOW as for
/// ungil_counter_add(); UNGIL_E_TIMED_OUT, UNGIL_E_CANCELLED, UNGIL_E_INTERRUPTED, UNGIL_E_HANDLE, UNGIL_E_IN_USE and
/// UNGIL_E_FORKED as for ungil_queue_put().
/// Thread-safety: any number of threads at once. A value that comes and goes may be missed by threads that wait for it.
/// Cost: less than a microsecond, if there is nothing to wait for.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn ungil_counter_wait(
    counter: i32,
    lowest: i64,
    highest: i64,
    change: i64,
    timeout_ms: i64,
    control: i32,
    former: *mut i64,
) -> i32 {
    guarded_status("ungil_counter_wait", || {
        // SAFETY: the caller passes NULL or a writable int64_t.
        let out = unsafe { Out::new("former", former) }?;
        if highest < lowest {
            let expected = "at least as large as lowest";
            return Err(Error::Invalid { parameter: "highest", expected }.into());
        }
        let condition = Condition { lowest, highest, change };
        let waited = objects::counter(counter)?;
        out.write(with_limits(timeout_ms, control, |limits| waited.wait(condition, limits))?);
        Ok(())
    })
}
