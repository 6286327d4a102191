//! The files of the copies of a graph's private libraries, while these are loaded.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use object::elf::DT_NEEDED;

use super::dl::Library;
use super::graph::{Graph, Node, Target};
use super::initializers::{initialization_order, initialize};
use super::memfile::PrivateFile;
use super::shared_pages::share_pages;
use crate::interp::elf::image::Image;
use crate::interp::elf::malformed::Malformed;
use crate::interp::elf::reading::MissingPages;
use crate::interp::elf::version_files::version_files_not_needed;

/// The files of the copies of a graph's private libraries.
pub(super) type Files = BTreeMap<usize, PrivateFile>;

/// The pages that these files have not got.
pub(super) type Missing = BTreeMap<usize, MissingPages>;

/// The dynamic loader must have loaded each file that a library expects versions of symbols in, or it aborts the process.
/// It loads those that the library needs, and the copies. `needed` may give another name for a file.
pub(super) fn check_version_files(
    image: &Image,
    files: &Files,
    needed: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), Box<dyn std::error::Error>> {
    for file in version_files_not_needed(image)? {
        let name = needed(file).unwrap_or_else(|| file.to_vec());
        let path = Path::new(OsStr::from_bytes(&name));
        if files.values().all(|copy| copy.path().as_os_str() != path.as_os_str())
            && Library::loaded_by(path).is_none()
        {
            let file = String::from_utf8_lossy(file);
            return Err(format!("it uses symbol versions of {file}, but does not need that library").into());
        }
    }
    Ok(())
}

/// Writes the missing pages, if the dynamic loader loads other libraries along with the copies: it calls the initialisers
/// of these, which may be bound to functions of the copies, as those of C++ templates are.
pub(super) fn write_for_others(graph: &Graph, files: &Files, missing: &Missing) -> Result<(), String> {
    let mut others = graph.0.iter().enumerate().filter(|(i, _)| !files.contains_key(i));
    if others.all(|(_, node)| is_loaded(node)) {
        return Ok(());
    }
    files.iter().try_for_each(|(i, file)| {
        let written = file.open().and_then(|file| missing[i].write(&file));
        written.map_err(|error| failed(&graph.0[*i].path, &error))
    })
}

/// Whether the loader takes a library that the process has for this one.
fn is_loaded(node: &Node) -> bool {
    let by = |name: &Vec<u8>| Library::loaded_by(Path::new(OsStr::from_bytes(name))).is_some();
    Library::loaded_by(&node.path).is_some() || node.names.iter().all(by)
}

/// Whether the dynamic loader loads other libraries along with this one.
pub(crate) fn loads_others(image: &Image) -> Result<bool, Malformed> {
    let names = image.dyn_values(DT_NEEDED).map(|name| image.string(name));
    let names = names.collect::<Result<Vec<_>, _>>()?;
    Ok(!names.into_iter().all(|name| Library::loaded_by(Path::new(OsStr::from_bytes(name))).is_some()))
}

/// Gives the copies that are loaded all their pages.
pub(super) fn complete(graph: &Graph, files: &Files, missing: &Missing) -> Result<(), String> {
    for (i, file) in files {
        if let Some(library) = Library::loaded_by(file.path()) {
            let shared = share_pages(library, file, &missing[i]);
            shared.map_err(|error| failed(&graph.0[*i].path, &error))?;
        }
    }
    Ok(())
}

/// Calls the initialisers of the copies.
///
/// # Safety
/// The copies are loaded and complete, and this is called once for them. Their initialisers are sound.
pub(super) unsafe fn initialize_all(graph: &Graph, files: &Files) {
    let needed = |i: usize| {
        let nodes = graph.0[i].needed.iter();
        nodes.filter_map(|(_, target)| if let Target::Node(i) = *target { Some(i) } else { None }).collect()
    };
    let needs: Vec<_> = (0..graph.0.len()).map(|i| (i, needed(i))).collect();
    for i in initialization_order(&needs) {
        if let Some(library) = files.get(&i).and_then(|file| Library::loaded_by(file.path())) {
            // SAFETY: this function's contract.
            unsafe { initialize(library) };
        }
    }
}

/// A message that names the file.
pub(super) fn failed(path: &Path, error: &(impl fmt::Display + ?Sized)) -> String {
    format!("{}: {error}", path.display())
}
