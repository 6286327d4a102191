//! What can go wrong with an interpreter.

use std::fmt;

use crate::error::Error;

/// Why an interpreter could not be started, or what went wrong in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterpError {
    /// An option is wrong: which, and why.
    Options(String),
    /// It could not be started, as something is missing or wrong: what, and in which file.
    Unsupported(String),
    /// There are as many as there can be.
    Exhausted,
    /// It is the parent process's.
    Forked,
    /// Requests are under way.
    Busy,
    /// Somebody else has given it back.
    Gone,
    /// The process is exiting: no Python code runs any more.
    Exiting,
    /// Python code ended with an exception: its type and message on the first line, then the traceback.
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
            Self::Gone => f.write_str("the interpreter was given back"),
        }
    }
}

impl std::error::Error for InterpError {}

impl From<InterpError> for Error {
    fn from(trouble: InterpError) -> Self {
        match trouble {
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
