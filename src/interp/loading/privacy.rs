//! The decision which libraries are private, so that each interpreter loads a copy of its own. All others are shared:
//! the process loads them once.
//!
//! C libraries of Python packages count on the GIL as *their* lock, and there are as many GILs as interpreters. So a library
//! is private unless it is known that it may be shared.

use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::dl::own_path;
use super::graph::{Graph, Node, Target};
use super::library_cache::FileId;
use super::pattern::matches;
use super::shared_runtimes::{is_c_library, shared_runtime};
use super::unlocked_libraries::is_unlocked;

/// Patterns of the libraries that a user wants to be private, or shared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) private: Vec<OsString>,
    pub(crate) shared: Vec<OsString>,
}

/// Whether a library is private, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) is_private: bool,
    pub(crate) reason: Reason,
    /// The user's pattern that was not followed.
    pub(crate) ignored: Option<OsString>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It is this library itself.
    Own,
    /// It is a part of the C library.
    CLibrary,
    UsesPython,
    /// It needs this library, which is private.
    NeedsPrivate(PathBuf),
    NeedsPython,
    /// A pattern of the user's.
    Chosen(OsString),
    /// It is in the table of shared runtimes.
    Runtime(&'static str),
    /// It is in the table of libraries without a lock.
    Unlocked,
    System,
    /// It lies in a directory of packages.
    InPackage,
    /// It was found by a path, outside the system's directories.
    OutsideSystem,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("it is ungil's own library"),
            Self::CLibrary => f.write_str("it is a part of the C library"),
            Self::UsesPython => f.write_str("it uses Python"),
            Self::NeedsPrivate(path) => write!(f, "it needs {}, which is private", path.display()),
            Self::NeedsPython => f.write_str("it needs libpython"),
            Self::Chosen(pattern) => write!(f, "named by the user: {}", pattern.display()),
            Self::Runtime(why) => write!(f, "shared runtime: {why}"),
            Self::Unlocked => f.write_str("it has one state, and no lock"),
            Self::System => f.write_str("it is the system's"),
            Self::InPackage => f.write_str("it lies in a package"),
            Self::OutsideSystem => f.write_str("it lies outside the system's directories"),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)?;
        match &self.ignored {
            Some(pattern) => write!(f, "; the option shared={} is not followed", pattern.display()),
            None => Ok(()),
        }
    }
}

/// Decides on each library of a graph.
///
/// Private are those that use Python, those that the user wants to be private, those that lie outside the system's
/// directories and are no shared runtimes, those that are known to have no lock, and those that need a private library: a
/// shared library is bound to shared ones alone. `own` is this library's file; `is_python` tells Python's symbols by their names; `path_of` gives the original of
/// a copy.
pub(super) fn decide(
    graph: &Graph,
    own: Option<FileId>,
    choice: &Choice,
    is_python: &dyn Fn(&[u8]) -> bool,
    path_of: &dyn Fn(FileId) -> PathBuf,
) -> Vec<Verdict> {
    let verdict = |node: &Node| match own == Some(node.id) {
        true => Verdict { is_private: false, reason: Reason::Own, ignored: None },
        false => first_verdict(node, choice, is_python),
    };
    let mut verdicts: Vec<_> = graph.0.iter().map(verdict).collect();
    while let Some((node, reason)) = bound_to_private(graph, &verdicts, path_of) {
        let ignored = chosen(&choice.shared, &graph.0[node]);
        verdicts[node] = Verdict { is_private: true, reason, ignored };
    }
    verdicts
}

/// The decision on a library alone, which is not this one.
fn first_verdict(node: &Node, choice: &Choice, is_python: &dyn Fn(&[u8]) -> bool) -> Verdict {
    let verdict = |is_private, reason| Verdict { is_private, reason, ignored: None };
    if node.all_names().any(is_c_library) {
        return verdict(false, Reason::CLibrary);
    }
    if node.info.uses_python(is_python) {
        return Verdict { ignored: chosen(&choice.shared, node), ..verdict(true, Reason::UsesPython) };
    }
    if let Some(pattern) = chosen(&choice.private, node) {
        return verdict(true, Reason::Chosen(pattern));
    }
    if let Some(pattern) = chosen(&choice.shared, node) {
        return verdict(false, Reason::Chosen(pattern));
    }
    if let Some(why) = node.all_names().find_map(shared_runtime) {
        return verdict(false, Reason::Runtime(why));
    }
    if is_in_package_directory(&node.path) {
        return verdict(true, Reason::InPackage);
    }
    if node.all_names().any(is_unlocked) {
        return verdict(true, Reason::Unlocked);
    }
    if node.is_in_system { verdict(false, Reason::System) } else { verdict(true, Reason::OutsideSystem) }
}

/// A library that would be shared, but needs a private one.
fn bound_to_private(
    graph: &Graph,
    verdicts: &[Verdict],
    path_of: &dyn Fn(FileId) -> PathBuf,
) -> Option<(usize, Reason)> {
    let why = |target: &Target| match *target {
        Target::Node(node) if verdicts[node].is_private => {
            Some(Reason::NeedsPrivate(graph.0[node].path.clone()))
        }
        Target::Copy(id) => Some(Reason::NeedsPrivate(path_of(id))),
        Target::Python => Some(Reason::NeedsPython),
        _ => None,
    };
    let is_free =
        |verdict: &Verdict| !verdict.is_private && !matches!(verdict.reason, Reason::Own | Reason::CLibrary);
    let shared = graph.0.iter().enumerate().filter(|(node, _)| is_free(&verdicts[*node]));
    let mut bound =
        shared.filter_map(|(node, it)| Some((node, it.needed.iter().find_map(|(_, to)| why(to))?)));
    bound.next()
}

/// The user's pattern that names the library: its file, its SONAME or the name that it is needed by; or, with a slash in it,
/// its path.
fn chosen(patterns: &[OsString], node: &Node) -> Option<OsString> {
    if patterns.is_empty() {
        return None;
    }
    let canonical = fs::canonicalize(&node.path).unwrap_or_default();
    let canonical_name = canonical.file_name().map(OsStrExt::as_bytes);
    let paths = [node.path.as_os_str().as_bytes(), canonical.as_os_str().as_bytes()];
    let is_it = |pattern: &&OsString| {
        let pattern = pattern.as_bytes();
        match pattern.contains(&b'/') {
            true => paths.into_iter().any(|path| matches(pattern, path)),
            false => node.all_names().chain(canonical_name).any(|name| matches(pattern, name)),
        }
    };
    patterns.iter().find(is_it).cloned()
}

/// The directories that Python packages are installed in.
const PACKAGE_DIRECTORIES: [&str; 2] = ["site-packages", "dist-packages"];

fn is_in_package_directory(path: &Path) -> bool {
    let is_one = |part: Component<'_>| matches!(part, Component::Normal(name) if PACKAGE_DIRECTORIES.iter().any(|directory| name == *directory));
    path.components().any(is_one)
}

/// The file that this library was loaded from.
pub(super) fn own_file() -> Option<FileId> {
    Some(FileId::of(&fs::metadata(own_path()?).ok()?))
}

#[cfg(test)]
mod tests;
