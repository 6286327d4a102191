//! Which of the libraries that a library needs, and that lie in directories relative to its own (as numpy's do in
//! `numpy.libs`), each interpreter needs its own copy of.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use crate::interp::elf::image::{Image, Malformed};
use crate::interp::elf::rewrite::ORIGIN;
use crate::interp::elf::symbols::uses_python;

/// What has to be known about a library.
#[derive(Debug, Default)]
pub(crate) struct LibraryInfo {
    pub(crate) uses_python: bool,
    /// The libraries that it needs and that its search path finds relative to its own directory: the names by which it
    /// needs them, and their paths.
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
        Ok(Self { uses_python: uses_python(image)?, needed })
    }
}

/// A directory of a search path, if it is relative to the library's own.
fn origin_relative(origin: &Path, directory: &[u8]) -> Option<PathBuf> {
    let rest = ORIGIN.into_iter().find_map(|spelling| directory.strip_prefix(spelling))?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(origin.join(OsStr::from_bytes(rest)))
}

/// Which of the libraries that a library needs, directly or not, are private.
///
/// These are the ones that use Python, those that need a private one, and all that a private one needs: it may have
/// been given Python objects to keep, as Arrow is.
pub(crate) fn private_closure(
    library: &LibraryInfo,
    info_of: impl Fn(&Path) -> Arc<LibraryInfo>,
) -> HashSet<PathBuf> {
    let mut all = HashMap::new();
    collect(library, &info_of, &mut all);
    let mut private: HashSet<PathBuf> =
        all.iter().filter(|(_, info)| info.uses_python).map(|(path, _)| path.clone()).collect();
    loop {
        let needs_private =
            |info: &LibraryInfo| info.needed.iter().any(|(_, needed)| private.contains(needed));
        let users = all.iter().filter(|(_, info)| needs_private(info)).map(|(path, _)| path.clone());
        let needed =
            private.iter().flat_map(|path| all[path].needed.iter().map(|(_, needed)| needed.clone()));
        let more: Vec<_> = users.chain(needed).filter(|path| !private.contains(path)).collect();
        if more.is_empty() {
            return private;
        }
        private.extend(more);
    }
}

/// Adds all that a library needs, directly or not.
fn collect(
    library: &LibraryInfo,
    info_of: &impl Fn(&Path) -> Arc<LibraryInfo>,
    all: &mut HashMap<PathBuf, Arc<LibraryInfo>>,
) {
    for (_, path) in &library.needed {
        if !all.contains_key(path) {
            let info = info_of(path);
            all.insert(path.clone(), info.clone());
            collect(&info, info_of, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Libraries by name: whether they use Python, and what they need.
    fn private(libraries: &[(&str, bool, &[&str])], start: &str) -> Vec<String> {
        let info = |name: &str| {
            let (_, uses_python, needed) = *libraries.iter().find(|(other, ..)| *other == name).unwrap();
            let needed = needed.iter().map(|it| (it.as_bytes().to_vec(), PathBuf::from(it))).collect();
            Arc::new(LibraryInfo { uses_python, needed })
        };
        let found = private_closure(&info(start), |path| info(path.to_str().unwrap()));
        let mut names: Vec<_> = found.into_iter().map(|path| path.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn what_does_not_touch_python_is_shared() {
        let numpy: [(&str, bool, &[&str]); 4] = [
            ("umath", true, &["openblas"]),
            ("openblas", false, &["gfortran", "quadmath"]),
            ("gfortran", false, &["quadmath"]),
            ("quadmath", false, &[]),
        ];
        assert!(private(&numpy, "umath").is_empty());
    }

    #[test]
    fn what_a_library_that_uses_python_needs_is_private_with_it() {
        let arrow: [(&str, bool, &[&str]); 5] = [
            ("lib", true, &["arrow", "dataset", "zlib"]),
            ("arrow_python", true, &["arrow"]),
            ("arrow", false, &[]),
            ("dataset", false, &["arrow_python"]),
            ("zlib", false, &[]),
        ];
        assert_eq!(private(&arrow, "lib"), ["arrow", "arrow_python", "dataset"]);
    }

    #[test]
    fn circular_needs_end() {
        let circle: [(&str, bool, &[&str]); 3] =
            [("start", true, &["a"]), ("a", false, &["b"]), ("b", false, &["a", "b"])];
        assert!(private(&circle, "start").is_empty());
    }
}
