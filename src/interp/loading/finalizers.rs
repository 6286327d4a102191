//! The functions that private libraries have the dynamic loader call when the process exits. It does not see them in a
//! copy (`elf/hidden_functions.rs`); they are called here instead.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::ptr;
use std::sync::{Mutex, MutexGuard};

use object::elf::{DT_NULL, DynamicTag};

use super::dl::{Library, LinkMap};
use super::graph::{Graph, Node, Target};
use super::library_cache::FileId;
use crate::interp::elf::hidden_functions::{HIDDEN_FINI, HIDDEN_FINI_ARRAY, HIDDEN_FINI_ARRAYSZ};
use crate::sys::foreign::call_foreign;
use crate::sys::sync::lock;

type Function = unsafe extern "C-unwind" fn();

/// The libraries of an interpreter, in the order in which they were loaded, each with what it needs.
#[derive(Default)]
pub(super) struct Finalizers(Mutex<Vec<Entry>>);

type Entry = (Library, FileId, Vec<FileId>);

impl Finalizers {
    /// Keeps other threads from using them until the result is dropped.
    pub(super) fn hold(&self) -> MutexGuard<'_, Vec<Entry>> {
        lock(&self.0)
    }

    /// Adds a library that is this node of a graph.
    pub(super) fn add(&self, library: Library, node: &Node, graph: &Graph) {
        let id = |target: &Target| match *target {
            Target::Node(i) => Some(graph.0[i].id),
            Target::Copy(id) => Some(id),
            Target::Python | Target::Left => None,
        };
        let needed = node.needed.iter().filter_map(|(_, target)| id(target)).collect();
        lock(&self.0).push((library, node.id, needed));
    }

    /// Calls the functions of all: each library's before those of the libraries that it needs.
    ///
    /// # Safety
    /// The libraries are copies that are initialised. The process is exiting, and this is called once.
    pub(super) unsafe fn run(&self) {
        let all = lock(&self.0).clone();
        let needs: Vec<_> = all.iter().map(|(_, id, needed)| (*id, needed.clone())).collect();
        for at in order(&needs) {
            // SAFETY: this function's contract.
            unsafe { finalize(all[at].0) };
        }
    }
}

/// Calls a library's functions in the dynamic loader's order.
///
/// # Safety
/// The library is a copy, loaded and initialised, and its functions have not been called: this is called once for it.
unsafe fn finalize(library: Library) {
    // SAFETY: all that is read is in the library's memory, which the dynamic loader has relocated, and which stays: its
    // dynamic section ends with DT_NULL, and the functions are those that the library has for this purpose.
    unsafe {
        let Some(map) = library.map() else { return };
        let address = |tag| value(map, tag).map(|value| map.base + value);
        if let Some(array) = address(HIDDEN_FINI_ARRAY) {
            let count = value(map, HIDDEN_FINI_ARRAYSZ).unwrap_or(0) / size_of::<usize>();
            let array = ptr::with_exposed_provenance::<Option<Function>>(array);
            for i in (0..count).rev() {
                call(*array.add(i));
            }
        }
        let function = address(HIDDEN_FINI).map(ptr::with_exposed_provenance::<()>);
        call(function.map(|it| mem::transmute::<*const (), Function>(it)));
    }
}

/// # Safety
/// The function, if there is one, may be called.
unsafe fn call(function: Option<Function>) {
    if let Some(function) = function {
        // SAFETY: this function's contract.
        call_foreign(|| unsafe { function() });
    }
}

/// The value of the dynamic entry with this tag.
///
/// # Safety
/// The dynamic section is that of a loaded library.
pub(super) unsafe fn value(map: &LinkMap, tag: DynamicTag) -> Option<usize> {
    let mut entry = map.dynamic;
    // SAFETY: by this function's contract, the section ends with DT_NULL.
    unsafe {
        while (*entry).tag != DT_NULL.0 {
            if (*entry).tag == tag.0 {
                return usize::try_from((*entry).value).ok();
            }
            entry = entry.add(1);
        }
    }
    None
}

/// The order in which libraries are finalised: each before those that it needs, as far as they need one another in no
/// circle. `loaded` has them in the order in which they were loaded, each with what it needs. The results are positions.
pub(super) fn order<K: Eq + Hash>(loaded: &[(K, Vec<K>)]) -> Vec<usize> {
    let positions: HashMap<&K, usize> = loaded.iter().enumerate().map(|(at, (id, _))| (id, at)).collect();
    let needed = |at: usize| loaded[at].1.iter().filter_map(|id| positions.get(id).copied());
    let mut is_visited = vec![false; loaded.len()];
    let mut initialised = Vec::new();
    for root in 0..loaded.len() {
        let mut path = Vec::new();
        if !mem::replace(&mut is_visited[root], true) {
            path.push((root, needed(root)));
        }
        while let Some((at, rest)) = path.last_mut() {
            match rest.find(|&next| !mem::replace(&mut is_visited[next], true)) {
                Some(next) => path.push((next, needed(next))),
                None => {
                    initialised.push(*at);
                    path.pop();
                }
            }
        }
    }
    initialised.reverse();
    initialised
}

#[cfg(test)]
mod tests {
    use super::order;

    fn names(loaded: &[(char, &str)]) -> String {
        let loaded: Vec<_> = loaded.iter().map(|(name, needed)| (*name, needed.chars().collect())).collect();
        order(&loaded).into_iter().map(|at| loaded[at].0).collect()
    }

    #[test]
    fn a_library_is_finalised_before_those_that_it_needs() {
        assert_eq!(names(&[]), "");
        assert_eq!(names(&[('a', "x"), ('b', ""), ('c', "")]), "cba");
        assert_eq!(names(&[('r', "ab"), ('a', "c"), ('c', ""), ('b', "c")]), "rbac");
        assert_eq!(names(&[('a', "b"), ('b', ""), ('c', "b")]), "cab");
        assert_eq!(names(&[('a', "b"), ('b', "a")]), "ab");
    }
}
