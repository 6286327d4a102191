//! Errors of interpreters.

use std::fmt;

use crate::error::Error;

/// Why an interpreter could not be started, or why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterpError {
    /// An option is wrong: which one, and why.
    Options(String),
    /// It could not be started, as something is missing or wrong: what, and in which file.
    Unsupported(String),
    /// The process cannot have more interpreters.
    Exhausted,
    /// It is the parent process's.
    Forked,
    /// Requests are under way.
    Busy,
    /// It was returned by another thread.
    Gone,
    /// The process is exiting: no Python code runs any more.
    Exiting,
    /// Python code raised an exception: its type and message on the first line, then the traceback.
    Python(String),
}

impl fmt::Display for InterpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(text) | Self::Unsupported(text) | Self::Python(text) => f.write_str(text),
            Self::Exhausted => f.write_str("this process cannot have more interpreters"),
            Self::Forked => {
                f.write_str("the interpreter is the parent process's: it does not survive a fork")
            }
            Self::Busy => f.write_str("the interpreter is in use by a request"),
            Self::Exiting => f.write_str("the process is exiting: interpreters run no code any more"),
            Self::Gone => f.write_str("the interpreter was returned"),
        }
    }
}

impl std::error::Error for InterpError {}

impl From<InterpError> for Error {
    fn from(error: InterpError) -> Self {
        match error {
            InterpError::Options(text) => Self::Options(text),
            InterpError::Unsupported(text) => Self::Unsupported(text),
            InterpError::Exhausted => Self::Exhausted { what: "interpreters" },
            InterpError::Forked => Self::InterpreterForked,
            InterpError::Exiting => Self::Exiting,
            InterpError::Busy => Self::InterpreterInUse,
            InterpError::Gone => Self::Internal("an interpreter's handle outlived it".to_owned()),
            InterpError::Python(text) => Self::Python(text),
        }
    }
}
