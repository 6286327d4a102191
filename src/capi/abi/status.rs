//! Status values: what the functions named `ungil_*` return.

use super::error::CallError;
use crate::error::Error;
use crate::interp::error::InterpError;

/// Success.
pub const UNGIL_OK: i32 = 0;
/// A required pointer is NULL.
pub const UNGIL_E_NULL: i32 = -1;
/// An argument has a value that the function does not accept.
pub const UNGIL_E_INVALID: i32 = -2;
/// The result does not fit in its type.
pub const UNGIL_E_OVERFLOW: i32 = -3;
/// A bug in the library: please report it, with the message.
pub const UNGIL_E_INTERNAL: i32 = -4;
/// The handle was freed, was never handed out, or belongs to another kind of object.
pub const UNGIL_E_HANDLE: i32 = -5;
/// Another call is using the control, the interpreter or the release callback.
pub const UNGIL_E_IN_USE: i32 = -6;
/// The call was cancelled through its control.
pub const UNGIL_E_CANCELLED: i32 = -7;
/// The deadline of the call's control passed, or the time that the call was to wait.
pub const UNGIL_E_TIMED_OUT: i32 = -8;
/// The process has the maximum number of such handles.
pub const UNGIL_E_EXHAUSTED: i32 = -9;
/// The process forked, and this is the child: the call, or the object, belongs to the parent.
pub const UNGIL_E_FORKED: i32 = -10;
/// Python code raised an exception. The message has its type and text on the first line, then its traceback.
pub const UNGIL_E_PYTHON: i32 = -11;
/// This machine does not support the operation, or a required file is missing or unusable. The message says which.
pub const UNGIL_E_UNSUPPORTED: i32 = -12;
/// The process is exiting: interpreters run no more Python code.
pub const UNGIL_E_EXITING: i32 = -13;
/// The interpreter died: its code called abort() or the like. The message says what it did, then its stack in Python.
pub const UNGIL_E_DIED: i32 = -14;
/// The queue is closed.
pub const UNGIL_E_CLOSED: i32 = -15;
/// A signal handler has run on the thread while it waited: call again to go on waiting.
pub const UNGIL_E_INTERRUPTED: i32 = -16;
/// The barrier is broken.
pub const UNGIL_E_BROKEN: i32 = -17;

pub(crate) fn of(error: &CallError) -> i32 {
    match error {
        CallError::Null { .. } => UNGIL_E_NULL,
        CallError::TooLong { .. } | CallError::NoAddress => UNGIL_E_INVALID,
        CallError::Handle { .. } | CallError::Number { .. } => UNGIL_E_HANDLE,
        CallError::Exhausted { .. } => UNGIL_E_EXHAUSTED,
        CallError::ReleaseInUse | CallError::CallTaken => UNGIL_E_IN_USE,
        CallError::Internal(_) => UNGIL_E_INTERNAL,
        CallError::Core(error) => of_core(error),
        CallError::Interp(error) => of_interp(error),
    }
}

fn of_core(error: &Error) -> i32 {
    match error {
        Error::Invalid { .. } => UNGIL_E_INVALID,
        Error::Overflow { .. } => UNGIL_E_OVERFLOW,
        Error::ControlInUse => UNGIL_E_IN_USE,
        Error::Cancelled => UNGIL_E_CANCELLED,
        Error::TimedOut | Error::WaitedTooLong => UNGIL_E_TIMED_OUT,
        Error::StoppedByFunction(code) => *code,
        Error::Forked => UNGIL_E_FORKED,
        Error::Interrupted => UNGIL_E_INTERRUPTED,
        Error::Closed => UNGIL_E_CLOSED,
        Error::Broken => UNGIL_E_BROKEN,
    }
}

fn of_interp(error: &InterpError) -> i32 {
    match error {
        InterpError::Options(_) => UNGIL_E_INVALID,
        InterpError::Unsupported(_) => UNGIL_E_UNSUPPORTED,
        InterpError::Exhausted => UNGIL_E_EXHAUSTED,
        InterpError::Forked => UNGIL_E_FORKED,
        InterpError::Busy => UNGIL_E_IN_USE,
        InterpError::Gone => UNGIL_E_HANDLE,
        InterpError::Exiting => UNGIL_E_EXITING,
        InterpError::Python(_) => UNGIL_E_PYTHON,
        InterpError::Died(_) => UNGIL_E_DIED,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Programs are compiled with these values, so new ones may be added but none may change.
    #[test]
    fn values_are_frozen() {
        let values = [
            UNGIL_OK,
            UNGIL_E_NULL,
            UNGIL_E_INVALID,
            UNGIL_E_OVERFLOW,
            UNGIL_E_INTERNAL,
            UNGIL_E_HANDLE,
            UNGIL_E_IN_USE,
            UNGIL_E_CANCELLED,
            UNGIL_E_TIMED_OUT,
            UNGIL_E_EXHAUSTED,
            UNGIL_E_FORKED,
            UNGIL_E_PYTHON,
            UNGIL_E_UNSUPPORTED,
            UNGIL_E_EXITING,
            UNGIL_E_DIED,
            UNGIL_E_CLOSED,
            UNGIL_E_INTERRUPTED,
            UNGIL_E_BROKEN,
        ];
        assert_eq!(values, [0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13, -14, -15, -16, -17]);
    }

    #[test]
    fn errors_of_every_layer_have_statuses() {
        let parameter = "interp";
        for (error, status) in [
            (CallError::Null { parameter }, UNGIL_E_NULL),
            (CallError::Handle { parameter, handle: 1 }, UNGIL_E_HANDLE),
            (Error::StoppedByFunction(7).into(), 7),
            (Error::ControlInUse.into(), UNGIL_E_IN_USE),
            (InterpError::Busy.into(), UNGIL_E_IN_USE),
            (InterpError::Gone.into(), UNGIL_E_HANDLE),
            (InterpError::Forked.into(), UNGIL_E_FORKED),
        ] {
            assert_eq!(of(&error), status, "{error}");
        }
    }
}
