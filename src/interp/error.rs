//! The errors of interpreters.

use std::fmt;

/// Why an interpreter could not be started, or why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InterpError {
    /// An option is unknown or has a wrong value: which one, and why.
    Options(String),
    /// The interpreter could not be started because something is missing or unusable: what, and in which file.
    Unsupported(String),
    /// The process cannot have more interpreters.
    Exhausted,
    /// The interpreter belongs to the parent process.
    Forked,
    /// A request is running in the interpreter.
    Busy,
    /// The interpreter has been freed, possibly by another thread.
    Gone,
    /// The process is exiting: no Python code runs any more.
    Exiting,
    /// C code in the interpreter ended it, as by `abort()`: what it did, and then the stack of its thread in Python.
    Died(String),
    /// Python code raised an exception: its type and message on the first line, then the traceback.
    Python(String),
}

impl fmt::Display for InterpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(text) | Self::Unsupported(text) | Self::Died(text) | Self::Python(text) => {
                f.write_str(text)
            }
            Self::Exhausted => f.write_str("this process cannot have more interpreters"),
            Self::Forked => f.write_str(
                "the interpreter belongs to the parent process: interpreters do not survive a fork",
            ),
            Self::Busy => {
                f.write_str("the interpreter is running a request: wait for it to end, or interrupt it")
            }
            Self::Gone => f.write_str("the interpreter has been freed"),
            Self::Exiting => f.write_str("the process is exiting: interpreters run no more Python code"),
        }
    }
}

impl std::error::Error for InterpError {}
