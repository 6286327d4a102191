//! What can go wrong, in the library's own terms. Status numbers and C strings are `capi`'s matter.

use std::fmt;

/// Why a call could not be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error {
    /// A pointer that must be read or written is NULL.
    Null {
        /// The parameter's name, as the header has it.
        parameter: &'static str,
    },
    /// There is no function to call.
    NoFunction,
    /// An array is larger than the address space.
    TooLong {
        /// The parameter's name, as the header has it.
        parameter: &'static str,
    },
    /// A parameter has a value that the function has no answer for.
    Invalid {
        /// The parameter's name, as the header has it.
        parameter: &'static str,
        /// What it would have to be.
        expected: &'static str,
    },
    /// A handle that stands for nothing: it was freed, or never given out.
    Handle {
        /// The parameter's name, as the header has it.
        parameter: &'static str,
        /// The handle.
        handle: i32,
    },
    /// A control that another call is under.
    ControlInUse,
    /// The call's control was cancelled.
    Cancelled,
    /// The deadline of the call's control came.
    TimedOut,
    /// A function of the caller's returned a number that stops the call.
    Stopped(i32),
    /// An option of an interpreter's is wrong: which, and why.
    Options(String),
    /// This machine, or a file that is needed, is not such as is needed.
    Unsupported(String),
    /// An interpreter that a request is under way in.
    InterpreterInUse,
    /// A release that is to end is being called.
    ReleaseInUse,
    /// The process is exiting, and interpreters run no code any more.
    Exiting,
    /// An interpreter of the parent process's.
    InterpreterForked,
    /// Python code ended with an exception: its type and message, then its traceback.
    Python(String),
    /// The process forked inside the call, and this is the child.
    Forked,
    /// As many things are in use as there can be.
    Exhausted {
        /// The things.
        what: &'static str,
    },
    /// The result does not fit in its type.
    Overflow {
        /// The type, as C has it.
        result: &'static str,
    },
    /// A defect of the library itself: a panic, with its message.
    Internal(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null { parameter } => {
                write!(f, "{parameter} is NULL, but there is something to read or write there")
            }
            Self::NoFunction => f.write_str("function is NULL"),
            Self::TooLong { parameter } => write!(f, "{parameter} is longer than the address space"),
            Self::Invalid { parameter, expected } => write!(f, "{parameter} must be {expected}"),
            Self::Handle { parameter, handle } => {
                let why = "it was freed, never given out, or is a handle of something else";
                write!(f, "{parameter} {handle} is not there: {why}")
            }
            Self::ControlInUse => f.write_str("control is in use by another call"),
            Self::Cancelled => f.write_str("cancelled by its control"),
            Self::TimedOut => f.write_str("stopped at its control's deadline"),
            Self::Stopped(code) => write!(f, "stopped by the function, which returned {code}"),
            Self::Options(text) | Self::Unsupported(text) | Self::Python(text) => f.write_str(text),
            Self::ReleaseInUse => f.write_str("a call of the release is under way"),
            Self::InterpreterInUse => {
                f.write_str("interp is in use by a request: wait for it, or interrupt it")
            }
            Self::Exiting => f.write_str("the process is exiting: interpreters run no code any more"),
            Self::InterpreterForked => {
                f.write_str("interp is the parent process's: interpreters do not survive a fork")
            }
            Self::Forked => f.write_str("the process forked inside the call; in the child it cannot go on"),
            Self::Exhausted { what } => write!(f, "this process has as many {what} as it can"),
            Self::Overflow { result } => write!(f, "the result does not fit in {result}"),
            Self::Internal(message) => write!(f, "internal error (please report it): {message}"),
        }
    }
}

impl std::error::Error for Error {}
