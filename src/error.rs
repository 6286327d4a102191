//! The errors of the core: kernels, pool, controls and operations. Interpreters have their own
//! ([`crate::interp::error`]), and the C interface adds those of a caller's pointers and handles.

use std::fmt;

/// Why a call failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Error {
    /// A parameter has a value that the function does not accept.
    Invalid {
        /// The parameter's name.
        parameter: &'static str,
        /// What the value must be.
        expected: &'static str,
    },
    /// The result does not fit in its type.
    Overflow {
        /// The type, in words.
        result: &'static str,
    },
    /// Another call uses the control.
    ControlInUse,
    /// The call was cancelled through its control.
    Cancelled,
    /// The deadline of the call's control passed.
    TimedOut,
    /// The caller's function stopped the call by returning this number.
    StoppedByFunction(i32),
    /// The process forked inside the call, and this is the child.
    Forked,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { parameter, expected } => write!(f, "{parameter} must be {expected}"),
            Self::Overflow { result } => write!(f, "the result does not fit in {result}"),
            Self::ControlInUse => f.write_str("the control is in use by another call"),
            Self::Cancelled => f.write_str("cancelled through its control"),
            Self::TimedOut => f.write_str("stopped at the deadline of its control"),
            Self::StoppedByFunction(code) => write!(f, "stopped by the function, which returned {code}"),
            Self::Forked => {
                f.write_str("the process forked inside the call, which cannot continue in the child")
            }
        }
    }
}

impl std::error::Error for Error {}
