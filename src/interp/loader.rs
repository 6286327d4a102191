//! One interpreter's libraries: what is private to it, and what all share.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::Mutex;

use super::elf::Image;
use super::library::{Library, own_path};
use super::needed::{needed_beside, needs_own_copy};
use super::private_file::PrivateFile;
use super::relink::{Marker, copy_of_library, is_pythons};
use super::{lock, substitutes};
use crate::per_process::PerProcess;

/// The libraries of one interpreter.
pub(super) struct Loader {
    marker: Marker,
    /// The copy of libpython, and the name that the loader knows it by.
    python: Library,
    soname: String,
    own: Mutex<HashMap<FileId, Private>>,
}

/// A library that was loaded for one interpreter.
#[derive(Clone)]
struct Private {
    library: Library,
    /// What the loader knows it by.
    soname: Vec<u8>,
}

/// What tells a file from all others.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FileId(u64, u64);

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        Self(metadata.dev(), metadata.ino())
    }
}

impl Loader {
    pub(super) fn new(marker: Marker, python: Library, soname: String) -> Self {
        Self { marker, python, soname, own: Mutex::default() }
    }

    /// The interpreter's own copy of a library, loaded if it was not; `None` if the library is one that all share, or
    /// is to be left to the C library's loader, which tells best what is wrong with it. An error is a text.
    pub(super) fn open(&self, path: &Path, flags: c_int) -> Result<Option<Library>, String> {
        // A plain name is looked up among the system's libraries.
        let Some(metadata) = is_path(path).then(|| fs::metadata(path).ok()).flatten() else {
            return Ok(None);
        };
        if let Some(private) = lock(&self.own).get(&FileId::of(&metadata)) {
            return Ok(Some(private.library));
        }
        if flags & libc::RTLD_NOLOAD != 0 || is_this_library(&metadata) {
            return Ok(None);
        }
        let Ok(image) = Image::read(path) else { return Ok(None) };
        let is_private = is_from_a_package(path) || needs_own_copy(path, &image).unwrap_or(false);
        if is_private {
            self.load(path, &metadata, image, flags).map(|it| Some(it.library))
        } else {
            Ok(None)
        }
    }

    fn load(&self, path: &Path, metadata: &Metadata, image: Image, flags: c_int) -> Result<Private, String> {
        let told = |error: &dyn std::fmt::Display| format!("{}: {error}", path.display());
        let mut own_names = HashMap::new();
        for (name, needed) in needed_beside(path, &image).map_err(|error| told(&error))? {
            if let Some(soname) = self.load_needed(&needed)? {
                own_names.insert(name, soname);
            }
        }
        let name = path.file_name().unwrap_or(path.as_os_str()).as_bytes();
        let own_name = |needed: &[u8]| {
            let python = needed.starts_with(b"libpython").then(|| self.soname.clone().into_bytes());
            python.or_else(|| own_names.get(needed).cloned())
        };
        let copy = copy_of_library(image, &self.marker, name, &substitutes::OF_LIBRARIES, own_name);
        let copy = copy.map_err(|error| told(&error))?;
        let file = PrivateFile::new(&c_string(name), &copy).map_err(|error| told(&error))?;
        remember_original(file.path(), path);
        // Its symbols are for those that need it, or the next interpreter's copy would be bound to this one's.
        let flags = flags & !libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        // SAFETY: its initialisers would run as well if Python loaded the original.
        let library = unsafe { Library::open(file.path(), flags) };
        let library = library.map_err(|error| self.in_original_names(&error.0, file.path(), path))?;
        let soname = self.marker.mark(&String::from_utf8_lossy(name)).into_bytes();
        let private = Private { library, soname };
        Ok(lock(&self.own).entry(FileId::of(metadata)).or_insert(private).clone())
    }

    /// Loads what a private library needs and has beside it; gives the name of a private copy. One that all share is
    /// loaded by its own path, from where it finds what itself needs.
    fn load_needed(&self, path: &Path) -> Result<Option<Vec<u8>>, String> {
        let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
        if let Some(private) = lock(&self.own).get(&FileId::of(&metadata)) {
            return Ok(Some(private.soname.clone()));
        }
        let file = FileId::of(&metadata);
        if !lock(&KNOWN.get().shared).contains(&file) {
            let image = Image::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
            if needs_own_copy(path, &image).unwrap_or(false) {
                return self.load(path, &metadata, image, libc::RTLD_NOW).map(|private| Some(private.soname));
            }
            lock(&KNOWN.get().shared).insert(file);
        }
        // SAFETY: its initialisers would run as well if Python loaded the original. Where it cannot be loaded, the
        // library that needs it tells why.
        let _ = unsafe { Library::open(path, libc::RTLD_NOW) };
        Ok(None)
    }

    fn in_original_names(&self, message: &str, private: &Path, original: &Path) -> String {
        let paths = message.replace(&*private.to_string_lossy(), &original.to_string_lossy());
        self.marker.unmarked(&paths)
    }

    /// A symbol of Python's, as code of this interpreter is to find it; `None` leaves it to the C library's dlsym.
    pub(super) fn symbol(&self, handle: *mut c_void, name: &CStr) -> Option<Result<NonNull<c_void>, String>> {
        let is_python = is_pythons(name.to_bytes()) && !name.to_bytes().starts_with(b"PyInit_");
        let name = name.to_str().ok().filter(|_| is_python)?;
        let own = self.python.symbol(&self.marker.mark(name));
        // A library may have symbols with such names too. In the whole process, they would be another Python's.
        let is_everything = handle == libc::RTLD_DEFAULT || handle == whole_process();
        own.map(Ok).or_else(|| is_everything.then(|| Err(format!("undefined symbol: {name}"))))
    }
}

/// What dlopen(NULL) gives.
fn whole_process() -> *mut c_void {
    // SAFETY: NULL stands for the program, which is loaded.
    unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) }
}

fn is_path(path: &Path) -> bool {
    path.as_os_str().as_bytes().contains(&b'/')
}

/// Installed with a Python package: such a library has its users in Python, and none that run at the same time.
fn is_from_a_package(path: &Path) -> bool {
    let folders = ["site-packages", "dist-packages"].map(OsStr::new);
    path.components().any(|part| matches!(part, Component::Normal(name) if folders.contains(&name)))
}

fn is_this_library(metadata: &Metadata) -> bool {
    let own = own_path().and_then(|path| fs::metadata(path).ok());
    own.is_some_and(|own| FileId::of(&own) == FileId::of(metadata))
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

/// What all interpreters of a process know about files.
#[derive(Default)]
struct Known {
    /// From the paths that copies were loaded by to those that they were copied from.
    originals: Mutex<HashMap<PathBuf, &'static CStr>>,
    /// Libraries that all interpreters share: to find that out again, they would have to be read again.
    shared: Mutex<HashSet<FileId>>,
}

static KNOWN: PerProcess<Known> = PerProcess::new(Known::default);

fn remember_original(private: &Path, original: &Path) {
    let original = Box::leak(c_string(original.as_os_str().as_bytes()).into_boxed_c_str());
    lock(&KNOWN.get().originals).insert(private.to_owned(), original);
}

/// Where the library that was loaded by this path was copied from, if it is a copy.
pub(super) fn original_path(private: &CStr) -> Option<&'static CStr> {
    let path = Path::new(OsStr::from_bytes(private.to_bytes()));
    lock(&KNOWN.get().originals).get(path).copied()
}
