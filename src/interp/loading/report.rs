//! What an interpreter has loaded, for people: which libraries are private, which are shared, and why.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard};

use super::graph::Graph;
use super::library_cache::FileId;
use super::privacy::Verdict;
use crate::sys::sync::lock;

#[derive(Default)]
pub(super) struct Report(Mutex<Entries>);

#[derive(Default)]
pub(super) struct Entries {
    /// In the order in which they were loaded.
    entries: Vec<(FileId, PathBuf, Verdict)>,
    /// Where each is among them.
    places: HashMap<FileId, usize>,
}

impl Report {
    /// Keeps other threads from using it until the result is dropped.
    pub(super) fn hold(&self) -> MutexGuard<'_, Entries> {
        lock(&self.0)
    }

    /// Adds the libraries of a graph.
    pub(super) fn add(&self, graph: &Graph, verdicts: &[Verdict]) {
        let mut report = lock(&self.0);
        for (node, verdict) in graph.0.iter().zip(verdicts) {
            let place = report.entries.len();
            let known = report.places.get(&node.id).copied();
            match known {
                // What was shared may have to be private for another library.
                Some(place) => report.entries[place].2 = verdict.clone(),
                None => {
                    report.places.insert(node.id, place);
                    report.entries.push((node.id, node.path.clone(), verdict.clone()));
                }
            }
        }
    }

    /// Whether it is known that a library is shared.
    pub(super) fn is_shared(&self, id: FileId) -> bool {
        let report = lock(&self.0);
        report.places.get(&id).is_some_and(|&place| !report.entries[place].2.is_private)
    }

    /// A line for each library: `private` or `shared`, its path, and the reason, with tabs between them.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        for (_, path, verdict) in &lock(&self.0).entries {
            let kind = if verdict.is_private { "private" } else { "shared" };
            let path = path.to_string_lossy();
            text.extend(format!("{kind}\t{}\t{verdict}\n", path.replace(['\t', '\n'], "?")).into_bytes());
        }
        text
    }
}
