//! Status values: what functions of the library's own names return.

use crate::error::Error;

/// The call did what it says.
pub const UNGIL_OK: i32 = 0;
/// A pointer that must be read or written is NULL.
pub const UNGIL_E_NULL: i32 = -1;
/// A parameter has a value that the function has no answer for.
pub const UNGIL_E_INVALID: i32 = -2;
/// The result does not fit in its type.
pub const UNGIL_E_OVERFLOW: i32 = -3;
/// A defect of the library itself: please report it, with the message.
pub const UNGIL_E_INTERNAL: i32 = -4;
/// A handle that was freed, or never given out.
pub const UNGIL_E_HANDLE: i32 = -5;
/// A control that another call is under.
pub const UNGIL_E_IN_USE: i32 = -6;
/// The call's control was cancelled.
pub const UNGIL_E_CANCELLED: i32 = -7;
/// The deadline of the call's control came.
pub const UNGIL_E_TIMED_OUT: i32 = -8;
/// As many handles are in use as there can be.
pub const UNGIL_E_EXHAUSTED: i32 = -9;
/// The process forked, and what the call is about is its parent's.
pub const UNGIL_E_FORKED: i32 = -10;
/// Python code ended with an exception: the message has its type and text on the first line, then its traceback.
pub const UNGIL_E_PYTHON: i32 = -11;
/// This machine cannot do it, or a file that is needed is missing or wrong: the message says which.
pub const UNGIL_E_UNSUPPORTED: i32 = -12;

/// The process is exiting: Python code in interpreters does not run any more.
pub const UNGIL_E_EXITING: i32 = -13;

pub(crate) fn of(error: &Error) -> i32 {
    match error {
        Error::Null { .. } | Error::NoFunction => UNGIL_E_NULL,
        Error::TooLong { .. } | Error::Invalid { .. } | Error::Options(_) => UNGIL_E_INVALID,
        Error::Handle { .. } => UNGIL_E_HANDLE,
        Error::ControlInUse | Error::InterpreterInUse | Error::ReleaseInUse => UNGIL_E_IN_USE,
        Error::Cancelled => UNGIL_E_CANCELLED,
        Error::TimedOut => UNGIL_E_TIMED_OUT,
        Error::Exhausted { .. } => UNGIL_E_EXHAUSTED,
        Error::Python(_) => UNGIL_E_PYTHON,
        Error::Unsupported(_) => UNGIL_E_UNSUPPORTED,
        Error::Forked | Error::InterpreterForked => UNGIL_E_FORKED,
        Error::Exiting => UNGIL_E_EXITING,
        Error::Stopped(code) => *code,
        Error::Overflow { .. } => UNGIL_E_OVERFLOW,
        Error::Internal(_) => UNGIL_E_INTERNAL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compiled into programs: values are only ever added.
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
        ];
        assert_eq!(values, [0, -1, -2, -3, -4, -5, -6, -7, -8, -9, -10, -11, -12, -13]);
    }
}
