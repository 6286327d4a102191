//! The panic boundary: no panic leaves an export.

use std::any::Any;

use super::error::CallError;
use super::{last_error, status};
use crate::interp::error::InterpError;
use crate::interp::exit::abandon::{
    abandon_outer_calls, catch_panics, must_abandon_outer_calls, protect_frames,
};

/// Runs the body of the export `function`. On an error or a panic, it records the message for
/// `ungil_last_error` and returns `failed`.
pub(crate) fn guarded<T>(function: &str, failed: T, body: impl FnOnce() -> Result<T, CallError>) -> T {
    run(function, body).unwrap_or(failed)
}

/// Like [`guarded`], for functions that return a status.
pub(crate) fn guarded_status(function: &str, body: impl FnOnce() -> Result<(), CallError>) -> i32 {
    run(function, body).map_or_else(|error| status::of(&error), |()| status::UNGIL_OK)
}

fn run<T>(function: &str, body: impl FnOnce() -> Result<T, CallError>) -> Result<T, CallError> {
    // Unwind safety: the only thing that survives a panic of the body is its return value, which is dropped.
    let result = match protect_frames(|| catch_panics(body)) {
        Ok(Ok(result)) => result,
        Ok(Err(payload)) => Err(CallError::Internal(panic_message(&*payload))),
        Err(abandoned) => Err(abandoned.into()),
    };
    if result.is_err() && must_abandon_outer_calls() {
        drop(result);
        // SAFETY: the body and the result are dropped. This frame, and those of the export above it, own nothing.
        unsafe { abandon_outer_calls() };
        return Err(InterpError::Exiting.into()); // never reached
    }
    result.inspect_err(|error| last_error::record(function, error))
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| payload.downcast_ref::<String>().cloned()).unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capi::abi::last_error::tests::message;

    #[test]
    fn a_panic_becomes_the_failure_value_and_a_message() {
        assert_eq!(guarded("call", -7, || panic!("broken {}", 1)), -7);
        assert_eq!(message(), "call: internal error (please report it): broken 1");
        assert_eq!(guarded_status("call", || panic!("plain")), status::UNGIL_E_INTERNAL);
        assert_eq!(message(), "call: internal error (please report it): plain");
    }

    #[test]
    fn a_successful_call_keeps_the_last_message() {
        assert_eq!(
            guarded_status("call", || Err(CallError::Null { parameter: "numbers" })),
            status::UNGIL_E_NULL
        );
        assert_eq!(guarded("call", 0, || Ok(5)), 5);
        assert_eq!(guarded_status("call", || Ok(())), status::UNGIL_OK);
        assert_eq!(message(), "call: numbers is NULL");
    }
}
