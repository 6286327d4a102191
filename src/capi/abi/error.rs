//! What a call from C can fail with: the core's errors, the interpreters', and those of arguments that only C has.

use std::fmt;

use crate::error::Error;
use crate::interp::error::InterpError;

/// Why an export failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// A required pointer, to data or to a function, is NULL.
    Null { parameter: &'static str },
    /// An array is larger than the address space.
    TooLong { parameter: &'static str },
    /// A buffer has a length but no address.
    NoAddress,
    /// A handle that was freed, was never handed out, or belongs to another kind of object.
    Handle { parameter: &'static str, handle: i32 },
    /// A number of a call or a function, as for `Handle`.
    Number { parameter: &'static str, number: i64 },
    /// A call that was to be cancelled has been taken by a server, or has ended.
    CallTaken,
    /// No handle is left.
    Exhausted { what: &'static str },
    /// A release callback that is to be disabled is still being called.
    ReleaseInUse,
    /// A bug in the library: a panic, with its message.
    Internal(String),
    /// An error of the core.
    Core(Error),
    /// An error of an interpreter.
    Interp(InterpError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null { parameter } => write!(f, "{parameter} is NULL"),
            Self::TooLong { parameter } => write!(f, "{parameter} is longer than the address space"),
            Self::NoAddress => f.write_str("a buffer's address is NULL but its length is positive"),
            Self::Handle { parameter, handle } => write!(
                f,
                "{parameter} {handle} is not a valid handle: it was freed, was never handed out, or belongs to \
                 another kind of object"
            ),
            Self::Number { parameter, number } => write!(
                f,
                "{parameter} {number} is not a valid number: it was freed, was never handed out, or belongs to another \
                 kind of object"
            ),
            Self::CallTaken => f.write_str("a server has taken the call, or it has ended"),
            Self::Exhausted { what } => write!(f, "this process cannot have more {what}"),
            Self::ReleaseInUse => f.write_str("a call of the release callback is still running"),
            Self::Internal(message) => write!(f, "internal error (please report it): {message}"),
            Self::Core(error) => error.fmt(f),
            Self::Interp(error) => error.fmt(f),
        }
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Core(error)
    }
}

impl From<InterpError> for CallError {
    fn from(error: InterpError) -> Self {
        Self::Interp(error)
    }
}
