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
    /// The process forked, and this is the child: the call, or what it uses, belongs to the parent.
    Forked,
    /// The time that a call may wait has passed.
    WaitedTooLong,
    /// A signal handler has run on the thread while it waited.
    Interrupted,
    /// The queue is closed.
    Closed,
    /// The barrier is broken.
    Broken,
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
            Self::Forked => f.write_str("the process forked, and what the call uses belongs to the parent"),
            Self::WaitedTooLong => f.write_str("the timeout of the call passed"),
            Self::Interrupted => f.write_str("a signal interrupted the wait: call again to go on waiting"),
            Self::Closed => f.write_str("the queue is closed"),
            Self::Broken => f.write_str("the barrier is broken"),
        }
    }
}

impl std::error::Error for Error {}
