//! The libraries that a library needs and that lie beside it, as numpy's do in `numpy.libs`, and which of them each
//! interpreter needs its own copy of.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object::elf::{DT_NEEDED, DT_RPATH, DT_RUNPATH};

use crate::interp::elf::image::{Image, Malformed};
use crate::interp::elf::rewrite::{ORIGIN, uses_python};

/// What matters of a library here.
#[derive(Debug, Default)]
pub(crate) struct LibraryInfo {
    pub(crate) uses_python: bool,
    /// The libraries that it needs and has beside it: the names by which it needs them, and where they are.
    pub(crate) needed: Vec<(Vec<u8>, PathBuf)>,
}

impl LibraryInfo {
    pub(crate) fn of(path: &Path, image: &Image) -> Result<Self, Malformed> {
        let origin = path.parent().unwrap_or(Path::new("/"));
        let mut folders = Vec::new();
        for tag in [DT_RUNPATH, DT_RPATH] {
            for offset in image.all(tag) {
                let list = image.string(offset)?.split(|&byte| byte == b':');
                folders.extend(list.filter_map(|folder| beside(origin, folder)));
            }
        }
        let mut needed = Vec::new();
        for offset in image.all(DT_NEEDED) {
            let name = image.string(offset)?;
            let files = folders.iter().map(|folder| folder.join(OsStr::from_bytes(name)));
            let file = files.into_iter().find_map(|path| path.canonicalize().ok());
            needed.extend(file.map(|path| (name.to_vec(), path)));
        }
        Ok(Self { uses_python: uses_python(image)?, needed })
    }
}

/// A folder of the search path that is relative to the library's own.
fn beside(origin: &Path, folder: &[u8]) -> Option<PathBuf> {
    let rest = ORIGIN.into_iter().find_map(|spelling| folder.strip_prefix(spelling))?;
    let rest = rest.strip_prefix(b"/").unwrap_or(rest);
    Some(origin.join(OsStr::from_bytes(rest)))
}

/// The libraries beside one that each interpreter needs its own copies of.
///
/// Those are the ones that use Python, those that need such a one, and all that these need: they may have been given
/// objects of Python's to keep, as Arrow is.
pub(crate) fn own_copies(facts: &LibraryInfo, look: impl Fn(&Path) -> Arc<LibraryInfo>) -> HashSet<PathBuf> {
    let mut all = HashMap::new();
    collect(facts, &look, &mut all);
    let mut own: HashSet<PathBuf> =
        all.iter().filter(|(_, facts)| facts.uses_python).map(|(path, _)| path.clone()).collect();
    loop {
        let needs_own = |facts: &LibraryInfo| facts.needed.iter().any(|(_, needed)| own.contains(needed));
        let users = all.iter().filter(|(_, facts)| needs_own(facts)).map(|(path, _)| path.clone());
        let needed = own.iter().flat_map(|path| all[path].needed.iter().map(|(_, needed)| needed.clone()));
        let more: Vec<_> = users.chain(needed).filter(|path| !own.contains(path)).collect();
        if more.is_empty() {
            return own;
        }
        own.extend(more);
    }
}

/// All libraries beside, and those beside them.
fn collect(
    facts: &LibraryInfo,
    look: &impl Fn(&Path) -> Arc<LibraryInfo>,
    all: &mut HashMap<PathBuf, Arc<LibraryInfo>>,
) {
    for (_, path) in &facts.needed {
        if !all.contains_key(path) {
            let facts = look(path);
            all.insert(path.clone(), facts.clone());
            collect(&facts, look, all);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Libraries by name: whether they use Python, and what they need.
    fn own(libraries: &[(&str, bool, &[&str])], start: &str) -> Vec<String> {
        let facts = |name: &str| {
            let (_, uses_python, needed) = *libraries.iter().find(|(other, ..)| *other == name).unwrap();
            let needed = needed.iter().map(|it| (it.as_bytes().to_vec(), PathBuf::from(it))).collect();
            Arc::new(LibraryInfo { uses_python, needed })
        };
        let found = own_copies(&facts(start), |path| facts(path.to_str().unwrap()));
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
        assert!(own(&numpy, "umath").is_empty());
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
        assert_eq!(own(&arrow, "lib"), ["arrow", "arrow_python", "dataset"]);
    }

    #[test]
    fn circles_end() {
        let circle: [(&str, bool, &[&str]); 3] =
            [("start", true, &["a"]), ("a", false, &["b"]), ("b", false, &["a", "b"])];
        assert!(own(&circle, "start").is_empty());
    }
}
