//! A library and all that it needs, as the dynamic loader would find them if the interpreter were a process of its own.

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::library_cache::{FileId, library_info};
use super::library_info::LibraryInfo;
use super::search::{Found, Requester, find, is_in_system_directory};
use super::shared_runtimes::{is_c_library, shared_runtime};

/// A library of a graph that the interpreter has no copy of yet.
pub(super) struct Node {
    pub(super) id: FileId,
    /// The path that it was found by.
    pub(super) path: PathBuf,
    pub(super) info: Arc<LibraryInfo>,
    pub(super) is_in_system: bool,
    /// The names by which others need it.
    pub(super) names: Vec<Vec<u8>>,
    /// What it needs.
    pub(super) needed: Vec<(Vec<u8>, Target)>,
    /// The library that made it be loaded first.
    pub(super) parent: Option<usize>,
}

/// A needed library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// A library of the graph.
    Node(usize),
    /// A library that the interpreter has a copy of.
    Copy(FileId),
    /// The interpreter's libpython.
    Python,
    /// One that is left to the dynamic loader: a part of the C library, or one that was not found.
    Left,
}

/// What the interpreter has loaded.
pub(super) trait Loaded {
    /// The copy that has this name: of several, the one that was loaded first.
    fn copy_named(&self, name: &[u8]) -> Option<FileId>;
    fn has_copy(&self, id: FileId) -> bool;
    /// The file of a library that the process has loaded under this name.
    fn path_in_process(&self, name: &[u8]) -> Option<PathBuf>;
}

pub(super) struct Graph(pub(super) Vec<Node>);

impl Graph {
    /// The graph of the library in this file. Its order is the loader's: breadth first.
    pub(super) fn of(found: Found, id: FileId, loaded: &dyn Loaded) -> Self {
        let mut graph = Self(Vec::new());
        graph.add(found, id, None);
        let mut next = VecDeque::from([0]);
        while let Some(node) = next.pop_front() {
            if graph.is_leaf(node) {
                continue;
            }
            for name in graph.0[node].info.clone().needed.iter() {
                let before = graph.0.len();
                let target = graph.target(node, name, loaded);
                next.extend(before..graph.0.len());
                graph.0[node].needed.push((name.clone(), target));
            }
        }
        graph
    }

    /// A runtime of the system's needs nothing but others of the system's.
    fn is_leaf(&self, node: usize) -> bool {
        let node = &self.0[node];
        node.is_in_system && node.all_names().any(|name| shared_runtime(name).is_some())
    }

    fn add(&mut self, found: Found, id: FileId, parent: Option<usize>) -> usize {
        let (path, is_in_system) = match found {
            Found::InSystem(path) => (path, true),
            Found::ByPath(path) => (path.clone(), is_in_system_directory(&path)),
        };
        let info = library_info(&path).unwrap_or_default();
        self.0.push(Node { id, path, info, is_in_system, names: Vec::new(), needed: Vec::new(), parent });
        self.0.len() - 1
    }

    /// What a library means by a name.
    fn target(&mut self, from: usize, name: &[u8], loaded: &dyn Loaded) -> Target {
        if is_libpython(name) {
            return Target::Python;
        }
        if is_c_library(name) {
            return Target::Left;
        }
        // A library that is loaded already under this name comes before any search.
        if let Some(node) = self.named(name) {
            return node;
        }
        if let Some(copy) = loaded.copy_named(name) {
            return Target::Copy(copy);
        }
        let in_process = || loaded.path_in_process(name).map(Found::ByPath);
        let is_library = |path: &Path| library_info(path).is_some();
        let Some(found) = find(name, &self.chain(from), is_library).or_else(in_process) else {
            return Target::Left;
        };
        let (Found::ByPath(path) | Found::InSystem(path)) = &found;
        let Ok(metadata) = fs::metadata(path) else { return Target::Left };
        let id = FileId::of(&metadata);
        if loaded.has_copy(id) {
            return Target::Copy(id);
        }
        let known = self.0.iter().position(|node| node.id == id);
        let node = known.unwrap_or_else(|| self.add(found, id, Some(from)));
        self.0[node].names.push(name.to_vec());
        Target::Node(node)
    }

    /// The library of the graph that has this name.
    pub(super) fn named(&self, name: &[u8]) -> Option<Target> {
        self.0.iter().position(|node| node.has_name(name)).map(Target::Node)
    }

    /// A library, the one that made it be loaded, and so on.
    fn chain(&self, from: usize) -> Vec<Requester<'_>> {
        let chain = std::iter::successors(Some(from), |&node| self.0[node].parent);
        chain.map(|node| Requester { path: &self.0[node].path, info: &self.0[node].info }).collect()
    }
}

impl Node {
    /// The names that tell what library it is, without directories.
    pub(super) fn all_names(&self) -> impl Iterator<Item = &[u8]> {
        let file_name = self.path.file_name().map(|name| name.as_encoded_bytes());
        file_name.into_iter().chain(self.info.soname.as_deref()).chain(self.names.iter().map(Vec::as_slice))
    }

    /// Whether the loader knows it by this name, once it is loaded. (It would know a library without a SONAME by the name
    /// that it is needed by.)
    fn has_name(&self, name: &[u8]) -> bool {
        self.all_names().any(|other| other == name)
    }
}

/// Whether a library that is needed by this name is Python's.
fn is_libpython(name: &[u8]) -> bool {
    name.strip_prefix(b"libpython").is_some_and(|rest| rest.first().is_some_and(u8::is_ascii_digit))
}
