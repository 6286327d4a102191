//! The steps of an interpreter's start. If one fails, the error names it, and the libpython.

use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

use crate::interp::cpython::version::Version;
use crate::interp::error::InterpError;

/// A step of a start, once a libpython is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Read,
    Rename,
    Load,
    LookUp,
    Initialize,
    SelfTest,
    Prepare,
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "reading the file",
            Self::Rename => "renaming symbols",
            Self::Load => "loading the copy",
            Self::LookUp => "looking up symbols",
            Self::Initialize => "initialising Python",
            Self::SelfTest => "self-test",
            Self::Prepare => "preparing the interpreter",
        })
    }
}

/// A libpython, as errors name it.
#[derive(Debug, Clone)]
pub(crate) struct Libpython {
    pub(crate) file: PathBuf,
    /// Known once the copy is loaded.
    pub(crate) version: Option<Version>,
}

impl Libpython {
    pub(crate) fn failed(&self, step: Step, why: &dyn Display) -> InterpError {
        let version = self.version.map(|version| format!(" (Python {version})")).unwrap_or_default();
        InterpError::Unsupported(format!("{}{version}: {step}: {why}", self.file.display()))
    }
}

pub(crate) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_file_the_version_and_the_step() {
        let mut libpython = Libpython { file: PathBuf::from("/lib/x.so"), version: None };
        let error = libpython.failed(Step::Read, &"it is too short").to_string();
        assert_eq!(error, "/lib/x.so: reading the file: it is too short");
        libpython.version = Some(Version(3, 99));
        let error = libpython.failed(Step::SelfTest, &"an exception: none").to_string();
        assert_eq!(error, "/lib/x.so (Python 3.99): self-test: an exception: none");
    }
}
