//! One interpreter's libraries: what is private to it, and what all share.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::fmt;
use std::fs::{self, Metadata};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex};

use crate::interp::elf::image::Image;
use crate::interp::elf::rewrite::{SymbolPrefix, is_pythons, rewrite_library};
use crate::interp::exit::at_exit;
use crate::interp::loading::closure::{LibraryInfo, own_copies};
use crate::interp::loading::dl::{Library, own_path};
use crate::interp::loading::memfile::PrivateFile;
use crate::interp::loading::reentrant::ReentrantLock;
use crate::sys::fork::ForkLocal;
use crate::sys::sync::lock;

/// The libraries of one interpreter.
pub(crate) struct Loader {
    prefix: SymbolPrefix,
    /// The copy of libpython, and the name that the loader knows it by.
    python: Library,
    soname: String,
    /// The C library's functions that its libraries are to call by the copy's names.
    interposed: &'static [&'static str],
    own: Mutex<HashMap<FileId, Private>>,
    /// Held while one is loaded, or two threads would load two copies. Initialisers may load others in their turn.
    loading: ReentrantLock,
    /// Those whose initialisers have not returned yet, and the paths that they are loaded by.
    unfinished: Mutex<Vec<(FileId, PathBuf)>>,
}

/// A library that was loaded for one interpreter.
#[derive(Clone)]
struct Private {
    library: Library,
    /// What the loader knows it by.
    soname: Vec<u8>,
}

/// What tells a file from all others, and from itself after a change.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct FileId {
    device: u64,
    inode: u64,
    changed: (i64, i64),
}

impl FileId {
    fn of(metadata: &Metadata) -> Self {
        let changed = (metadata.ctime(), metadata.ctime_nsec());
        Self { device: metadata.dev(), inode: metadata.ino(), changed }
    }
}

impl Loader {
    pub(crate) fn new(
        prefix: SymbolPrefix,
        python: Library,
        soname: String,
        interposed: &'static [&'static str],
    ) -> Self {
        Self {
            prefix,
            python,
            soname,
            interposed,
            own: Mutex::default(),
            loading: ReentrantLock::default(),
            unfinished: Mutex::default(),
        }
    }

    /// The interpreter's own copy of a library, loaded if it was not; `None` if the library is one that all share, or
    /// is to be left to the C library's loader, which tells best what is wrong with it. An error is a text.
    pub(crate) fn open(&self, path: &Path, flags: c_int) -> Result<Option<Library>, String> {
        // A plain name is looked up among the system's libraries.
        if !path.as_os_str().as_bytes().contains(&b'/') {
            return Ok(None);
        }
        let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
        if let Some(private) = lock(&self.own).get(&FileId::of(&metadata)) {
            return Ok(Some(private.library));
        }
        if flags & libc::RTLD_NOLOAD != 0 || is_this_library(&metadata) {
            return Ok(None);
        }
        let facts = facts(path);
        let own = own_copies(&facts, self::facts);
        if facts.uses_python || !own.is_empty() || is_from_a_package(path) {
            self.load(path, flags, &own).map(|private| Some(private.library))
        } else {
            Ok(None)
        }
    }

    /// Loads a copy of a library, and before it the copies of those of `own` that it needs.
    fn load(&self, path: &Path, flags: c_int, own: &HashSet<PathBuf>) -> Result<Private, String> {
        let told = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let _loading = self.loading.lock();
        let id = FileId::of(&fs::metadata(path).map_err(|error| told(&error))?);
        if let Some(private) = lock(&self.own).get(&id) {
            return Ok(private.clone());
        }
        if let Some(library) = self.unfinished(id) {
            return Ok(Private { library, soname: self.soname_of(path) });
        }
        let mut others = own.clone();
        others.remove(path); // libraries may need one another in a circle
        let mut sonames = HashMap::new();
        for (name, needed) in facts(path).needed.iter().filter(|(_, needed)| others.contains(needed)) {
            sonames.insert(name.clone(), self.load(needed, libc::RTLD_NOW, &others)?.soname);
        }
        let file = self.copy(path, &sonames).map_err(|error| told(&error))?;
        remember_original(file.path(), path);
        // Its symbols are for those that need it, or the next interpreter's copy would be bound to this one's.
        let flags = flags & !libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        lock(&self.unfinished).push((id, file.path().to_owned()));
        // SAFETY: its initialisers would run as well if Python loaded the original.
        let library = unsafe { Library::open(file.path(), flags) };
        lock(&self.unfinished).retain(|(other, _)| *other != id);
        let library = library.map_err(|error| self.in_original_names(&error.0, file.path(), path))?;
        at_exit::before_libraries();
        let private = Private { library, soname: self.soname_of(path) };
        lock(&self.own).insert(id, private.clone());
        Ok(private)
    }

    /// What the loader knows the copy of a library by.
    fn soname_of(&self, path: &Path) -> Vec<u8> {
        self.prefix.mangle(&file_name(path).to_string_lossy()).into_bytes()
    }

    /// A library that this thread is loading, as its own initialiser asks for it.
    fn unfinished(&self, id: FileId) -> Option<Library> {
        let path = lock(&self.unfinished).iter().find(|(other, _)| *other == id)?.1.clone();
        // SAFETY: it is loaded already: no initialiser runs.
        unsafe { Library::open(&path, libc::RTLD_NOW | libc::RTLD_NOLOAD) }.ok()
    }

    /// A copy that needs libraries of these SONAMEs in place of those with the names before.
    fn copy(
        &self,
        path: &Path,
        sonames: &HashMap<Vec<u8>, Vec<u8>>,
    ) -> Result<PrivateFile, Box<dyn std::error::Error>> {
        let image = Image::read(path)?;
        let name = file_name(path).as_bytes();
        let origin = fs::canonicalize(path.parent().unwrap_or(Path::new("/")))?;
        let needed = |needed: &[u8]| {
            let python = needed.starts_with(b"libpython").then(|| self.soname.clone().into_bytes());
            // Found by a path, or loaded before, as packages do that have theirs in several folders.
            let loaded = || {
                let soname = self.prefix.mangle(&String::from_utf8_lossy(needed)).into_bytes();
                lock(&self.own).values().any(|private| private.soname == soname).then_some(soname)
            };
            python.or_else(|| sonames.get(needed).cloned()).or_else(loaded)
        };
        let origin = origin.as_os_str().as_bytes();
        let copy = rewrite_library(image, &self.prefix, name, origin, self.interposed, needed)?;
        Ok(PrivateFile::new(&c_string(name), &copy)?)
    }

    fn in_original_names(&self, message: &str, private: &Path, original: &Path) -> String {
        let paths = message.replace(&*private.to_string_lossy(), &original.to_string_lossy());
        self.prefix.demangle(&paths)
    }

    /// A symbol of Python's, as code of this interpreter is to find it; `None` leaves it to the C library's dlsym.
    pub(crate) fn symbol(
        &self,
        handle: *mut c_void,
        name: &CStr,
        version: Option<&CStr>,
    ) -> Option<Result<NonNull<c_void>, String>> {
        let is_python = is_pythons(name.to_bytes()) && !name.to_bytes().starts_with(b"PyInit_");
        let name = name.to_str().ok().filter(|_| is_python)?;
        let own = self.python.symbol_of(&self.prefix.mangle(name), version);
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

/// Installed with a Python package: such a library has its users in Python, and none that run at the same time.
fn is_from_a_package(path: &Path) -> bool {
    let folders = ["site-packages", "dist-packages"].map(OsStr::new);
    path.components().any(|part| matches!(part, Component::Normal(name) if folders.contains(&name)))
}

fn is_this_library(metadata: &Metadata) -> bool {
    let own = own_path().and_then(|path| fs::metadata(path).ok());
    own.is_some_and(|own| FileId::of(&own) == FileId::of(metadata))
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}

fn c_string(bytes: &[u8]) -> CString {
    CString::new(bytes).unwrap_or_default()
}

/// What all interpreters of a process know about files.
#[derive(Default)]
struct Known {
    /// From the paths that copies were loaded by to those that they were copied from.
    originals: Mutex<HashMap<PathBuf, &'static CStr>>,
    /// What was found out about libraries: to find it out again, they would have to be read again.
    facts: Mutex<HashMap<FileId, Arc<LibraryInfo>>>,
}

static KNOWN: ForkLocal<Known> = ForkLocal::new(Known::default);

/// What matters of the library in this file; of one that cannot be read, nothing.
fn facts(path: &Path) -> Arc<LibraryInfo> {
    let Ok(metadata) = fs::metadata(path) else { return Arc::default() };
    let known = || lock(&KNOWN.get().facts);
    if let Some(facts) = known().get(&FileId::of(&metadata)) {
        return facts.clone();
    }
    let facts = Image::read(path).ok().and_then(|image| LibraryInfo::of(path, &image).ok()).map(Arc::new);
    let facts = facts.unwrap_or_default();
    known().insert(FileId::of(&metadata), facts.clone());
    facts
}

fn remember_original(private: &Path, original: &Path) {
    let original = Box::leak(c_string(original.as_os_str().as_bytes()).into_boxed_c_str());
    lock(&KNOWN.get().originals).insert(private.to_owned(), original);
}

/// Where the library that was loaded by this path was copied from, if it is a copy.
pub(crate) fn original_path(private: &CStr) -> Option<&'static CStr> {
    let path = Path::new(OsStr::from_bytes(private.to_bytes()));
    lock(&KNOWN.get().originals).get(path).copied()
}
