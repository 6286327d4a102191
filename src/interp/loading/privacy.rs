//! The decision which libraries are private, so that each interpreter loads a copy of its own. All others are shared:
//! the process loads them once.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::dl::own_path;
use super::library_cache::{FileId, library_info};
use super::library_info::LibraryInfo;

/// Whether the system's directories are searched for this name, as it has no slash. Such libraries are shared.
pub(super) fn is_system_name(path: &Path) -> bool {
    !path.as_os_str().as_bytes().contains(&b'/')
}

/// Decides on a library that an interpreter's code loads by this path. `None` if it is shared. Otherwise it is private,
/// and the result is the set of the libraries that it needs and that are private, too.
///
/// A library is private if it uses Python, if it needs a private library, or if it was installed with a Python package.
/// `is_python` tells Python's symbols by their names.
pub(super) fn private_libraries(
    path: &Path,
    id: FileId,
    is_python: &impl Fn(&[u8]) -> bool,
) -> Option<HashSet<PathBuf>> {
    if is_system_name(path) || is_this_library(id) {
        return None;
    }
    let info = library_info(path);
    let needed = private_closure(&info, library_info, is_python);
    let is_private = info.uses_python(is_python) || !needed.is_empty() || is_in_package_directory(path);
    is_private.then_some(needed)
}

/// The directories that Python packages are installed in.
const PACKAGE_DIRECTORIES: [&str; 2] = ["site-packages", "dist-packages"];

/// Whether a library was installed with a Python package. Only Python code uses it then, and it may count on the GIL to
/// keep its callers apart. (This is asked about libraries that code loads by their paths, not about those that other
/// libraries need: packages bring OpenBLAS, for example, which is to be shared.)
fn is_in_package_directory(path: &Path) -> bool {
    let is_one = |name: &OsStr| PACKAGE_DIRECTORIES.iter().any(|directory| name == *directory);
    path.components().any(|part| matches!(part, Component::Normal(name) if is_one(name)))
}

fn is_this_library(id: FileId) -> bool {
    let own = own_path().and_then(|path| fs::metadata(path).ok());
    own.is_some_and(|own| FileId::of(&own) == id)
}

/// Which of the libraries that a library needs, directly or not, are private; only those count that are found relative
/// to the directory of the library that needs them.
///
/// Private are the ones that use Python, those that need a private one, and all that a private one needs: it may have
/// been given Python objects to keep, as Arrow is.
fn private_closure(
    library: &LibraryInfo,
    info_of: impl Fn(&Path) -> Arc<LibraryInfo>,
    is_python: &impl Fn(&[u8]) -> bool,
) -> HashSet<PathBuf> {
    let mut all = HashMap::new();
    collect(library, &info_of, &mut all);
    let users_of_python = all.iter().filter(|(_, info)| info.uses_python(is_python));
    let mut private: HashSet<PathBuf> = users_of_python.map(|(path, _)| path.clone()).collect();
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
            // A name like Python's does not make a symbol Python's.
            let python_names = if uses_python { "PyOwn\0PyPython\0" } else { "PyOwn\0" };
            Arc::new(LibraryInfo { python_names: python_names.into(), needed })
        };
        let found =
            private_closure(&info(start), |path| info(path.to_str().unwrap()), &|name| name == b"PyPython");
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

    #[test]
    fn package_directories_are_told_by_their_names() {
        let is_in = |path: &str| is_in_package_directory(Path::new(path));
        assert!(is_in("/venv/lib/python3.12/site-packages/llvmlite/binding/libllvmlite.so"));
        assert!(is_in("dist-packages/x.so"));
        assert!(!is_in("/usr/lib/libsite-packages.so"));
    }
}
