//! The libraries that an interpreter has loaded with RTLD_GLOBAL: their symbols are there for all that it loads later, and
//! for no other interpreter.
//!
//! In a process of its own, the loader would look symbols up in the program, in what was loaded with RTLD_GLOBAL, and then
//! in the library that is loaded and in what that needs. Here the second and the third are one list: an object that needs
//! nothing but these libraries is loaded (`elf/needing.rs`), and the loader searches all that it loads for one object. The
//! list has the copies that are global, the library, and then what they need, breadth first. What is different: shared
//! libraries come after the library. And a library that was loaded before is not bound to symbols that become global.

use std::collections::VecDeque;
use std::ffi::{CStr, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::ptr::NonNull;

use super::dl::Library;
use super::library_cache::FileId;
use super::loader::Loader;
use super::memfile::PrivateFile;
use crate::interp::elf::needing::library_needing;
use crate::sys::sync::lock;

impl Loader {
    /// Makes a copy global, and the copies that it needs.
    pub(super) fn make_global(&self, id: FileId) {
        let (mut next, copies, mut global) = (VecDeque::from([id]), lock(&self.copies), lock(&self.global));
        while let Some(id) = next.pop_front() {
            let Some(copy) = copies.get(&id).filter(|_| !global.contains(&id)) else { continue };
            global.push(id);
            next.extend(&copy.needed);
        }
    }

    /// Loads the file of a copy so that it is bound to what is global.
    ///
    /// # Safety
    /// The initialisers of the library, and of what it needs, are sound.
    pub(super) unsafe fn open_in_scope(&self, path: &Path, flags: c_int) -> Result<Library, String> {
        let mut names = self.global_paths();
        // SAFETY: by this function's contract.
        let open = |path: &Path| unsafe { Library::open(path, flags) }.map_err(|error| error.0);
        if names.is_empty() {
            return open(path);
        }
        names.push(path.as_os_str().as_bytes().to_vec());
        let scope =
            PrivateFile::new(c"ungil-scope", &library_needing(&names)).map_err(|error| error.to_string())?;
        open(scope.path())?;
        Library::loaded_by(path).ok_or_else(|| "it was not loaded".to_owned())
    }

    fn global_paths(&self) -> Vec<Vec<u8>> {
        let (copies, global) = (lock(&self.copies), lock(&self.global));
        let paths = global.iter().filter_map(|id| Some(copies.get(id)?.path.as_os_str().as_bytes().to_vec()));
        paths.collect()
    }

    /// A symbol that is global in this interpreter, and not in the process.
    pub(super) fn global_symbol(&self, name: &CStr, version: Option<&CStr>) -> Option<NonNull<c_void>> {
        let global = lock(&self.global).clone();
        let name = name.to_str().ok().filter(|_| !global.is_empty())?;
        if Library::of_process()?.symbol_of(name, version).is_some() {
            return None;
        }
        let libraries: Vec<_> = global.into_iter().filter_map(|id| self.finished(id)).collect();
        libraries.iter().find_map(|library| library.symbol_of(name, version))
    }
}
