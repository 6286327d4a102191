//! One interpreter's private libraries.

use std::collections::{HashMap, HashSet};
use std::ffi::{CStr, CString, OsStr, c_int, c_void};
use std::fmt;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::ptr::{self, NonNull};
use std::sync::{Arc, Mutex};

use super::dl::{Library, is_exported_by_host};
use super::library_cache::{FileId, library_info, remember_original};
use super::memfile::PrivateFile;
use super::privacy::{is_system_name, private_libraries};
use super::reentrant::ReentrantLock;
use crate::interp::elf::image::Image;
use crate::interp::elf::rewrite::rewrite_library;
use crate::interp::elf::symbols::{PythonSymbols, SymbolPrefix, is_python_symbol};
use crate::interp::elf::version_files::version_files_not_needed;
use crate::interp::exit::at_exit;
use crate::sys::sync::lock;

/// Loads libraries for one interpreter.
pub(crate) struct Loader {
    prefix: SymbolPrefix,
    /// The copy of libpython, and its SONAME.
    python: Library,
    python_soname: String,
    /// What it exports.
    exported: Arc<PythonSymbols>,
    /// The functions of the C library that are interposed in the interpreter's libraries.
    interposed: &'static [&'static str],
    libraries: Mutex<HashMap<FileId, PrivateLibrary>>,
    /// Held while a library is loaded, or two threads would load two copies. Initialisers may load others in their
    /// turn.
    loading: ReentrantLock,
    /// Libraries whose initialisers have not returned yet, and the paths that they are loaded by.
    unfinished: Mutex<Vec<(FileId, PathBuf)>>,
}

/// A copy of a library that was loaded for one interpreter.
#[derive(Clone)]
struct PrivateLibrary {
    library: Library,
    soname: Vec<u8>,
}

impl Loader {
    pub(crate) fn new(
        prefix: SymbolPrefix,
        python: Library,
        python_soname: String,
        exported: Arc<PythonSymbols>,
        interposed: &'static [&'static str],
    ) -> Self {
        Self {
            prefix,
            python,
            python_soname,
            exported,
            interposed,
            libraries: Mutex::default(),
            loading: ReentrantLock::default(),
            unfinished: Mutex::default(),
        }
    }

    /// The interpreter's copy of a library, loaded if it was not. `None` if the C library's loader is to open the path:
    /// because the library is shared, or because it reports best what is wrong with the file. The error is a message.
    pub(crate) fn open(&self, path: &Path, flags: c_int) -> Result<Option<Library>, String> {
        if is_system_name(path) {
            return Ok(None);
        }
        let Ok(metadata) = fs::metadata(path) else { return Ok(None) };
        let id = FileId::of(&metadata);
        if let Some(private) = lock(&self.libraries).get(&id) {
            return Ok(Some(private.library));
        }
        if flags & libc::RTLD_NOLOAD != 0 {
            return Ok(None);
        }
        let Some(needed) = private_libraries(path, id, &|name| self.is_python(name)) else { return Ok(None) };
        self.load(path, flags, &needed).map(|private| Some(private.library))
    }

    /// Loads a copy of a library, and before it copies of the libraries of `to_copy` that it needs.
    fn load(&self, path: &Path, flags: c_int, to_copy: &HashSet<PathBuf>) -> Result<PrivateLibrary, String> {
        let failed = |error: &dyn fmt::Display| format!("{}: {error}", path.display());
        let _loading = self.loading.lock();
        let id = FileId::of(&fs::metadata(path).map_err(|error| failed(&error))?);
        if let Some(private) = lock(&self.libraries).get(&id) {
            return Ok(private.clone());
        }
        if let Some(library) = self.unfinished_library(id) {
            return Ok(PrivateLibrary { library, soname: self.soname_of(path) });
        }
        let sonames = self.load_needed(path, to_copy)?;
        let file = self.make_copy(path, &sonames).map_err(|error| failed(&error))?;
        remember_original(file.path(), path);
        // The copy's symbols must not be global, or the next interpreter's copies would be bound to them.
        let flags = flags & !libc::RTLD_GLOBAL | libc::RTLD_NODELETE;
        lock(&self.unfinished).push((id, file.path().to_owned()));
        // SAFETY: the initialisers that run are the original's. Code in the interpreter asks for them: it calls dlopen,
        // for which this stands in.
        let library = unsafe { Library::open(file.path(), flags) };
        lock(&self.unfinished).retain(|(other, _)| *other != id);
        let library = library.map_err(|error| self.in_original_names(&error.0, file.path(), path))?;
        at_exit::register_hook();
        let private = PrivateLibrary { library, soname: self.soname_of(path) };
        lock(&self.libraries).insert(id, private.clone());
        Ok(private)
    }

    /// Loads copies of the libraries of `to_copy` that a library needs. The result is the SONAME of each copy, by the
    /// name that it is needed by.
    fn load_needed(
        &self,
        path: &Path,
        to_copy: &HashSet<PathBuf>,
    ) -> Result<HashMap<Vec<u8>, Vec<u8>>, String> {
        let mut others = to_copy.clone();
        others.remove(path); // libraries may need one another in a circle
        let info = library_info(path);
        let needed = info.needed.iter().filter(|(_, needed)| others.contains(needed));
        needed
            .map(|(name, needed)| Ok((name.clone(), self.load(needed, libc::RTLD_NOW, &others)?.soname)))
            .collect()
    }

    /// The SONAME of the copy of a library.
    fn soname_of(&self, path: &Path) -> Vec<u8> {
        self.prefix.mangle(&file_name(path).to_string_lossy()).into_bytes()
    }

    /// A library that this thread is loading: its own initialiser asks for it.
    fn unfinished_library(&self, id: FileId) -> Option<Library> {
        let path = lock(&self.unfinished).iter().find(|(other, _)| *other == id)?.1.clone();
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        unsafe { Library::open(&path, libc::RTLD_NOW | libc::RTLD_NOLOAD) }.ok()
    }

    /// Whether a symbol that a library needs is Python's. One that only the host's Python exports is one too: in this
    /// interpreter there is no such symbol. All others are other libraries', whatever their names are.
    fn is_python(&self, name: &[u8]) -> bool {
        is_python_symbol(name) && (self.exported.contains(name) || is_exported_by_host(name))
    }

    /// Makes a copy of a library's file. For each name of `sonames` by which it needs a library, the copy needs the library
    /// with the SONAME that is given there.
    fn make_copy(
        &self,
        path: &Path,
        sonames: &HashMap<Vec<u8>, Vec<u8>>,
    ) -> Result<PrivateFile, Box<dyn std::error::Error>> {
        let image = Image::read(path)?;
        let name = file_name(path).as_bytes();
        let origin = fs::canonicalize(path.parent().unwrap_or(Path::new("/")))?;
        let needed = |needed: &[u8]| {
            let python = needed.starts_with(b"libpython").then(|| self.python_soname.clone().into_bytes());
            // Packages whose libraries lie in several directories load them by path first.
            let loaded = || {
                let soname = self.prefix.mangle_bytes(needed);
                let is_loaded = lock(&self.libraries).values().any(|private| private.soname == soname);
                is_loaded.then_some(soname)
            };
            python.or_else(|| sonames.get(needed).cloned()).or_else(loaded)
        };
        let origin = origin.as_os_str().as_bytes();
        let is_own =
            |name: &[u8]| self.is_python(name) || self.interposed.iter().any(|it| it.as_bytes() == name);
        check_version_files(&image, &needed)?;
        let copy = rewrite_library(image, &self.prefix, name, origin, is_own, needed)?;
        Ok(PrivateFile::new(&CString::new(name).unwrap_or_default(), &copy)?)
    }

    fn in_original_names(&self, message: &str, private: &Path, original: &Path) -> String {
        let message = message.replace(&*private.to_string_lossy(), &original.to_string_lossy());
        self.prefix.demangle(&message)
    }

    /// The address of a Python symbol, as code of this interpreter is to find it. `None` if the C library's dlsym is to
    /// look the symbol up.
    pub(crate) fn symbol(
        &self,
        handle: *mut c_void,
        name: &CStr,
        version: Option<&CStr>,
    ) -> Option<Result<NonNull<c_void>, String>> {
        let is_python = is_python_symbol(name.to_bytes()) && !name.to_bytes().starts_with(b"PyInit_");
        let name = name.to_str().ok().filter(|_| is_python)?;
        let own = self.python.symbol_of(&self.prefix.mangle(name), version);
        // A library may have symbols with such names too. In the whole process, they would be another Python's.
        let is_whole_process = handle == libc::RTLD_DEFAULT || handle == whole_process();
        own.map(Ok).or_else(|| is_whole_process.then(|| Err(format!("undefined symbol: {name}"))))
    }
}

/// The handle that dlopen(NULL) returns.
fn whole_process() -> *mut c_void {
    // SAFETY: NULL stands for the program itself, which is loaded already.
    unsafe { libc::dlopen(ptr::null(), libc::RTLD_LAZY | libc::RTLD_NOLOAD) }
}

/// The dynamic loader must have loaded each file that a library expects versions of symbols in, or it aborts the process.
/// It loads those that the library needs. `needed` may give another name for a file.
fn check_version_files(
    image: &Image,
    needed: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Result<(), Box<dyn std::error::Error>> {
    for file in version_files_not_needed(image)? {
        let name = needed(file).unwrap_or_else(|| file.to_vec());
        // SAFETY: with RTLD_NOLOAD, no library is loaded, and so no initialiser runs.
        let loaded = unsafe {
            Library::open(Path::new(OsStr::from_bytes(&name)), libc::RTLD_LAZY | libc::RTLD_NOLOAD)
        };
        if loaded.is_err() {
            let file = String::from_utf8_lossy(file);
            return Err(format!("it uses symbol versions of {file}, but does not need that library").into());
        }
    }
    Ok(())
}

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or(path.as_os_str())
}
