//! Where the dynamic loader finds a library that another one needs (ld.so(8)).
//!
//! In this order: the `DT_RPATH` of the library that needs it, of the one that made this be loaded, and so on, and of the
//! program, unless the first of them has a `DT_RUNPATH`; `LD_LIBRARY_PATH`; the `DT_RUNPATH` of the library that needs it,
//! and of no other; the loader's cache; its own directories. (The subdirectories of a directory for processors with
//! special abilities, `glibc-hwcaps`, are not searched: a copy is made of the file that is for all.)

use std::ffi::{CString, OsStr};
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::ld_cache::LdCache;
use super::library_info::LibraryInfo;
use super::process_paths::{ProcessPaths, process_paths};

/// A library that needs others.
pub(super) struct Requester<'a> {
    /// The path that it was found by: `$ORIGIN` is its directory.
    pub(super) path: &'a Path,
    pub(super) info: &'a LibraryInfo,
}

/// A file that was found, and where.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// By a path: it has a slash, or a library's search path has the directory.
    ByPath(PathBuf),
    /// In the system's directories, or in those of `LD_LIBRARY_PATH`.
    InSystem(PathBuf),
}

impl Found {
    /// The file, if it was found in another library's search path for a name without a slash.
    pub(super) fn by_search_path_of(&self, name: &Path) -> Option<CString> {
        match self {
            Self::ByPath(path) if path.as_os_str() != name.as_os_str() => {
                CString::new(path.as_os_str().as_bytes()).ok()
            }
            _ => None,
        }
    }
}

/// Finds the library of this name for the first of `chain`, the libraries that made one another be loaded. `is_library` says
/// whether a file is a library for this machine; the loader passes over others in a search.
pub(super) fn find(
    name: &[u8],
    chain: &[Requester<'_>],
    is_library: impl Fn(&Path) -> bool,
) -> Option<Found> {
    let paths = process_paths();
    if name.contains(&b'/') {
        let origin = chain.first().map_or(Path::new("/"), |requester| origin(requester.path));
        return existing(expand(name, origin, paths)).map(Found::ByPath);
    }
    let in_directory = |directory: PathBuf| existing(directory.join(OsStr::from_bytes(name)));
    let good = |path: &PathBuf| is_library(path);
    let in_path = |requester: &Requester<'_>, list: &[u8]| {
        let directories = list.split(|&byte| byte == b':');
        let mut found = directories.filter_map(|it| in_directory(expand(it, origin(requester.path), paths)));
        found.find(good)
    };
    let in_all = |directories: &[PathBuf]| directories.iter().cloned().filter_map(in_directory).find(good);
    let runpath = chain.first().and_then(|first| Some((first, first.info.runpath.as_deref()?)));
    if runpath.is_none() {
        let mut rpaths = chain.iter().filter(|it| it.info.runpath.is_none());
        let in_rpath = |it: &Requester<'_>| in_path(it, it.info.rpath.as_deref()?);
        let found = rpaths.find_map(in_rpath).or_else(|| in_all(&paths.program));
        if let Some(found) = found {
            return Some(Found::ByPath(found));
        }
    }
    if let Some(found) = in_all(&paths.environment) {
        return Some(Found::InSystem(found));
    }
    if let Some(found) = runpath.and_then(|(first, list)| in_path(first, list)) {
        return Some(Found::ByPath(found));
    }
    let cached = LdCache::of_system().path(name).and_then(|path| existing(path.to_owned()));
    cached.or_else(|| in_all(&paths.system)).map(Found::InSystem)
}

/// Whether a library by this path lies directly in one of the system's directories.
pub(super) fn is_in_system_directory(path: &Path) -> bool {
    let Some(directory) = fs::canonicalize(path).ok().and_then(|path| path.parent().map(Path::to_owned))
    else {
        return false;
    };
    let is_it = |other: &Path| fs::canonicalize(other).is_ok_and(|other| other == directory);
    process_paths().system.iter().any(|other| is_it(other))
        || LdCache::of_system().paths().any(|path| path.parent().is_some_and(|parent| parent == directory))
}

fn origin(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn existing(path: PathBuf) -> Option<PathBuf> {
    path.is_file().then_some(path)
}

/// A directory of a search path, or a path, in which `$ORIGIN`, `$LIB` and `$PLATFORM` are replaced. An empty directory is the
/// current one.
fn expand(text: &[u8], origin: &Path, paths: &ProcessPaths) -> PathBuf {
    let values: [(&[u8], &[u8]); 3] =
        [(b"ORIGIN", origin.as_os_str().as_bytes()), (b"LIB", &paths.lib), (b"PLATFORM", &paths.platform)];
    let (mut expanded, mut rest) = (Vec::new(), text);
    while let Some(position) = rest.iter().position(|&byte| byte == b'$') {
        let (before, from) = rest.split_at(position);
        expanded.extend_from_slice(before);
        let token = |(name, value): &(&[u8], &[u8])| Some((token_len(&from[1..], name)?, value.to_vec()));
        let (len, value) = values.iter().find_map(token).unwrap_or((0, b"$".to_vec()));
        expanded.extend(value);
        rest = &from[1 + len..];
    }
    expanded.extend_from_slice(rest);
    if expanded.is_empty() {
        expanded.push(b'.');
    }
    PathBuf::from(std::ffi::OsString::from_vec(expanded))
}

/// The length of a token, with or without braces, if the text begins with it.
fn token_len(text: &[u8], name: &[u8]) -> Option<usize> {
    let braced = || text.strip_prefix(b"{")?.strip_prefix(name)?.strip_prefix(b"}");
    let ends = |rest: &&[u8]| !rest.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let bare = || text.strip_prefix(name).filter(ends);
    braced().or_else(bare).map(|rest| text.len() - rest.len())
}
