//! What may be wrong with a file.

use std::{fmt, io};

pub(crate) const NO_MEMORY: Malformed = Malformed("there is no memory for it");

/// Why a file is not a shared object that can be rewritten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed(pub &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Why a file could not be read.
#[derive(Debug)]
pub enum Unreadable {
    /// The system call that failed.
    System(io::Error),
    /// Its content is malformed.
    Malformed(Malformed),
}

impl From<io::Error> for Unreadable {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<Malformed> for Unreadable {
    fn from(error: Malformed) -> Self {
        Self::Malformed(error)
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::System(error) => error.fmt(f),
            Self::Malformed(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Unreadable {}
