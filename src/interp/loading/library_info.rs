//! What has to be known about a library to decide whether it is private, and to load a copy of it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use crate::interp::elf::image::{Image, Malformed};
use crate::interp::elf::rewrite::ORIGIN;
use crate::interp::elf::symbols::needed_python_names;

/// What was read from a library's file.
#[derive(Debug, Default)]
pub(crate) struct LibraryInfo {
    /// The names like Python's of the symbols that it needs, each followed by a NUL.
    pub(crate) python_names: Vec<u8>,
    /// The libraries that it needs and that its search path finds relative to its own directory, as numpy's are found
    /// in `numpy.libs`: the names by which it needs them, and their paths.
    pub(crate) needed: Vec<(Vec<u8>, PathBuf)>,
}

impl LibraryInfo {
    pub(crate) fn of(path: &Path, image: &Image) -> Result<Self, Malformed> {
        let origin = path.parent().unwrap_or(Path::new("/"));
        let mut directories = Vec::new();
        for tag in [DT_RUNPATH, DT_RPATH] {
            for offset in image.dyn_values(tag) {
                let search_path = image.string(offset)?.split(|&byte| byte == b':');
                directories.extend(search_path.filter_map(|directory| origin_relative(origin, directory)));
            }
        }
        let mut needed = Vec::new();
        for offset in image.dyn_values(DT_NEEDED) {
            let name = image.string(offset)?;
            let mut paths = directories.iter().map(|directory| directory.join(OsStr::from_bytes(name)));
            let path = paths.find_map(|path| path.canonicalize().ok());
            needed.extend(path.map(|path| (name.to_vec(), path)));
        }
        let python_names = needed_python_names(image)?.into_iter().flat_map(|name| [name, b"\0"]);
        Ok(Self { python_names: python_names.collect::<Vec<_>>().concat(), needed })
    }

    /// Whether it needs a symbol of Python's: one that `is_python` picks.
    pub(crate) fn uses_python(&self, is_python: impl Fn(&[u8]) -> bool) -> bool {
        let names = self.python_names.split(|&byte| byte == 0);
        names.filter(|name| !name.is_empty()).any(is_python)
    }
}

/// A directory of a search path, if it is relative to the library's own.
fn origin_relative(origin: &Path, directory: &[u8]) -> Option<PathBuf> {
    let rest = ORIGIN.into_iter().find_map(|spelling| directory.strip_prefix(spelling))?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(origin.join(OsStr::from_bytes(rest)))
}
